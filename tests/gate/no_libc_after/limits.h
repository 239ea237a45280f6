// gcc's own <limits.h> goes on to libc's when gcc was built for a system that has one. A compiler
// built for no system stops at its own, which is complete: so there is nothing here.
