#!/usr/bin/env python3
"""The agent in a guest of the KVM lab, beside Debian's qemu-ga: at rest, and what watching costs.

    agent_bench.py [--tools DIR] [--rest-s 60] [--cycles 20]

Prints one table and two lines. Exit codes: 0, 70 the lab failed, 77 SKIP: something is missing.
"""

import argparse
import pathlib
import shutil
import statistics
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path[:0] = [str(ROOT / "tests/lab/kvm"), str(ROOT / "tests/lab/xen")]

from kvmlab import images as guest_images  # noqa: E402
from kvmlab.machine import Machine  # noqa: E402
from kvmlab.parts import find_parts, find_programs  # noqa: E402
from xenlab import images  # noqa: E402
from xenlab.channel import Channel  # noqa: E402
from xenlab.errors import Skip, exit_status  # noqa: E402

GA_PORT = "/dev/virtio-ports/org.qemu.guest_agent.0"
AGENT, QEMU_GA = "/usr/sbin/resume-agent", "/usr/sbin/qemu-ga"
KERNELS_WAIT_S = 5  # suspend.pm_test_delay where nobody sets it
ROWS = ("wake-ups a minute", "the same, host's end of the channel closed", "private memory, KiB",
        "of it anonymous, KiB", "RSS, KiB", "PSS, KiB", "private after the cycles, KiB",
        "start to ready, ms", "program on disk, KiB", "shared libraries")


class Guest(Machine):
    """With a port for qemu-ga, whose host end may be held open or not."""

    # Each event is stamped. An emulated machine's TSCs are taken for unsynchronised, and its HPET,
    # which the kernel reads instead, is a hundred times as slow as the counter behind kvm-clock or
    # Xen's clock.
    MORE_WORDS = "tsc=reliable"

    def command(self, folder, qmp):
        return super().command(folder, qmp) + [
            "-chardev", f"socket,id=ga,path={folder}/ga.sock,server=on,wait=off",
            "-device", "virtserialport,chardev=ga,name=org.qemu.guest_agent.0"]

    def ga_channel(self):
        return Channel(self.folder / "ga.sock", timeout=10)

    def number(self, script):
        return float(self.output(script).strip())


def guest_image(tools):
    qemu_ga = shutil.which("qemu-ga", path="/usr/sbin:/usr/bin")
    if not qemu_ga:
        raise Skip("qemu-ga is not installed (Debian package qemu-guest-agent)")
    image = guest_images.initramfs(find_programs(), tools)
    images.add_program(image, QEMU_GA, pathlib.Path(qemu_ga))
    images.add_program(image, "/lab/bin/measure", tools / "resume-lab-measure")
    return image


def start_qemu_ga(guest):
    """With its state folder, as its package makes it; the port's name is udev's work elsewhere. The
    host tells of the port after its driver is there."""
    guest.run("mkdir -p /dev/virtio-ports /run/qemu-ga; i=0; "
              "until name=$(grep -lx org.qemu.guest_agent.0 /sys/class/virtio-ports/*/name); do "
              "[ $((i=i+1)) -lt 100 ] || exit 1; sleep 0.1; done; "
              f"ln -s /dev/$(basename $(dirname $name)) {GA_PORT}; until [ -e {GA_PORT} ]; do "
              "[ $((i=i+1)) -lt 200 ] || exit 1; sleep 0.1; done")
    guest.run(f"{QEMU_GA} -t /run/qemu-ga -m virtio-serial -p {GA_PORT} > /run/ga.log 2>&1 &")
    return int(guest.number("i=0; until ls -l /proc/[0-9]*/fd 2>/dev/null | grep -q vport; do "
                            "[ $((i=i+1)) -lt 100 ] || { cat /run/ga.log; exit 1; }; sleep 0.1; done; "
                            "pidof qemu-ga"))


def start_agent(guest, program):
    """(pid, ms until ready)."""
    guest.run("mkdir -p /run/libresume /var/lib/libresume")
    ready_ms = guest.number(f"/lab/bin/measure notify {program}")
    return int(guest.number(f"pidof {pathlib.Path(program).name}")), ready_ms


def stop_agent(guest, pid):
    guest.run(f"kill {pid}; while [ -e /proc/{pid} ]; do sleep 0.05; done")


def switches(guest, pid):
    return int(guest.number(f"cat /proc/{pid}/task/*/status | "
                            "awk '/ctxt_switches/ { n += $2 } END { print n }'"))


def wake_ups(guest, pids, seconds):
    before = [switches(guest, pid) for pid in pids]
    time.sleep(seconds)  # the rest that is measured
    return [(switches(guest, pid) - was) * 60 / seconds for pid, was in zip(pids, before)]


def memory(guest, pid):
    """KiB by the names of smaps_rollup."""
    text = guest.output(f"cat /proc/{pid}/smaps_rollup")
    sizes = {line.split(":")[0]: int(line.split()[1]) for line in text.splitlines()[1:]}
    return {"private": sizes["Private_Clean"] + sizes["Private_Dirty"],
            "anonymous": sizes["Anonymous"], "rss": sizes["Rss"], "pss": sizes["Pss"]}


def on_disk(guest, pid, program):
    libraries = guest.number(f"grep -o '/[^ ]*\\.so[^ ]*' /proc/{pid}/maps | sort -u | wc -l")
    return guest.number(f"stat -c %s {program}") / 1024, libraries


def columns(guest, pid, program, ready_ms, awake, awake_closed):
    used = memory(guest, pid)
    size, libraries = on_disk(guest, pid, program)
    return [awake, awake_closed, used["private"], used["anonymous"], used["rss"], used["pss"], None,
            ready_ms, size, libraries]


def ready_of_qemu_ga(guest):
    guest.run("mkdir -p /run/qemu-ga-2")
    return guest.number(f"/lab/bin/measure ping /run/ga2.sock {QEMU_GA} -t /run/qemu-ga-2 "
                        "-m unix-listen -p /run/ga2.sock")


def suspend_ms(guest):
    return guest.number("echo devices > /sys/power/pm_test; /lab/bin/measure suspend; "
                        "echo none > /sys/power/pm_test")


def cost(guest, cycles, wait_s):
    """ms of each pm_test cycle, with the agent and without it, in turn; at its level the kernel
    waits `wait_s`, 5 by its own default."""
    times = {True: [], False: []}
    guest.run(f"echo {wait_s} > /sys/module/suspend/parameters/pm_test_delay")
    suspend_ms(guest)  # the first one loads what the others find
    for number in range(cycles):
        for watched in ((True, False) if number % 2 else (False, True)):
            pid = start_agent(guest, AGENT)[0] if watched else None
            time.sleep(1.2)  # settled: neither starting nor stopping is measured
            times[watched].append(suspend_ms(guest))
            if pid:
                stop_agent(guest, pid)
    return times[True], times[False]


def measure(guest, arguments):
    table = {}
    ga, (agent, ready_ms) = start_qemu_ga(guest), start_agent(guest, AGENT)
    channel = guest.ga_channel()
    time.sleep(3)  # starting is over
    awake = wake_ups(guest, [agent, ga], arguments.rest_s)
    channel.close()
    time.sleep(3)
    closed = wake_ups(guest, [agent, ga], arguments.rest_s)
    table["resume-agent"] = columns(guest, agent, AGENT, ready_ms, awake[0], closed[0])
    table["qemu-ga"] = columns(guest, ga, QEMU_GA, None, awake[1], closed[1])
    for _ in range(arguments.cycles):
        suspend_ms(guest)
    guest.run(f"until [ $(cat /var/lib/libresume/cycles.jsonl* | wc -l) -ge {arguments.cycles} ]; "
              "do sleep 0.2; done")  # every one is told
    time.sleep(3)  # and its memory given back
    table["resume-agent"][6] = memory(guest, agent)["private"]
    table["qemu-ga"][6] = memory(guest, ga)["private"]
    stop_agent(guest, agent)
    guest.run(f"kill {ga}")
    table["qemu-ga"][7] = ready_of_qemu_ga(guest)
    guest.run("kill $(pidof qemu-ga)")
    return table


def show_rest(table):
    names = ("resume-agent", "qemu-ga")
    print("| at rest | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
    for number, row in enumerate(ROWS):
        cells = [table[name][number] for name in names]
        print(f"| {row} | " + " | ".join("" if c is None else f"{c:.0f}" for c in cells) + " |",
              flush=True)


def show_cost(wait_s, watched, alone):
    ratio = statistics.median(watched) / statistics.median(alone)
    print(f"{len(watched)} pm_test cycles with a wait of {wait_s} s each, in turn: median "
          f"{statistics.median(watched):.1f} ms watched, {statistics.median(alone):.1f} ms alone, "
          f"ratio {ratio:.3f}; "
          f"least {min(watched):.1f} and {min(alone):.1f} ms, ratio {min(watched) / min(alone):.3f}; "
          f"in all {sum(watched):.0f} and {sum(alone):.0f} ms, ratio "
          f"{sum(watched) / sum(alone):.3f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/release/bin")
    parser.add_argument("--rest-s", type=int, default=60)
    parser.add_argument("--cycles", type=int, default=20)
    arguments = parser.parse_args()
    parts = find_parts(ROOT / "build/lab", arguments.tools)
    image = ROOT / "build/lab/bench-guest"
    guest_image(arguments.tools).write(image)
    disk = ROOT / "build/lab/bench-disk"
    shutil.copyfile(parts.disk, disk)
    with Guest(parts.with_initramfs(image), [disk]) as guest:
        show_rest(measure(guest, arguments))
        for wait_s in (KERNELS_WAIT_S, 0):
            show_cost(wait_s, *cost(guest, arguments.cycles, wait_s))
    return 0


if __name__ == "__main__":
    sys.exit(exit_status(main))
