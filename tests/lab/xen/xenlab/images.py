"""Makes the lab's images from installed packages, and keeps them until a package changes."""

import gzip
import hashlib
import lzma
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile

from .cpio import Initramfs
from .errors import LabError, Skip

HERE = pathlib.Path(__file__).resolve().parent.parent

DOM0_MODULES = ("virtio_pci", "virtio_console", "virtio_blk", "9p", "9pnet_virtio", "xenfs",
                "xen-privcmd", "xen-evtchn", "xen-gntdev", "xen-gntalloc", "xen-blkback", "loop",
                "xen-netback")
DOM0_PROGRAMS = ("xl", "xenstored", "xenconsoled", "libxl-save-helper", "xen-init-dom0", "xenctx",
                 "lsevtchn", "xenstore-control")
XENSTORE_WORDS = ("read", "write", "ls", "list", "watch", "exists", "rm", "chmod")
LAB_PROGRAMS = ("resume-lab-server", "resume-lab-follow", "resume-lab-wire", "resume-lab-cycle")
DOM0_FOLDERS = ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "var/run", "var/lib", "var/lock",
                "var/log", "etc/xen", "root", "usr/bin", "usr/sbin", "share")


def shared_objects(program):
    """Paths of the shared objects that a program needs, its loader included."""
    answer = subprocess.run(["ldd", str(program)], capture_output=True, text=True, timeout=30,
                            check=False)
    if "not found" in answer.stdout:
        raise Skip(f"{program}: a shared object is missing: {answer.stdout.strip()}")
    return sorted({word for word in answer.stdout.split() if word.startswith("/")})


def without_symbols(program):
    """A program's bytes without what only a debugger reads: it is most of ours, and a guest's
    memory is small. As it is where binutils is not installed."""
    if shutil.which("strip") is None:
        return pathlib.Path(program).read_bytes()
    with tempfile.NamedTemporaryFile() as small:
        subprocess.run(["strip", "-o", small.name, str(program)], timeout=60, check=True)
        return pathlib.Path(small.name).read_bytes()


def add_program(image, path, source):
    """The program and every shared object that it needs."""
    image.file(path, without_symbols(source), executable=True)
    for needed in shared_objects(source):
        if needed not in image:
            image.file(needed, pathlib.Path(needed).resolve())


def add_busybox(image, busybox):
    image.file("bin/busybox", busybox, executable=True)
    image.link("bin/sh", "busybox")


def add_modules(image, installation, release, names, later=()):
    """The modules and what they depend on; /lab/modules/order has those that the init script loads,
    /lab/modules/later those that a test loads when it needs them."""
    order = module_files(installation, release, names)
    rest = [path for path in module_files(installation, release, later) if path not in order]
    for path in order + rest:
        image.file(f"lab/modules/{pathlib.Path(path).name}", path)
    for name, paths in (("order", order), ("later", rest)):
        image.file(f"lab/modules/{name}",
                   "".join(pathlib.Path(path).name + "\n" for path in paths).encode())


def module_files(installation, release, names):
    """In the order in which they are to be loaded."""
    order = []
    for name in names:
        answer = subprocess.run(
            [str(installation.modprobe), "-S", release, "--show-depends", name],
            capture_output=True, text=True, timeout=30, check=False)
        if answer.returncode != 0:
            raise Skip(f"kernel {release} has no module {name}: {answer.stderr.strip()}")
        for line in answer.stdout.splitlines():
            words = line.split()
            if words and words[0] == "insmod" and words[1] not in order:
                order.append(words[1])
    return order


def add_xenstore(image):
    add_program(image, "usr/bin/xenstore", "/usr/bin/xenstore")
    for word in XENSTORE_WORDS:
        image.link(f"usr/bin/xenstore-{word}", "xenstore")


def add_device_model(image, model):
    for program in model.programs:
        add_program(image, str(program), program)
    for path in model.files:
        image.file(str(path), path)
    bios = next(path for path in model.files if path.name.startswith("bios"))
    image.file(f"usr/share/qemu/{bios.name}", bios)


def dom0_initramfs(installation, tools, device_model=None, more=()):
    """dom0's whole user space. `tools` is the folder with the lab's own programs, `more` the names
    of others that are there."""
    image = Initramfs()
    for folder in DOM0_FOLDERS:
        image.folder(folder)
    add_busybox(image, installation.busybox)
    add_modules(image, installation, installation.kernel_release, DOM0_MODULES)
    for name in DOM0_PROGRAMS:
        add_program(image, f"{installation.xen_bin}/{name}", installation.xen_bin / name)
    add_xenstore(image)
    for name in (*LAB_PROGRAMS, *more):
        add_program(image, f"lab/bin/{name}", pathlib.Path(tools) / name)
    # xl cancels threads, for which libc loads this at run time; ldd does not tell.
    add_runtime_object(image, "libgcc_s.so.1")
    image.file("etc/xen/xl.conf", b'autoballoon="off"\n')
    scripts = HERE / "dom0"
    for kind in ("block", "vif"):
        image.file(f"etc/xen/scripts/{kind}-lab", scripts / "hotplug.sh", executable=True)
    image.file("lab/bin/receiver.sh", scripts / "receiver.sh", executable=True)
    init = (scripts / "init.sh").read_text().replace("@XEN_BIN@", str(installation.xen_bin))
    image.file("init", init.encode(), executable=True)
    if device_model:
        add_device_model(image, device_model)
    return image


def add_runtime_object(image, name):
    for folder in ("/lib/x86_64-linux-gnu", "/usr/lib/x86_64-linux-gnu"):
        path = pathlib.Path(folder) / name
        if path.exists():
            image.file(f"lib/x86_64-linux-gnu/{name}", path.resolve())
            return
    raise Skip(f"{name} is not installed (Debian package libgcc-s1)")


def unpack_vmlinux(kernel_image):
    """The ELF kernel out of a bzImage (Linux, Documentation/x86/boot.rst: payload_offset)."""
    data = pathlib.Path(kernel_image).read_bytes()
    if data[0x202:0x206] != b"HdrS":
        raise LabError(f"{kernel_image} is no bzImage")
    setup_sectors = data[0x1F1]
    offset, length = struct.unpack_from("<II", data, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = data[start:start + length]
    if payload.startswith(b"\xfd7zXZ"):
        elf = lzma.LZMADecompressor().decompress(payload)
    elif payload.startswith(b"\x1f\x8b"):
        elf = gzip.decompress(payload[:-4])
    else:
        raise LabError(f"{kernel_image}: payload starts with {payload[:6].hex()}, "
                       "neither xz nor gzip")
    if not elf.startswith(b"\x7fELF"):
        raise LabError(f"{kernel_image}: the unpacked payload is no ELF file")
    return elf


class Cache:
    """Images by what they were made from, in a folder of the build tree."""

    def __init__(self, folder):
        self._folder = pathlib.Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def get(self, name, ingredients, make):
        """Path of the image; make(path) is called when it is not there yet."""
        digest = hashlib.sha256(repr(ingredients).encode()).hexdigest()[:16]
        path = self._folder / f"{name}.{digest}"
        if not path.exists():
            for stale in self._folder.glob(f"{name}.*"):
                stale.unlink(missing_ok=True)
            partial = path.with_name(f".{path.name}.{os.getpid()}")
            make(partial)
            partial.rename(path)
        return path


def packed(cache, image):
    """The same, compressed."""
    return cache.get(f"packed-{image.name}", content_of(image),
                     lambda path: path.write_bytes(gzip.compress(image.read_bytes(), 9)))


def content_of(*paths):
    """Digest of files, as an ingredient."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(pathlib.Path(path).read_bytes())
    return digest.hexdigest()


def xen_image(cache, installation):
    def make(path):
        with gzip.open(installation.xen_image) as packed, open(path, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
    return cache.get("xen", content_of(installation.xen_image), make)


def vmlinux_image(cache, kernel_image, name="vmlinux"):
    return cache.get(name, content_of(kernel_image),
                     lambda path: path.write_bytes(unpack_vmlinux(kernel_image)))


def dom0_image(cache, installation, tools, device_model=None, more=()):
    sources = [pathlib.Path(tools) / name for name in (*LAB_PROGRAMS, *more)]
    sources += sorted((HERE / "dom0").glob("*.sh")) + [pathlib.Path(__file__)]
    name = "dom0-hvm" if device_model else "-".join(("dom0", *more))
    return cache.get(name, (installation.fingerprint(), content_of(*sources)),
                     lambda path: dom0_initramfs(installation, tools, device_model, more).write(path))
