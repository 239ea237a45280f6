"""A real Xen under QEMU, with dom0 and guests of our own, for the tests of libresume."""
