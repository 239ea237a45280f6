// Debian's C++ library is configured for an operating system with threads whatever -ffreestanding
// says; this is what the same library says of itself when it is built with --disable-hosted.
#pragma once

#include_next <bits/c++config.h>

#undef _GLIBCXX_HOSTED
#define _GLIBCXX_HOSTED 0
#undef _GLIBCXX_HAS_GTHREADS
#undef _GLIBCXX_HAVE_LINUX_FUTEX
