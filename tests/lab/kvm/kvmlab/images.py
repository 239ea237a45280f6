"""The guest's initramfs and disk: Debian's kernel and busybox, our programs."""

import pathlib
import shutil
import subprocess

from xenlab import images
from xenlab.cpio import Initramfs
from xenlab.errors import LabError, Skip

HERE = pathlib.Path(__file__).resolve().parent.parent

MODULES = ("virtio_pci", "virtio_blk", "virtio_net", "virtio_console", "virtio-rng",
           "virtio_balloon", "ext4", "button", "pm-notifier-error-inject", "hwpoison-inject")
DISK_LABEL = "lab"
FOLDERS = ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "etc", "root", "var/lib", "usr/bin",
           "usr/sbin", "usr/libexec/libresume", "mnt", "lab/bin")
GUEST_PROGRAMS = ("resume-lab-server", "resume-lab-alarm", "resume-lab-poison")
AGENT_PROGRAMS = {"resume-agent": "usr/sbin", "resumectl": "usr/sbin",
                  "resume-freeze": "usr/libexec/libresume",
                  "resume-probe": "usr/libexec/libresume"}


def initramfs(installation, tools):
    """`tools`: folder of our built programs; the agent is put in where it is built."""
    image = Initramfs()
    for folder in FOLDERS:
        image.folder(folder)
    images.add_busybox(image, installation.busybox)
    images.add_modules(image, installation, installation.kernel_release, MODULES)
    for name in GUEST_PROGRAMS:
        images.add_program(image, f"lab/bin/{name}", tools / name)
    for name, folder in AGENT_PROGRAMS.items():
        if (tools / name).exists():
            images.add_program(image, f"{folder}/{name}", tools / name)
    # Threads are cancelled through this at run time; ldd does not tell.
    images.add_runtime_object(image, "libgcc_s.so.1")
    image.file("init", (HERE / "guest" / "init.sh").read_bytes(), executable=True)
    return image


def guest_image(cache, installation, tools):
    sources = [tools / name for name in GUEST_PROGRAMS + tuple(AGENT_PROGRAMS)
               if (tools / name).exists()]
    sources += sorted((HERE / "guest").glob("*.sh")) + [pathlib.Path(__file__)]
    return cache.get("kvm-guest", (installation.fingerprint(), images.content_of(*sources)),
                     lambda path: initramfs(installation, tools).write(path))


def formatted(cache, name, size_mib, tool, package, *options):
    """A sparse file with an empty file system or swap space in it."""
    program = shutil.which(tool, path="/usr/sbin:/sbin:/usr/bin")
    if program is None:
        raise Skip(f"{tool} is not installed (Debian package {package})")

    def make(path):
        with open(path, "wb") as disk:
            disk.truncate(size_mib << 20)
        done = subprocess.run([program, *options, str(path)],
                              capture_output=True, text=True, timeout=60, check=False)
        if done.returncode != 0:
            raise LabError(f"{tool}: {done.stderr.strip()}")
    return cache.get(name, (size_mib, tool, options), make)


def disk_image(cache):
    return formatted(cache, "kvm-disk", 64, "mke2fs", "e2fsprogs", "-q", "-t", "ext4", "-F",
                     "-L", DISK_LABEL)


def swap_image(cache):
    """Room for the image of a hibernated guest."""
    return formatted(cache, "kvm-swap", 600, "mkswap", "util-linux")
