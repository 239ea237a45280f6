// What the daemon remembers of its guest from one cycle to the next: the inventory, the lost pages,
// the kernel package's changelog. It fills the report's part of "what changed under the guest", and
// says the doctor's verdict for the store. Never sleeps, never scans page flags without need.
#pragma once

#include <optional>
#include <set>
#include <string>

#include "agent/doctor/doctor.h"
#include "agent/doctor/inventory.h"
#include "agent/doctor/poison_pages.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent::doctor {

class GuestRecord {
  public:
    /// `waive`: [capabilities] waive of the configuration, exact ids.
    GuestRecord(Root root, Cpuid cpuid, std::set<std::string> waive);

    /// Takes the inventory: at start, and before an announced cycle.
    void remember();

    /// Whether every frontend that was connected is connected again. After a restore the kernel
    /// does that on its own time, later than the end of the cycle (on a real Xen a vif was still
    /// Initialising); ask until it is so, or a limit of yours is over, before after_cycle().
    [[nodiscard]] bool settled() const;

    /// After a cycle: every difference into `changed`; a check "capabilities" (failed: a required
    /// item was lost and not waived, which is what "degraded" means; warning: an expected one; ok),
    /// and a check "poison" with the addresses when pages were lost since the last look. What is
    /// now becomes what the next cycle is compared with.
    void after_cycle(oracle::CycleReport& report);

    /// The node data/resume/doctor. The first call may take long on Enterprise Linux (it asks rpm
    /// for the kernel's changelog, at most 10 s a package name); later ones use what it found.
    /// `store` reads this guest's xenstore, or is empty.
    std::string verdict(std::function<std::optional<std::string>(std::string_view)> store);

  private:
    Root root_;
    Cpuid cpuid_;
    std::set<std::string> waive_;
    Inventory inventory_;
    PoisonWatch poison_;
    std::optional<std::string> changelog_;
};

}  // namespace resume::agent::doctor
