// <linux/virtio_net.h> for C++: a member of its is called `class`, and `sort` here.
#pragma once

#define VIRTIO_NET_NO_LEGACY
#if defined __clang__
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wkeyword-macro"
#endif
#define class sort
#include <linux/virtio_net.h>
#undef class
#if defined __clang__
#pragma clang diagnostic pop
#endif
