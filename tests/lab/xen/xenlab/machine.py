"""QEMU with Xen and dom0 in it."""

import pathlib
import shutil
import signal
import subprocess
import tempfile

from . import images
from .channel import Channel
from .errors import LabError
from .packages import find_program

# Each of these was found by a crash, on QEMU 7.2:
#   -smap     IRET reads the stack as supervisor even at ring 3, so dom0's kernel faults
#   -monitor  MWAIT refuses Xen's hints with #GP
#   -rdtscp   is reported to Xen as RDTSC, whose length then does not fit; the guest crashes
CPU = "EPYC,+svm,+npt,-smap,-monitor,-rdtscp"
# eager-fpu: without it user space of dom0 dies at random once several guests run.
XEN_WORDS = ("console=com1 com1=115200,8n1 dom0_max_vcpus=1 dom0_vcpus_pin loglvl=all "
             "guest_loglvl=all spec-ctrl=no,eager-fpu=yes xpti=no watchdog=0 iommu=no cpuidle=0 "
             "cpufreq=none")
DOM0_WORDS = ("console=hvc0 earlyprintk=xen nomodeset mitigations=off panic=1 "
              "rcupdate.rcu_cpu_stall_timeout=300")
# QEMU's answer to each bit of the CPU model that it does not emulate.
NOISE = "warning: TCG doesn't support requested feature"
BOOT_TIMEOUT = 300


class Machine:
    """A running Xen host. Use as a context manager: QEMU never outlives it."""

    def __init__(self, installation, cache, tools, memory_mb=640, dom0_mb=320,
                 device_model=None, disks=(), programs=()):
        """`disks`: files that dom0 has as /dev/vda and so on; what is written to them is lost.
        `programs`: names of more, of `tools`, for dom0."""
        self._memory = (memory_mb, dom0_mb)
        self._disks = disks
        self._installation = installation
        self._setpriv = find_program("setpriv", "util-linux")
        self._xen = images.xen_image(cache, installation)
        self.vmlinux = images.vmlinux_image(cache, installation.kernel_image)
        self._dom0 = images.dom0_image(cache, installation, tools, device_model, programs)
        self._process = None
        self.folder = None
        self.channel = None

    @property
    def share(self):
        """Folder of this machine that dom0 has as /share."""
        return self.folder / "share"

    @property
    def serial_log(self):
        return self.folder / "serial.log"

    def __enter__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="resume-lab-"))
        self.share.mkdir()
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind, value, traceback):
        self._stop()

    def is_alive(self):
        return self._process.poll() is None

    def put(self, path, name):
        """Makes a file of this machine readable in dom0 as /share/NAME."""
        target = self.share / name
        target.unlink(missing_ok=True)
        try:
            target.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, target)

    def _command(self):
        memory, dom0 = self._memory
        xen = f"{XEN_WORDS} dom0_mem={dom0}M,max:{dom0}M"
        words = DOM0_WORDS.replace(",", ",,")  # a comma parts modules in -initrd
        command = [
            # Ends with the driver, even when that is killed.
            str(self._setpriv), "--pdeathsig", "KILL", "--",
            str(self._installation.qemu), "-accel", "tcg", "-M", "q35", "-cpu", CPU, "-smp", "2",
            "-m", str(memory), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
            "-serial", f"file:{self.serial_log}",
            "-device", "virtio-serial-pci",
            "-chardev", f"socket,id=commands,path={self.folder}/commands.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=commands,name=lab.commands",
            "-virtfs", f"local,path={self.share},mount_tag=share,security_model=none,id=share",
            "-kernel", str(self._xen), "-append", xen,
            "-initrd", f"{self.vmlinux} {words},{self._dom0}",
        ]
        for number, disk in enumerate(self._disks):
            command += ["-drive", f"file={disk},format=raw,if=none,id=disk{number},snapshot=on",
                        "-device", f"virtio-blk-pci,drive=disk{number}"]
        return command

    def _start(self):
        errors = open(self.folder / "qemu.log", "wb")
        with errors:
            self._process = subprocess.Popen(self._command(), stdin=subprocess.DEVNULL,
                                             stdout=errors, stderr=errors)
        try:
            self.channel = Channel(self.folder / "commands.sock", timeout=20)
            self.channel.wait_ready(BOOT_TIMEOUT, self.is_alive)
        except LabError as error:
            raise LabError(f"{error}; last lines of Xen and QEMU:\n{self.last_words()}") from error

    def last_words(self, count=15):
        lines = []
        for name in ("qemu.log", "serial.log"):
            path = self.folder / name
            if path.exists():
                text = path.read_text(errors="replace").splitlines()
                lines += [line for line in text if line and NOISE not in line][-count:]
        return "\n".join(lines)

    def _stop(self):
        if self.channel:
            self.channel.close()
        if self._process and self.is_alive():
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(5)
        shutil.rmtree(self.folder, ignore_errors=True)
