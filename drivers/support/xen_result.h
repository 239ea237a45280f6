// Xen's return values in our words, and the small hypercalls that several drivers make.
#pragma once

#include <xen/features.h>

#include "libresume/platform/xen.h"

// Xen's errno numbers, as an enumeration XEN_*; the header wants to be read once in this way.
#include <xen/errno.h>

namespace resume {
inline namespace v0 {

/// A negative return value as an Error that keeps it; ok otherwise.
inline Result<> xen_result(long value) noexcept {
    if (value >= 0) {
        return {};
    }
    const auto detail = static_cast<int32_t>(value);
    switch (-detail) {
        case XEN_ENOSYS:
            return {Errc::unsupported, detail};
        case XEN_EPERM:
        case XEN_EACCES:
            return {Errc::denied, detail};
        case XEN_EEXIST:
            return {Errc::exists, detail};
        case XEN_ENOSPC:
        case XEN_ENOMEM:
            return {Errc::no_space, detail};
        default:
            return {Errc::hypercall, detail};
    }
}

inline Result<uint64_t> hvm_param(Machine& machine, uint32_t index) noexcept {
    xen_hvm_param parameter{.domid = DOMID_SELF, .pad = 0, .index = index, .value = 0};
    RESUME_TRY(xen_result(xen::hvm_op(machine, HVMOP_get_param, parameter)));
    return static_cast<uint64_t>(parameter.value);
}

inline Result<> set_hvm_param(Machine& machine, uint32_t index, uint64_t value) noexcept {
    xen_hvm_param parameter{.domid = DOMID_SELF, .pad = 0, .index = index, .value = value};
    return xen_result(xen::hvm_op(machine, HVMOP_set_param, parameter));
}

/// Makes Xen's frame `index` of `space` (XENMAPSPACE_*) appear at `gfn`; may be repeated.
inline Result<> add_to_physmap(Machine& machine, unsigned space, uint64_t index, Gfn gfn) noexcept {
    xen_add_to_physmap map{
        .domid = DOMID_SELF, .size = 0, .space = space, .idx = index, .gpfn = gfn};
    return xen_result(xen::memory_op(machine, XENMEM_add_to_physmap, map));
}

}  // namespace v0
}  // namespace resume
