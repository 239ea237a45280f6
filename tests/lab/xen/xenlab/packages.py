"""Finds what Debian's packages have installed. Nothing is downloaded, no version is assumed."""

import dataclasses
import pathlib
import re
import shutil

from .errors import Skip


@dataclasses.dataclass(frozen=True)
class Installation:
    """Files of one Xen, one Linux and one QEMU that the lab is made of."""

    qemu: pathlib.Path
    busybox: pathlib.Path
    modprobe: pathlib.Path
    xen_version: str
    xen_image: pathlib.Path
    xen_bin: pathlib.Path
    kernel_release: str
    kernel_image: pathlib.Path

    def fingerprint(self):
        """Changes when any of the packages is upgraded."""
        files = (self.busybox, self.xen_image, self.xen_bin / "xl", self.kernel_image)
        stats = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files]
        return repr((self.xen_version, self.kernel_release, stats))


def version_key(text):
    """Sorts 6.1.0-9 below 6.1.0-56."""
    return [int(part) for part in re.findall(r"\d+", text)]


def find_program(name, package, *folders):
    search = ":".join(["/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", *folders])
    found = shutil.which(name, path=search)
    if not found:
        raise Skip(f"{name} is not installed (Debian package {package})")
    return pathlib.Path(found)


def find_xen():
    """The newest Xen of which both the hypervisor and the toolstack are here."""
    candidates = []
    for image in pathlib.Path("/boot").glob("xen-*-amd64.gz"):
        version = image.name.removeprefix("xen-").removesuffix("-amd64.gz")
        tools = pathlib.Path(f"/usr/lib/xen-{version}/bin")
        if (tools / "xl").exists():
            candidates.append((version_key(version), version, image, tools))
    if not candidates:
        raise Skip("no Xen: packages xen-hypervisor-*-amd64 and xen-utils-* of one version "
                   "(/boot/xen-*-amd64.gz and /usr/lib/xen-*/bin/xl)")
    return max(candidates)[1:]


def find_kernels(real_time=False):
    """(release, image) of each installed Linux that has its modules, newest last."""
    found = []
    for image in pathlib.Path("/boot").glob("vmlinuz-*"):
        release = image.name.removeprefix("vmlinuz-")
        if release.endswith("-amd64") and ("-rt-" in release) == real_time:
            if pathlib.Path(f"/lib/modules/{release}/modules.dep").exists():
                found.append((version_key(release), release, image))
    return [(release, image) for _, release, image in sorted(found)]


@dataclasses.dataclass(frozen=True)
class DeviceModel:
    """What an HVM guest needs in dom0. libxl looks for all of it at these very paths."""

    programs: tuple
    files: tuple


def find_device_model(installation):
    """Raises Skip with the first thing that is missing."""
    qemu = pathlib.Path("/usr/libexec/xen-qemu-system-i386")
    loader = installation.xen_bin.parent / "boot" / "hvmloader"
    bios = pathlib.Path("/usr/share/seabios/bios-256k.bin")
    roms = [pathlib.Path("/usr/share/qemu") / name
            for name in ("linuxboot.bin", "linuxboot_dma.bin", "kvmvapic.bin")]
    keymaps = sorted(pathlib.Path("/usr/share/qemu/keymaps").glob("*"))
    for path, package in ((qemu, "qemu-system-xen"), (loader, "xen-utils-*"), (bios, "seabios"),
                          *((rom, "qemu-system-data") for rom in roms)):
        if not path.exists():
            raise Skip(f"no device model: {path} is missing (Debian package {package})")
    if not keymaps:  # QEMU ends at once without them, with `-vnc none` too
        raise Skip("no device model: no keymaps (Debian package qemu-system-data)")
    return DeviceModel((qemu,), (loader, bios, *roms, *keymaps))


def find_installation():
    """Raises Skip with the first thing that is missing."""
    xen_version, xen_image, xen_bin = find_xen()
    kernels = find_kernels()
    if not kernels:
        raise Skip("no Linux kernel with modules in /boot (Debian package linux-image-amd64)")
    kernel_release, kernel_image = kernels[-1]
    return Installation(
        qemu=find_program("qemu-system-x86_64", "qemu-system-x86"),
        busybox=find_program("busybox", "busybox-static"),
        modprobe=find_program("modprobe", "kmod"),
        xen_version=xen_version,
        xen_image=xen_image,
        xen_bin=xen_bin,
        kernel_release=kernel_release,
        kernel_image=kernel_image,
    )
