"""A Linux guest under QEMU (KVM-style devices, software emulation) and what is done to it."""
