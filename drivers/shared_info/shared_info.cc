#include "drivers/shared_info/shared_info.h"

#include "drivers/support/boot_code.h"
#include "drivers/support/emit.h"
#include "drivers/support/xen_result.h"

namespace resume {
inline namespace v0 {
namespace {

// The last word of the mask belongs to ports that are never bound (EventChannels::kPorts), and only
// the guest writes the mask: what was put there before the hypercall is there after it if and only
// if the page is the same one.
constexpr uint32_t kMarkWord = 63;
constexpr uint64_t kMark = 0x7265'7375'6d65'0000;
constexpr uint64_t kAllOnes = ~uint64_t{0};
constexpr uint32_t kWallTries = 100'000;

}  // namespace

constexpr DriverOps SharedInfo::kOps = {
    .driver = "shared_info",
    .rank = SystemRank::shared_info,
    .syscore_suspend = syscore_down<&SharedInfo::syscore_suspend>,
    .syscore_resume = syscore_up<&SharedInfo::syscore_resume>,
};

SharedInfo::SharedInfo(Machine& machine, const HypercallPage& hypercall_page, Gfn frame, Gfn areas,
                       Bugs bugs) noexcept
    : Device{kOps, "shared_info"},
      machine_{machine},
      hypercall_page_{hypercall_page},
      frame_{frame},
      areas_{areas},
      bugs_{bugs} {}

RESUME_BOOT_CODE Result<> SharedInfo::boot(BootContext&) noexcept {
    RESUME_ASSERT(cpu_count(machine_) <= kMaxVcpus);
    RESUME_TRY(map_page());
    return register_areas();
}

shared_info& SharedInfo::page() const noexcept {
    return *static_cast<shared_info*>(frame_address(machine_, frame_));
}

VcpuArea& SharedInfo::area(uint32_t vcpu) const noexcept {
    auto* page = static_cast<VcpuArea*>(frame_address(machine_, areas_ + vcpu / kVcpuAreasPerPage));
    return page[vcpu % kVcpuAreasPerPage];
}

vcpu_info& SharedInfo::vcpu(uint32_t vcpu) const noexcept {
    RESUME_ASSERT(vcpu < kMaxVcpus);
    if (registered_[vcpu] || vcpu >= XEN_LEGACY_MAX_VCPUS) {
        return area(vcpu).info;
    }
    return page().vcpu_info[vcpu];
}

vcpu_runstate_info& SharedInfo::runstate(uint32_t vcpu) const noexcept {
    RESUME_ASSERT(vcpu < kMaxVcpus);
    return area(vcpu).runstate;
}

Result<> SharedInfo::map_page() noexcept {
    return add_to_physmap(machine_, XENMAPSPACE_shared_info, 0, frame_);
}

Result<> SharedInfo::register_areas() noexcept {
    Result<> first{};
    const bool forgets = bugs_.has(Bug::vcpus_beyond_32) && cycle_ != 0;
    for (uint32_t vcpu = 0; vcpu < cpu_count(machine_); ++vcpu) {
        if (forgets && vcpu >= XEN_LEGACY_MAX_VCPUS) {
            break;
        }
        const Result<> done = register_area(vcpu);
        first = first.ok() ? done : first;
    }
    for (uint32_t vcpu = cpu_count(machine_); vcpu < kMaxVcpus; ++vcpu) {
        registered_[vcpu] = false;  // it may have had one in the domain before
    }
    return first;
}

Result<> SharedInfo::register_area(uint32_t vcpu) noexcept {
    const long value = set_vcpu_info(vcpu);
    registered_[vcpu] = value == 0;
    if (value != 0 && bugs_.has(Bug::resumed_is_new)) {
        panic("register_vcpu_info failed", __FILE__, __LINE__);
    }
    // Xen's own place in shared_info stands in for the first 32; the others have none.
    return xen_result(value);
}

Result<> SharedInfo::add_cpu(uint32_t vcpu) noexcept {
    return registered_[vcpu] ? Result<>{} : register_area(vcpu);
}

/// Xen 4.17 takes the area of another vCPU only while that one is down, so it is taken down and up
/// as Linux does (xen_vcpu_restore); it goes on where it was.
long SharedInfo::set_vcpu_info(uint32_t vcpu) noexcept {
    const bool other = vcpu != current_cpu(machine_);
    const bool was_up = other && xen::vcpu_op(machine_, VCPUOP_is_up, vcpu) > 0;
    if (was_up) {
        (void)xen::vcpu_op(machine_, VCPUOP_down, vcpu);
    }
    const VcpuArea& where = area(vcpu);
    vcpu_register_vcpu_info place{
        .mfn = areas_ + vcpu / kVcpuAreasPerPage,
        .offset = vcpu % kVcpuAreasPerPage * static_cast<uint32_t>(sizeof(where)),
        .rsvd = 0};
    const long value = xen::vcpu_op(machine_, VCPUOP_register_vcpu_info, vcpu, place);
    if (was_up) {
        (void)xen::vcpu_op(machine_, VCPUOP_up, vcpu);
    }
    return value;
}

Result<> SharedInfo::syscore_suspend(SyscoreContext&) noexcept {
    identity_ = hypercall_page_.identity();
    ++cycle_;
    page().evtchn_mask[kMarkWord] = kMark | cycle_;
    return {};
}

bool SharedInfo::is_hole() const noexcept {
    const shared_info& shared = page();
    return shared.evtchn_mask[kMarkWord] == kAllOnes && shared.evtchn_pending[0] == kAllOnes &&
           shared.wc_version == ~uint32_t{0};
}

DomainEvidence SharedInfo::find_evidence() const noexcept {
    if (moved_ || is_hole() || page().evtchn_mask[kMarkWord] != (kMark | cycle_)) {
        return DomainEvidence::fresh;
    }
    return DomainEvidence::same;
}

Result<> SharedInfo::syscore_resume(SyscoreContext& context, Outcome outcome) noexcept {
    moved_ = false;
    if (outcome != Outcome::resumed) {
        return {};
    }
    const HypercallPage::Identity now = hypercall_page_.identity();
    moved_ = now != identity_;
    const bool believes = bugs_.has(Bug::resumed_is_new) || bugs_.has(Bug::cancel_as_resume);
    const DomainEvidence evidence = believes ? DomainEvidence::fresh : find_evidence();
    context.set_evidence(evidence);
    emit(machine_, id(), EventKind::evidence, static_cast<uint32_t>(evidence),
         uint64_t{now.incarnation} << 16 | now.domid);
    if (evidence == DomainEvidence::same) {
        // Page and areas were never taken away; EventChannels proves that they are alive.
        return {};
    }
    const Result<> mapped = map_page();
    if (bugs_.has(Bug::no_hypercall_page)) {
        const Result<WallBase> base = read_wall_base();
        early_wall_base_ = base.ok() ? base.value() : WallBase{};
        early_wall_ = true;
    }
    const Result<> registered = register_areas();
    return mapped.ok() ? registered : mapped;
}

Result<WallBase> SharedInfo::read_wall_base() const noexcept {
    const volatile shared_info& shared = page();
    for (uint32_t i = 0; i < kWallTries; ++i) {
        const uint32_t version = shared.wc_version;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        const WallBase base{.seconds = uint64_t{shared.wc_sec_hi} << 32 | shared.wc_sec,
                            .nanoseconds = shared.wc_nsec};
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
        if (version % 2 == 0 && version == shared.wc_version) {
            return base;
        }
    }
    return Errc::timed_out;
}

}  // namespace v0
}  // namespace resume
