// What <xen/io/ring.h> leaves to its user: barriers, and a memset without libc. Included before any
// header of <xen/io/...> that defines rings.
#pragma once

#include <stddef.h>

#include "libresume/platform/xen.h"

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

extern "C" void* memset(void* to, int value, size_t size);
