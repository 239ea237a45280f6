"""A Linux guest made of Debian's kernel and busybox, with whatever else a test puts on top."""

import pathlib
import re
import shlex
import time

from . import images
from .cpio import Initramfs
from .errors import LabError, TimedOut
from .guest import disk_settings

MODULES = ("xenfs", "xen-privcmd", "xen-evtchn", "xen-gntalloc", "xen-gntdev", "xen-blkfront",
           "xen-netfront")
FOLDERS = ("bin", "sbin", "dev", "proc", "sys", "run", "tmp", "etc", "root", "var", "usr/bin",
           "usr/sbin", "mnt")
KERNEL_WORDS = ("console=hvc0 ignore_loglevel no_console_suspend mitigations=off panic=0 "
                "rcupdate.rcu_cpu_stall_timeout=300")


def initramfs(installation, release, overlay=None, programs=(), modules=(), later=(),
              start=None):
    """`overlay`: a folder whose files are put on top. `programs`: (path in the guest, path here),
    each with the shared objects that it needs. `modules`: further kernel modules;
    `later`: those that a test loads itself. `start`: a script that init runs once, in the
    foreground."""
    image = Initramfs()
    for folder in FOLDERS:
        image.folder(folder)
    images.add_busybox(image, installation.busybox)
    images.add_modules(image, installation, release, MODULES + tuple(modules), later)
    images.add_xenstore(image)
    for path, source in programs:
        images.add_program(image, path, source)
    image.file("init", (images.HERE / "domu" / "init.sh").read_bytes(), executable=True)
    image.file("lab/commands", images.HERE / "domu" / "commands.sh")
    if start:
        image.file("lab/start", start, executable=True)
    if overlay:
        image.tree(overlay)
    return image


def settings(kernel, ramdisk, kind="pvh", memory_mb=128, vcpus=1, words="", disks=(), address=""):
    """Lines of xl.cfg. Paths are dom0's. `disks`: (vdev, path of a file in dom0).
    `address`: of dom0's end of a network interface; none without it."""
    pinned = "0" if kind == "pv" else "1"
    lines = [f'type="{kind}"', f'kernel="{kernel}"', f'ramdisk="{ramdisk}"',
             f"memory={memory_mb}", f"vcpus={vcpus}", f'cpus="{pinned}"',
             f'cmdline="{KERNEL_WORDS} {words}"']
    if kind == "hvm":
        lines += ["hap=1", "acpi=1", "apic=1", "usb=0", 'vga="none"', "nographic=1", "vnc=0"]
    lines += disk_settings(disks)
    if address:
        # type=vif: an HVM guest's interface without an emulated one, and so without a bridge.
        emulated = "type=vif," if kind == "hvm" else ""
        lines.append(f"vif=['{emulated}script=vif-lab,ip={address}']")
    return "\n".join(lines)


COMMAND = "data/lab/run"  # a node of the guest's


class LinuxShell:
    """Runs commands in a Linux guest: by its store node, answered on its console."""

    def __init__(self, guest):
        self._guest = guest
        self._next = 0

    def wait_ready(self, timeout=300):
        self._guest.console.wait_for(lambda line: line.startswith("LAB-READY"), 0, timeout)

    def _wait(self, number, script, mark, since, timeout, patience):
        """(index, match) of the line that is `mark`, a pattern, and nothing else. Right behind a restore a line of the
        guest can wait in its console's ring until the next one is written: the command is sent
        again after each `patience`, and what the guest says to that takes it along. So does a line
        that a message of the kernel's was written into."""
        deadline = time.monotonic() + timeout
        while True:
            left = deadline - time.monotonic()
            try:
                index, line = self._guest.console.wait_for(
                    lambda line: re.fullmatch(mark, line.strip()), since,
                    min(patience, max(left, 0)))
                return index, re.fullmatch(mark, line.strip())
            except TimedOut as error:
                if left <= patience:
                    raise TimedOut(f"{self._guest.name}: {shlex.quote(script)}: {error}") from error
            self._guest.write(COMMAND, f"{number} {script}")

    def run(self, script, timeout=30):
        """(status, output lines). The script is at most about 3 KiB: it goes through the store."""
        self._next += 1
        number = self._next
        console = self._guest.console
        since = len(console.lines)
        self._guest.write(COMMAND, f"{number} {script}")
        begin, _ = self._wait(number, script, rf"LAB-BEGIN {number}\b.*", since, timeout, 5)
        mark = rf"LAB-END {number} (\d+) (\d+)"
        end, found = self._wait(number, script, mark, begin, timeout, 10)
        status, told = map(int, found.groups())
        pieces, output = output_of(number, console.lines[begin + 1:end])
        if pieces != told:
            raise LabError(f"{self._guest.name}: {pieces} lines of {told} came over the console: "
                           f"{shlex.quote(script)}")
        return status, output


def output_of(number, lines):
    """(pieces, whole lines) of what one command printed; domu/init.sh cuts long lines."""
    pieces, whole, begun = 0, [], ""
    for line in lines:
        mark, _, text = line.partition(" ")
        if mark not in (f"{number}>", f"{number}+"):
            continue
        pieces += 1
        begun += text
        if mark.endswith(">"):
            whole.append(begun)
            begun = ""
    return pieces, whole


def image_for(cache, installation, name, release, sources=(), **parts):
    """Cached initramfs; `sources` are files of this machine that it is made of."""
    here = sorted((images.HERE / "domu").glob("*")) + [pathlib.Path(__file__)]
    key = (installation.fingerprint(), release, repr(sorted(parts.items())),
           images.content_of(*here, *sources))
    return cache.get(name, key, lambda path: initramfs(installation, release, **parts).write(path))
