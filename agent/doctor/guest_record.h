// What the daemon remembers of its guest from one cycle to the next: the inventory, the lost pages,
// the kernel package's changelog. It fills the report's part of "what changed under the guest", and
// says the doctor's verdict for the store. Never sleeps, never scans page flags without need.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "agent/doctor/changelog.h"
#include "agent/doctor/doctor.h"
#include "agent/doctor/inventory.h"
#include "libresume/oracle/cycle_report.h"

namespace resume::agent::doctor {

class GuestRecord {
  public:
    /// Takes the inventory. `waive`: [capabilities] waive of the configuration, exact ids.
    GuestRecord(Root root, Cpuid cpuid, std::set<std::string> waive);

    /// The configuration was read again.
    void waive(std::set<std::string> ids) { waive_ = std::move(ids); }

    /// Takes the inventory anew: before an announced cycle.
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

    /// The kernel said that it lost the page at this guest-physical address.
    void page_lost(uint64_t address) { poison_.hear(address); }

    /// Asks rpm for the kernel's changelog, where it is one of Enterprise Linux; calls `found` once
    /// from the loop (or at once, where nothing is asked). Until then a verdict that hangs on it is
    /// unknown. The loop outlives this.
    void look_up_changelog(EventLoop& loop, std::function<void()> found);

    /// A diagnosis of this guest, now. `store` reads this guest's xenstore, or is empty. `earlier`:
    /// a look_at_activity() some time ago; without it nothing is said of what hangs.
    [[nodiscard]] Diagnosis diagnosis(
        std::function<std::optional<std::string>(std::string_view)> store,
        std::optional<Activity> earlier = std::nullopt);

    [[nodiscard]] Activity activity() const { return look_at_activity(root_); }

  private:
    Root root_;
    Cpuid cpuid_;
    std::set<std::string> waive_;
    Inventory inventory_;
    PoisonWatch poison_;
    std::string changelog_;
    std::unique_ptr<ChangelogQuery> query_;
};

}  // namespace resume::agent::doctor
