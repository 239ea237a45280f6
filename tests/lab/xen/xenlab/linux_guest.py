"""A Linux guest with disks, a network interface and what the cases need."""

from . import agent_report, images, kernel_trace, linux
from .errors import LabError
from .packages import find_program

MODULES = ("ext4",)
# Its 320 devices make an emulated suspend a second longer.
LATER = ("vhci-hcd",)
DISK_MB = 8
DISKS = (("xvda", "/tmp/{name}-a.img"), ("xvdb", "/tmp/{name}-b.img"))
ADDRESS = "10.9.{number}.{host}"


class LinuxGuest:
    """`agent` is None when the guest has none."""

    def __init__(self, guest, number):
        self.guest = guest
        self.number = number
        self.shell = linux.LinuxShell(guest)
        self.agent = None

    @property
    def name(self):
        return self.guest.name

    def start(self, with_agent):
        self.shell.wait_ready()
        kernel_trace.start(self.shell)
        if with_agent:
            self.agent = agent_report.AgentReports(self.shell)

    def restart_agent(self):
        """After a case has killed it."""
        status, lines = self.shell.run(
            "/lab/start; i=0; until resumectl status >/dev/null 2>&1 || [ $((i=i+1)) -gt 100 ]; do "
            "sleep 0.2; done; resumectl status || tail -5 /run/agent.log", timeout=60)
        if status != 0:
            raise LabError(f"the agent does not start again: {lines}")

    def load_later_modules(self):
        self.shell.run("for each in $(cat /lab/modules/later); do insmod /lab/modules/$each; done",
                       timeout=120)

    def plug_in_what_refuses(self, loaded=False):
        """A USB/IP device: its host controller refuses to freeze. `loaded`: its modules are."""
        if not loaded:
            self.load_later_modules()
        told = self.shell.run("resume-lab-usb >/run/usb 2>&1 & i=0; until grep -q . /run/usb || "
                              "[ $((i=i+1)) -gt 150 ]; do sleep 0.2; done; sleep 2; cat /run/usb",
                              timeout=120)[1]
        if told != ["plugged in"]:
            raise LabError(f"the device that refuses is not there: {told}")

    def evidence(self):
        return kernel_trace.take(self.shell)

    def vbd_works(self, device="xvda"):
        """Writes and reads back by O_DIRECT, in the background so that a dead disk hangs no one
        else. A disk that is dead leaves a task in D: ask only where that does no harm."""
        script = (f"dd if=/dev/urandom of=/run/r bs=4k count=8 2>/dev/null; "
                  f"timeout 10 dd if=/run/r of=/dev/{device} bs=4k seek=64 oflag=direct "
                  f"conv=notrunc 2>/dev/null && timeout 10 dd if=/dev/{device} bs=4k skip=64 "
                  "count=8 iflag=direct 2>/dev/null | cmp - /run/r")
        return self.shell.run(script, timeout=40)[0] == 0

    def vif_works(self):
        """After a restore the frontend needs a moment; the first ping may be lost."""
        address = ADDRESS.format(number=self.number, host=1)
        return self.shell.run(f"ping -c 1 -W 2 {address} >/dev/null || ping -c 1 -W 4 {address} "
                              ">/dev/null")[0] == 0


class LinuxGuests:
    """Makes such guests in one machine."""

    def __init__(self, machine, dom0, guests, installation, cache, tools, with_agent):
        self._machine = machine
        self._dom0 = dom0
        self._guests = guests
        self._installation = installation
        self._cache = cache
        self._tools = tools
        self.with_agent = with_agent
        self._made = 0

    def create(self, kernel=None, kind="pvh", vcpus=1, overlay=None, disks=DISKS,
               memory_mb=192):
        """`kernel`: (release, bzImage); dom0's own by default. `disks` as DISKS."""
        self._made += 1
        name = f"l{self._made}"
        release, image = kernel or (self._installation.kernel_release,
                                    self._installation.kernel_image)
        elf = f"vmlinux-{release}"
        if kind == "hvm":  # its firmware boots nothing but a bzImage
            elf = f"vmlinuz-{release}"
            self._machine.put(image, elf)
        else:
            self._machine.put(images.vmlinux_image(self._cache, image, elf), elf)
        ramdisk = self._ramdisk(release, overlay)
        # QEMU's firmware interface hands it over byte by byte: packed, it is there in half the time.
        self._machine.put(images.packed(self._cache, ramdisk) if kind == "hvm" else ramdisk,
                          f"{name}.cpio")
        disks = [(vdev, path.format(name=name)) for vdev, path in disks]
        for _, path in disks:
            self._dom0.run(f"dd if=/dev/zero of={path} bs=1M count={DISK_MB} 2>/dev/null")
        guest = self._guests.create(name, linux.settings(
            f"/share/{elf}", f"/share/{name}.cpio", kind=kind, vcpus=vcpus,
            memory_mb=memory_mb, disks=disks, address=ADDRESS.format(number=self._made, host=1)))
        made = LinuxGuest(guest, self._made)
        made.start(self.with_agent)
        far = ADDRESS.format(number=self._made, host=2)
        made.shell.run(f"ip link set eth0 up; ip addr add {far}/24 dev eth0")
        return made

    def _ramdisk(self, release, overlay):
        programs = [("usr/bin/xen-detect", "/usr/bin/xen-detect"),
                    ("usr/bin/resume-lab-usb", self._tools / "resume-lab-usb"),
                    ("usr/bin/resume-lab-transaction", self._tools / "resume-lab-transaction"),
                    ("usr/bin/resume-store-counter", self._tools / "resume-store-counter"),
                    ("usr/bin/lab-fsfreeze", find_program("fsfreeze", "util-linux")),
                    ("usr/bin/mke2fs", find_program("mke2fs", "e2fsprogs"))]
        sources = [self._tools / name for name in
                   ("resume-lab-usb", "resume-lab-transaction", "resume-store-counter")]
        if self.with_agent:
            for name, folder in agent_report.PROGRAMS.items():
                programs.append((f"{folder}/{name}", self._tools / name))
                sources.append(self._tools / name)
        name = "linux-" + release + ("-agent" if self.with_agent else "")
        start = images.HERE / "domu" / "agent.sh" if self.with_agent else None
        return linux.image_for(self._cache, self._installation, name, release, sources,
                               overlay=overlay, programs=tuple(programs), modules=MODULES,
                               later=LATER, start=start)

