// Rank hypercall_page: finds Xen, points it at the hypercall page. First up after a resume: writing
// the MSR latches the 64-bit layout of shared_info, without which the wall clock reads 0 (failure
// 56), and fits the page to the new host's vendor.
#pragma once

#include "drivers/xen_guest/bugs.h"
#include "libresume/device.h"

namespace resume {
inline namespace v0 {

class HypercallPage final : public Device {
  public:
    /// `page`: one page of the guest's own memory that nothing else uses.
    HypercallPage(Machine& machine, Gfn page, Bugs bugs) noexcept;

    /// Boot, CPU 0, before any hypercall. unsupported when no Xen is found in CPUID.
    Result<> boot(BootContext& boot) noexcept;

    /// First of Xen's CPUID leaves; 0 before boot().
    [[nodiscard]] uint32_t cpuid_base() const noexcept { return base_; }
    /// XENFEAT_* (xen/features.h); read at boot and again after every resume.
    [[nodiscard]] bool feature(uint32_t bit) const noexcept;
    /// CPUID base + 4, EAX: XEN_HVM_CPUID_* of the vCPU that ran boot().
    [[nodiscard]] uint32_t hvm_features() const noexcept { return hvm_features_; }

    /// What tells a restored domain from the same one without any shared memory: how often it was
    /// restored (base + 3, EDX) and its id (base + 4, ECX; 0 where Xen does not say). Any context.
    struct Identity {
        uint32_t incarnation = 0;
        uint32_t domid = 0;
        friend bool operator==(const Identity&, const Identity&) = default;
    };
    [[nodiscard]] Identity identity() const noexcept;

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    void install() noexcept;
    Result<> read_features() noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    Gfn page_;
    Bugs bugs_;
    uint32_t base_ = 0;
    uint32_t features_ = 0;
    uint32_t hvm_features_ = 0;
    bool has_hvm_leaf_ = false;
};

}  // namespace v0
}  // namespace resume
