// The domain as Xen's host side sees it: its id and incarnation, whether it runs, and what becomes
// of the guest's registrations at each way of coming back (4.1.3, 4.1.4, 4.2.5, and what was
// measured of a restore on Xen 4.17).
#pragma once

#include <cstdint>
#include <optional>

#include "drivers/model/config.h"
#include "drivers/model/fwd.h"
#include "libresume/terms.h"

namespace resume::model {

class Domain {
  public:
    explicit Domain(Machine& machine);

    [[nodiscard]] DomId id() const { return id_; }
    [[nodiscard]] uint32_t incarnation() const { return incarnation_; }
    [[nodiscard]] bool down() const { return down_; }
    [[nodiscard]] DomainEvidence evidence() const { return evidence_; }

    /// SCHEDOP_shutdown(suspend): returns what the caller's register holds when the guest runs
    /// again. `cpu` made the call; the toolstack's return code goes to vCPU 0 (L2).
    long suspend(uint32_t cpu);

    /// The host's acts while the domain is down. xc_domain_resume: with `fast` 1 is put into vCPU
    /// 0's register, but not when CALLBACK_IRQ is 0; without, the call returns 0 in the same
    /// domain. False (EINVAL) when the domain is not shut down for a suspend.
    bool resume_in_place(bool fast);
    /// Restore or migration: a new domain on `host`.
    void restore(const HostConfig& host);
    /// xc_domain_soft_reset and the rest of an in-place restore: same domain id, nothing bound.
    void soft_reset();

    /// vCPU 0's register was overwritten while it was not the caller (failure 57).
    [[nodiscard]] bool register_clobbered() const { return clobbered_; }

  private:
    void run_again(bool new_domain);

    Machine& machine_;
    DomId id_;
    uint32_t incarnation_ = 1;
    bool down_ = false;
    bool clobbered_ = false;
    uint32_t caller_ = 0;
    long return_code_ = 0;
    DomainEvidence evidence_ = DomainEvidence::same;
};

}  // namespace resume::model
