"""The image of packaging/image as a guest of this lab and of the Xen lab: Debian's systemd, the
packages' own units."""

import dataclasses
import pathlib
import shutil
import subprocess
import sys

from xenlab import images as lab_images
from xenlab.cpio import Initramfs
from xenlab.errors import TimedOut
from xenlab.packages import find_program

from . import images, parts
from .reporters import CYCLES, AgentReporter

HERE = pathlib.Path(__file__).resolve().parent.parent
COMMANDS_SCRIPT = lab_images.HERE / "domu" / "commands.sh"
sys.path.insert(0, str(HERE.parents[2] / "packaging/image"))

import make  # noqa: E402

BOOT_MODULES = ("virtio_pci", "virtio_blk", "xen-blkfront", "xen-netfront", "ext4")
MODULES = BOOT_MODULES + ("virtio_net", "virtio_console", "virtio-rng", "virtio_balloon", "button",
                          "evdev", "autofs4", "pm-notifier-error-inject", "hwpoison-inject")
LOADED = ("virtio_console", "button", "pm-notifier-error-inject")
# What makes an emulated boot slow and is nothing to a suspend.
MASKED = ("e2scrub_reap.service e2scrub_all.timer apt-daily.timer apt-daily-upgrade.timer "
          "dpkg-db-backup.timer fstrim.timer modprobe@drm.service modprobe@efi_pstore.service "
          "modprobe@fuse.service modprobe@loop.service modprobe@dm_mod.service "
          "modprobe@configfs.service sys-kernel-config.mount sys-fs-fuse-connections.mount "
          "dev-hugepages.mount getty@tty1.service serial-getty@ttyS0.service "
          "serial-getty@hvc0.service systemd-update-utmp.service "
          "systemd-update-utmp-runlevel.service").split()
# A service that a hook restarts behind each suspend, as one does with a network manager.
DEMO = """[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
"""
# Who runs the lab's commands: by a virtio port under QEMU, by the store as a Xen guest.
SERVER = """[Unit]
ConditionVirtualization=!xen
[Service]
ExecStartPre=/bin/sh -c 'until [ -e /dev/virtio-ports/lab.commands ]; do sleep 0.1; done'
ExecStartPre=/bin/sh -c 'echo 0 > /sys/module/suspend/parameters/pm_test_delay'
ExecStart=/lab/bin/resume-lab-server /dev/virtio-ports/lab.commands
Environment=PATH=/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C SYSTEMD_PAGER= SYSTEMD_COLORS=0
[Install]
WantedBy=multi-user.target
"""

COMMANDS = """[Unit]
ConditionVirtualization=xen
[Service]
ExecStart=/bin/sh -c 'exec sh /lab/commands </dev/null >/dev/hvc0 2>&1'
Environment=PATH=/lab/bin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C SYSTEMD_PAGER= SYSTEMD_COLORS=0
[Install]
WantedBy=multi-user.target
"""


def _enable(root, unit):
    wants = root / "etc/systemd/system/multi-user.target.wants"
    wants.mkdir(exist_ok=True)
    (wants / unit).symlink_to(f"../{unit}")


def _add_xenstore(root):
    """What talks to the store, as a guest of Xen's has it from xenstore-utils."""
    program = find_program("xenstore", "xenstore-utils")
    shutil.copy(program, root / "lab/bin/xenstore")
    for word in lab_images.XENSTORE_WORDS:
        (root / f"lab/bin/xenstore-{word}").symlink_to("xenstore")
    for needed in lab_images.shared_objects(program):
        if not (root / needed.lstrip("/")).exists():
            shutil.copy(needed, root / needed.lstrip("/"))


def _lab_parts(root, programs, tools):
    """What the lab needs in the guest, beside what the image has."""
    release = programs.kernel_release
    for name in images.GUEST_PROGRAMS:
        folder = root / "lab/bin"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(lab_images.without_symbols(tools / name))
        (folder / name).chmod(0o755)
    shutil.copy(COMMANDS_SCRIPT, root / "lab/commands")
    (root / "lab/bin/lab-fsfreeze").symlink_to("/sbin/fsfreeze")
    _add_xenstore(root)
    for path in lab_images.module_files(programs, release, MODULES):
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, place)
    for name in ("modules.order", "modules.builtin", "modules.builtin.modinfo"):
        shutil.copy(f"/lib/modules/{release}/{name}", root / "lib/modules" / release)
    subprocess.run(["depmod", "-b", str(root), release], check=True)
    etc = root / "etc"
    (etc / "modules-load.d/lab.conf").write_text("\n".join(LOADED) + "\n")
    with open(etc / "fstab", "a", encoding="utf-8") as fstab:
        fstab.write(f"LABEL={images.DISK_LABEL} /mnt ext4 rw,nofail 0 0\n")
    for name, text in (("lab-server.service", SERVER), ("lab-commands.service", COMMANDS),
                       ("lab-demo.service", DEMO)):
        (etc / "systemd/system" / name).write_text(text)
        _enable(root, name)
    # A case starts it.
    (etc / "systemd/system/multi-user.target.wants/chrony.service").unlink()
    for unit in MASKED:
        (etc / "systemd/system" / unit).symlink_to("/dev/null")
    # mem alone: systemd would try s2idle after it, and a refused suspend become another one.
    (etc / "systemd/sleep.conf.d").mkdir()
    (etc / "systemd/sleep.conf.d/lab.conf").write_text("[Sleep]\nSuspendState=mem\n")


def _initramfs(programs):
    image = Initramfs()
    for folder in ("bin", "dev", "proc", "sys", "root"):
        image.folder(folder)
    lab_images.add_busybox(image, programs.busybox)
    lab_images.add_modules(image, programs, programs.kernel_release, BOOT_MODULES)
    image.file("init", (HERE / "guest" / "switch.sh").read_bytes(), executable=True)
    return image


def find_parts(build_folder, tools, debs):
    """Parts whose first disk is the image; the second is the lab's own."""
    programs = parts.find_programs()
    cache = lab_images.Cache(build_folder)
    packages = sorted(debs.glob("resume-agent_*.deb"))
    sources = [*packages, *(tools / name for name in images.GUEST_PROGRAMS), COMMANDS_SCRIPT,
               pathlib.Path(__file__), pathlib.Path(make.__file__)]
    root = cache.get("debian-guest", (programs.fingerprint(), lab_images.content_of(*sources)),
                     lambda path: make.make(path, debs,
                                            lambda folder: _lab_parts(folder, programs, tools),
                                            more=("chrony",)))
    switch = HERE / "guest" / "switch.sh"
    ramdisk = cache.get("debian-boot", (programs.fingerprint(), lab_images.content_of(switch)),
                        lambda path: _initramfs(programs).write(path))
    found = parts.find_parts(build_folder, tools)
    return dataclasses.replace(found, initramfs=ramdisk, disk=root, swap=found.disk)


class UnitReporter(AgentReporter):
    """The agent that systemd has started, by the package's unit."""

    name = "resume-agent.service"

    def start(self, machine):
        state = machine.run("systemctl is-system-running --wait", timeout=300, check=False)[1]
        print(f"systemctl is-system-running: {state.strip()}", flush=True)
        if state.strip() != "running":
            raise TimedOut(machine.output("systemctl --failed --no-legend --plain"))
        print(machine.output("systemctl is-active resume-agent.service resume-freeze.socket "
                             "resume-probe.socket; resumectl status; resumectl sources"), flush=True)

    def _take_delays(self, machine, reports):
        """Its log is the journal."""
