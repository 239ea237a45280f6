// Rank shared_info: the page that Xen shares with the guest, and each vCPU's vcpu_info (vCPUs from
// 32 up have no other place for it). After a resume it first finds out which domain this is, by
// evidence and without reading a clock: then maps the page at the same guest frame and registers
// the areas anew in a fresh domain, or checks that they are alive in the same one (failure 52).
#pragma once

#include "drivers/hypercall_page/hypercall_page.h"
#include "drivers/support/limits.h"
#include "libresume/platform/xen.h"

namespace resume {
inline namespace v0 {

/// What the guest gives of its own memory for one vCPU; never crosses a page.
struct alignas(128) VcpuArea {
    vcpu_info info;
    vcpu_runstate_info runstate;
};
static_assert(sizeof(VcpuArea) == 128);
inline constexpr uint32_t kVcpuAreasPerPage = kPageSize / sizeof(VcpuArea);

/// Wall clock base of shared_info: wall time at system time 0.
struct WallBase {
    uint64_t seconds = 0;
    uint32_t nanoseconds = 0;
};

class SharedInfo final : public Device {
  public:
    /// `frame`: where shared_info appears, a page of the guest's or a hole; the same for ever.
    /// `areas`: first of consecutive frames with room for a VcpuArea for each vCPU.
    SharedInfo(Machine& machine, const HypercallPage& hypercall_page, Gfn frame, Gfn areas,
               Bugs bugs) noexcept;

    /// Boot, CPU 0: maps the page, registers the areas of CPUs 0 .. cpu_count - 1. The others may
    /// be down or up.
    Result<> boot(BootContext& boot) noexcept;

    /// A vCPU that is down and will be brought up: its area, unless Xen has it already. Thread
    /// context, CPU 0.
    Result<> add_cpu(uint32_t vcpu) noexcept;

    /// The page as it is mapped now. A hole (between the hypercall and syscore_resume in a fresh
    /// domain) reads all ones.
    [[nodiscard]] shared_info& page() const noexcept;
    /// Where Xen writes for this vCPU: the registered area, or shared_info's own.
    [[nodiscard]] vcpu_info& vcpu(uint32_t vcpu) const noexcept;
    [[nodiscard]] vcpu_runstate_info& runstate(uint32_t vcpu) const noexcept;

    /// After a resume: CPUID names another domain or incarnation. Not so after a soft reset, which
    /// is a fresh domain in place.
    [[nodiscard]] bool moved() const noexcept { return moved_; }

    /// bug no_hypercall_page only: the base as it was read right after the remap.
    [[nodiscard]] const WallBase* early_wall_base() const noexcept {
        return early_wall_ ? &early_wall_base_ : nullptr;
    }
    /// Bounded read under wc_version; timed_out when it never settles.
    [[nodiscard]] Result<WallBase> read_wall_base() const noexcept;

  private:
    Result<> syscore_suspend(SyscoreContext&) noexcept;
    Result<> syscore_resume(SyscoreContext&, Outcome) noexcept;
    [[nodiscard]] DomainEvidence find_evidence() const noexcept;
    [[nodiscard]] bool is_hole() const noexcept;
    Result<> map_page() noexcept;
    Result<> register_areas() noexcept;
    Result<> register_area(uint32_t vcpu) noexcept;
    long set_vcpu_info(uint32_t vcpu) noexcept;
    [[nodiscard]] VcpuArea& area(uint32_t vcpu) const noexcept;
    static const DriverOps kOps;

    Machine& machine_;
    const HypercallPage& hypercall_page_;
    Gfn frame_;
    Gfn areas_;
    Bugs bugs_;
    HypercallPage::Identity identity_{};
    uint32_t cycle_ = 0;
    bool moved_ = false;
    bool early_wall_ = false;
    WallBase early_wall_base_{};
    bool registered_[kMaxVcpus] = {};
};

}  // namespace v0
}  // namespace resume
