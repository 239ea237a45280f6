// The rings' layouts for the backends' side: what <xen/io/ring.h> leaves to its user.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "libresume/platform/xen.h"

#define xen_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)

#include <xen/io/blkif.h>
#include <xen/io/netif.h>
