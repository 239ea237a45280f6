"""QEMU with one guest in it, booted or restored from a snapshot of one that was booted."""

import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

from xenlab.channel import Channel
from xenlab.errors import LabError, TimedOut

from .qmp import Qmp

KERNEL_WORDS = ("console=ttyS0,115200 panic=-1 no_console_suspend mitigations=off quiet "
                "rcupdate.rcu_cpu_stall_timeout=300")
GENERATION = "8f1c6a52-2d0e-4f0b-9a51-3c7d20e4b001"
OTHER_GENERATION = "8f1c6a52-2d0e-4f0b-9a51-3c7d20e4b002"
BOOT_TIMEOUT = 120


class Machine:
    """A running guest. Use as a context manager: QEMU never outlives it."""

    MORE_WORDS = ""  # for its kernel

    def __init__(self, parts, disks, kind="pc", generation=GENERATION, incoming=None):
        self._parts = parts  # Parts
        self._disks = disks  # in the guest's order: vda, vdb
        self._kind = kind
        self._generation = generation
        self._incoming = incoming
        self._process = None
        self.folder = None
        self.channel = None
        self.qmp = None

    def __enter__(self):
        return self.enter()

    def enter(self, until=None):
        """`until`: what the guest's console says when it is up; default: its server's hello."""
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-kvm-"))
        try:
            self._start(until)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        self._stop()

    def is_alive(self):
        return self._process.poll() is None

    def start(self, script, timeout=60):
        """A command in the guest that goes on meanwhile."""
        return self.channel.start(script, timeout)

    def run(self, script, timeout=60, check=True):
        """(status, output) of a command in the guest."""
        command = self.start(script, timeout)
        status = command.wait(timeout + 10)
        if check and status != 0:
            raise LabError(f"guest: status {status} of `{script}`: {command.output.strip()[-500:]}")
        return status, command.output

    def output(self, script, timeout=60):
        return self.run(script, timeout)[1]

    def save(self, path, timeout=60):
        """The whole guest into a file; it is stopped afterwards."""
        self.qmp.execute("migrate", uri=f"exec:cat > {path}")
        status = self.qmp.wait_migrated(timeout)
        if status != "completed":
            raise LabError(f"saving the guest to {path}: {status}")

    def console(self):
        path = self.folder / "console.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def command(self, folder, qmp):
        """QEMU's, with its sockets and logs in `folder`; `qmp`: where it is controlled."""
        parts = self._parts
        command = [
            str(parts.qemu), "-accel", "tcg", "-M", self._kind, "-cpu", "max", "-smp", "2",
            "-m", "512", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-kernel", str(parts.kernel), "-initrd", str(parts.initramfs), "-append",
            f"{KERNEL_WORDS} {self.MORE_WORDS}".strip(),
            "-serial", f"file:{folder}/console.log",
            "-qmp", f"unix:{qmp},server=on,wait=off", "-monitor", "none",
            "-netdev", "user,id=net0,restrict=on", "-device", "virtio-net-pci,netdev=net0,id=link0",
            "-device", "virtio-rng-pci", "-device", "virtio-balloon-pci",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=commands,path={folder}/commands.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=commands,name=lab.commands",
            "-device", f"vmgenid,guid={self._generation}",
        ]
        for number, disk in enumerate(self._disks):
            command += ["-drive", f"file={disk},format=raw,if=none,id=disk{number},cache=unsafe",
                        "-device", f"virtio-blk-pci,drive=disk{number}"]
        if self._incoming:
            command += ["-incoming", f"exec:cat {self._incoming}"]
        return command

    def wait_console(self, text, timeout):
        deadline = time.monotonic() + timeout
        while text not in self.console():
            if not self.is_alive():
                raise LabError(f"QEMU ended before the console said {text!r}")
            if time.monotonic() > deadline:
                raise TimedOut(f"the console did not say {text!r} within {timeout} s")
            time.sleep(0.1)

    def wait_ended(self, timeout):
        """Until the guest has switched itself off."""
        try:
            self._process.wait(timeout)
        except subprocess.TimeoutExpired as error:
            raise TimedOut(f"the guest is still on after {timeout} s") from error

    def _start(self, until):
        with open(self.folder / "qemu.log", "wb") as errors:
            self._process = subprocess.Popen(self.command(self.folder, self.folder / "qmp.sock"),
                                             stdin=subprocess.DEVNULL,
                                             stdout=errors, stderr=errors)
        try:
            self.qmp = Qmp(self.folder / "qmp.sock", timeout=20)
            self.channel = Channel(self.folder / "commands.sock", timeout=20)
            if until:
                self.wait_console(until, BOOT_TIMEOUT)
            elif self._incoming:
                self.qmp.wait_status("running", 60)
            else:
                self.channel.wait_ready(BOOT_TIMEOUT, self.is_alive)
        except LabError as error:
            raise LabError(f"{error}; last lines:\n{self.last_words()}") from error

    def last_words(self, count=15):
        lines = []
        for name in ("qemu.log", "console.log"):
            path = self.folder / name
            if path.exists():
                lines += path.read_text(errors="replace").splitlines()[-count:]
        return "\n".join(lines)

    def let_go(self):
        """For somebody else to control: a socket of QEMU's serves one at a time."""
        for end in (self.qmp, self.channel):
            end.close()
        self.qmp = self.channel = None

    def _stop(self):
        for end in (self.qmp, self.channel):
            if end:
                end.close()
        if self._process and self.is_alive():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)
