"""What a guest is made of, found or made once."""

import dataclasses
import pathlib

from xenlab import images as lab_images
from xenlab import packages
from xenlab.errors import Skip

from . import images


@dataclasses.dataclass(frozen=True)
class Parts:
    qemu: pathlib.Path
    kernel: pathlib.Path
    kernel_release: str
    initramfs: pathlib.Path
    disk: pathlib.Path
    swap: pathlib.Path

    def with_initramfs(self, path):
        return dataclasses.replace(self, initramfs=path)


@dataclasses.dataclass(frozen=True)
class _Programs:
    """The part of xenlab's Installation that a guest without Xen needs."""

    busybox: pathlib.Path
    modprobe: pathlib.Path
    kernel_release: str
    kernel_image: pathlib.Path

    def fingerprint(self):
        stat = self.kernel_image.stat()
        return repr((self.kernel_release, stat.st_size, stat.st_mtime_ns))


def find_programs():
    """Raises Skip with the first thing that is missing."""
    kernels = packages.find_kernels()
    if not kernels:
        raise Skip("no Linux kernel with modules in /boot (Debian package linux-image-amd64)")
    release, kernel = kernels[-1]
    return _Programs(
        busybox=packages.find_program("busybox", "busybox-static"),
        modprobe=packages.find_program("modprobe", "kmod"),
        kernel_release=release, kernel_image=kernel)


def find_parts(build_folder, tools):
    """Raises Skip with the first thing that is missing."""
    programs = find_programs()
    cache = lab_images.Cache(build_folder)
    return Parts(qemu=packages.find_program("qemu-system-x86_64", "qemu-system-x86"),
                 kernel=programs.kernel_image, kernel_release=programs.kernel_release,
                 initramfs=images.guest_image(cache, programs, tools),
                 disk=images.disk_image(cache), swap=images.swap_image(cache))
