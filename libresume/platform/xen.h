// The narrow waist, part 2: Xen's hypercalls. One entry, bound at link time, and typed wrappers for
// what the drivers use; structures and numbers come from libxen-dev's <xen/...>, never retyped.
//
// Whoever implements `hypercall` is the other side's witness: it writes the EventKind::hypercall
// sighting (and the specific ones of trace.h: param_written, port_bound, vcpu_info_set, ...), with
// Witness::other_side, when and only when the act was carried out.
//
// Context of all: any CPU, interrupts on or off, never sleeps; SCHEDOP_shutdown returns when the
// guest runs again. Errors are Xen's negative errno.
#pragma once

// libxen-dev's headers use fixed-width types without including them.
#include <stdint.h>

// Without a version they give the numbers of Xen 3.0 (sched_op and event_channel_op are others
// today), so this header comes before any of theirs.
#if !defined(__XEN_INTERFACE_VERSION__)
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#elif __XEN_INTERFACE_VERSION__ < 0x00040e00
#error "include libresume/platform/xen.h before any header of <xen/...>"
#endif

#include <xen/xen.h>

#include <xen/event_channel.h>
#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>
#include <xen/version.h>

#include "libresume/platform/machine.h"

namespace resume {
inline namespace v0 {

/// The hypercall through the hypercall page (or the model). `arguments` as the ABI has them;
/// pointers are guest-virtual addresses.
long hypercall(Machine& machine, unsigned number, uintptr_t a0 = 0, uintptr_t a1 = 0,
               uintptr_t a2 = 0, uintptr_t a3 = 0, uintptr_t a4 = 0) noexcept;

namespace xen {

inline long with_pointer(Machine& m, unsigned number, unsigned op, auto& argument) noexcept {
    return hypercall(m, number, op, reinterpret_cast<uintptr_t>(&argument));
}
inline long event_channel_op(Machine& m, unsigned op, auto& argument) noexcept {
    return with_pointer(m, __HYPERVISOR_event_channel_op, op, argument);
}
inline long memory_op(Machine& m, unsigned op, auto& argument) noexcept {
    return with_pointer(m, __HYPERVISOR_memory_op, op, argument);
}
inline long hvm_op(Machine& m, unsigned op, auto& argument) noexcept {
    return with_pointer(m, __HYPERVISOR_hvm_op, op, argument);
}
inline long sched_op(Machine& m, unsigned op, auto& argument) noexcept {
    return with_pointer(m, __HYPERVISOR_sched_op, op, argument);
}
inline long xen_version(Machine& m, unsigned op, auto& argument) noexcept {
    return with_pointer(m, __HYPERVISOR_xen_version, op, argument);
}
inline long vcpu_op(Machine& m, unsigned op, uint32_t vcpu, auto& argument) noexcept {
    return hypercall(m, __HYPERVISOR_vcpu_op, op, vcpu, reinterpret_cast<uintptr_t>(&argument));
}
inline long vcpu_op(Machine& m, unsigned op, uint32_t vcpu) noexcept {
    return hypercall(m, __HYPERVISOR_vcpu_op, op, vcpu, 0);
}
inline long grant_table_op(Machine& m, unsigned op, auto& argument, uint32_t count) noexcept {
    return hypercall(m, __HYPERVISOR_grant_table_op, op, reinterpret_cast<uintptr_t>(&argument),
                     count);
}

}  // namespace xen
}  // namespace v0
}  // namespace resume
