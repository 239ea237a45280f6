"""The image of packaging/image as a PVH guest of real Xen, with Debian's systemd and the packages' own
units; what is done to it and what its agent must say."""

import pathlib
import sys

from . import agent_report, images, kernel_trace, linux
from .errors import LabError
from .linux_cases import (ANNOUNCED, CANCELLED, RESUMED, Case, Expected, announced_by_host, check,
                          freeze_refused, in_place, save_check, save_restore)
from .linux_guest import ADDRESS, LinuxGuest

sys.path.insert(0, str(images.HERE.parent / "kvm"))

from kvmlab import debian  # noqa: E402

MEMORY_MB = 384
BOOT_TIMEOUT = 600
ROOT, OTHER = "/dev/vda", "/swap.img"  # its disks, in dom0
CONFIG = """[request]
accept = ["xen-suspend"]
"""
# Warnings: of a sandbox that refused something, if there were any.
LAST_WORDS = """systemctl is-system-running || systemctl --failed --no-legend --plain
systemd-analyze security --no-pager resume-agent.service | tail -n 1
journalctl -b --no-pager -p warning -u 'resume-*' -u 'libresume-*'"""


class UnitReports(agent_report.AgentReports):
    """Of an agent that systemd has started: its log is the journal."""

    def latencies(self):
        return []

    def keep(self, folder, name):
        for ending, command in (("journal", "journalctl -b --no-pager"),
                                ("cycles.jsonl", agent_report.TAKE.format(seen=0))):
            lines = self._shell.run(command, timeout=240)[1]
            (folder / f"{name}.{ending}").write_text("".join(line + "\n" for line in lines))


class ImageGuest(LinuxGuest):
    def start(self, say):
        self.shell.wait_ready(BOOT_TIMEOUT)
        state = self.shell.run("systemctl is-system-running --wait", timeout=BOOT_TIMEOUT)[1]
        say(f"systemctl is-system-running: {' '.join(state)}")
        if state != ["running"]:
            failed = self.shell.run("systemctl --failed --no-legend --plain")[1]
            raise LabError(f"the image is not running: {failed}")
        say("; ".join(self.shell.run("systemd-detect-virt; cat /sys/hypervisor/guest_type; systemctl "
                                     "is-active resume-agent.service resume-freeze.socket "
                                     "resume-probe.socket; resumectl status", timeout=60)[1]))
        say("; ".join(self.shell.run("resumectl sources", timeout=60)[1]))
        kernel_trace.start(self.shell)
        self.agent = UnitReports(self.shell)


class ImageGuests:
    """Makes that one guest; LinuxLab asks for it as for any other."""

    def __init__(self, machine, dom0, guests, parts, say):
        self._machine = machine
        self._dom0 = dom0
        self._guests = guests
        self._parts = parts
        self._say = say
        self.made = None

    def create(self, **_kind):
        self._machine.put(self._machine.vmlinux, "vmlinux")
        self._machine.put(self._parts.initramfs, "image.cpio")
        self._machine.put(self._parts.swap, pathlib.Path(OTHER).name)
        self._dom0.run(f"cp /share/{pathlib.Path(OTHER).name} {OTHER}")
        guest = self._guests.create("image", linux.settings(
            "/share/vmlinux", "/share/image.cpio", memory_mb=MEMORY_MB,
            words="systemd.show_status=0", disks=(("xvda", ROOT), ("xvdb", OTHER)),
            address=ADDRESS.format(number=1, host=1)))
        self.made = ImageGuest(guest, 1)
        self.made.start(self._say)
        return self.made


def find_parts(build_folder, tools, debs):
    return debian.find_parts(build_folder, tools, debs)


def restart_hook(linux_guest):
    """A service that does not survive a suspend: a hook restarts it, outside the agent's sandbox."""
    pid = "systemctl show -P MainPID lab-demo.service"
    hook = "/etc/libresume/hooks.d/50-demo"
    status, lines = linux_guest.shell.run(
        "printf '#!/bin/sh\\n[ $1 = post ] && systemctl --no-block restart lab-demo.service\\n' > "
        f"{hook}; chmod 755 {hook}; {pid}", timeout=60)
    check(status == 0, lines)
    before = lines[-1]
    note = save_restore(linux_guest)
    status, lines = linux_guest.shell.run(
        f"i=0; until [ $({pid}) != {before} ] && [ $({pid}) != 0 ] || [ $((i=i+1)) -gt 60 ]; do "
        f"sleep 0.5; done; rm {hook}; {pid}", timeout=120)
    check(status == 0 and lines[-1] not in ("0", before), lines)
    return f"{note}, lab-demo.service {before} -> {lines[-1]}"


def accept_requests(linux_guest):
    """The unit's reload takes the new configuration."""
    status, lines = linux_guest.shell.run(
        f"mkdir -p /etc/libresume/agent.toml.d; printf '{CONFIG}' > "
        "/etc/libresume/agent.toml.d/10-lab.toml; systemctl reload resume-agent.service", timeout=60)
    check(status == 0, lines)
    return announced_by_host(linux_guest)


def still_running(linux_guest):
    lines = linux_guest.shell.run(LAST_WORDS, timeout=240)[1]
    check(lines[:1] == ["running"], lines)
    return "; ".join(lines)


CASES = (
    Case("save -c", save_check, (CANCELLED,)),
    Case("save, restore", save_restore, (RESUMED,)),
    Case("in place", in_place, (RESUMED,)),
    Case("a task refuses to freeze", freeze_refused, (Expected("aborted", task="dd"),)),
    Case("announced by the host, save -c", accept_requests, (ANNOUNCED,)),
    Case("a hook restarts a service: save, restore", restart_hook, (RESUMED,)),
    Case("running after it all", still_running, ()),
)
