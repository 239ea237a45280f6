// Xen's public numbers, in the newest form that Debian 12's headers know: without a version they
// give the numbers of 2005 (the old sched_op), and hide what came later.
#pragma once

#include <stdint.h>

#if !defined(__XEN_INTERFACE_VERSION__)
#define __XEN_INTERFACE_VERSION__ 0x00040e00
#endif

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

static_assert(__HYPERVISOR_sched_op == 29, "the headers were included without a version before");
