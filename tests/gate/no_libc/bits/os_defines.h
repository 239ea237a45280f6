// The C++ library's header for an operating system's quirks. Debian's is glibc's and includes
// <features.h>; a C++ library built for no operating system has an empty one, as here.
