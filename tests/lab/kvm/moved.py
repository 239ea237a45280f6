#!/usr/bin/env python3
"""`resume-stress real --method qmp` on a Debian guest with the agent and a disk at work.

    moved.py [--cycles N] [--mix ACTS] [--tools DIR]

A third of the cycles each: the guest is stopped and goes on, moves to another QEMU, is called back
in mid-move. It moves while it stands still: with `--mix stop,migrate,cancel` an emulated guest on a
busy machine hung behind its fifth live move, a CPU of its waiting for a lock that nobody held. After
each of them what it wrote to memory and to its disk must be what it was, its clock must not have
gone back, and its agent must answer: the guest says so on its console, a line a round. The last line
says what it came to and what the agent told of it. Exit codes: 0 all as it should be, 1 not, 70 the
lab itself failed, 77 SKIP.
"""

import argparse
import json
import os
import pathlib
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "xen"))

from kvmlab.machine import Machine  # noqa: E402
from kvmlab.parts import find_parts  # noqa: E402
from kvmlab.reporters import CYCLES, START_AGENT  # noqa: E402
from kvmlab.session import Session  # noqa: E402
from xenlab.errors import LabError, exit_status  # noqa: E402

ROOT = HERE.parents[2]
GOOD, FINDING = 0, 1
CHECK_TIMEOUT_S = 100  # below the patience of who calls

# Patterns in memory and on disk, a disk that is never idle, and a line on the console a round: it
# goes wherever the guest is, while a command channel ends with the QEMU that has it.
LOAD = f"""
dd if=/dev/urandom of=/tmp/pattern bs=1M count=2 && cp /tmp/pattern /mnt/pattern && sync
sha256sum /tmp/pattern /mnt/pattern > /tmp/sums
(while :; do dd if=/dev/zero of=/mnt/load bs=64k count=8 conv=fsync; sleep 0.2; done > /dev/null 2>&1 &)
cat > /tmp/beat.sh <<'END'
last=0
while :; do
    problem=
    echo 3 > /proc/sys/vm/drop_caches
    sha256sum -c /tmp/sums > /tmp/compared 2>&1 || problem="pattern "
    now=$(cut -d' ' -f1 /proc/uptime)
    awk -v a=$last -v b=$now 'BEGIN {{ exit !(b > a) }}' || problem="$problem"clock
    last=$now
    resumectl status > /dev/null || problem="$problem agent"
    kinds=$(sed 's/.*"kind":"\\([a-z0-9-]*\\)".*/\\1/' {CYCLES} 2> /dev/null | sort | uniq -c)
    echo "BEAT ${{problem:-well}}; told:" $kinds > /dev/ttyS0
    sleep 0.3
done
END
sh /tmp/beat.sh > /dev/null 2>&1 &
"""
BEAT = re.compile(r"^BEAT (.*); told:(.*)$", re.MULTILINE)


def beats(folder):
    """(console, its lines so far) of the QEMU that began last."""
    places = sorted(folder.glob("state.*.qmp.d"), key=lambda path: int(path.name.split(".")[1]))
    console = (places[-1] if places else folder / "first") / "console.log"
    return console, BEAT.findall(console.read_text(errors="replace").replace("\r", ""))


def check(folder):
    """The second new line is of a round that began after the cycle."""
    console, before = beats(folder)
    deadline = time.monotonic() + CHECK_TIMEOUT_S
    while len(lines := beats(folder)[1]) < len(before) + 2:
        if time.monotonic() > deadline:
            print(f"the guest says nothing any more ({console.name}, {len(lines)} lines)")
            return FINDING
        time.sleep(0.05)
    wrong = [problem for problem, _ in lines if problem != "well"]
    print(*wrong[:1])
    return FINDING if wrong else GOOD


def incoming_script(folder, parts, disks):
    """Starts the QEMU that a migration goes to: the same machine, with sockets of its own."""
    machine = Machine(parts, disks, "pc")
    command = shlex.join(machine.command(pathlib.Path("@D@"), pathlib.Path("@Q@")))
    path = folder / "incoming.sh"
    path.write_text("set -e\nD=$RESUME_SOCKET.d\nmkdir -p $D\n"
                    + command.replace("@D@", '"$D"').replace("@Q@", '"$RESUME_SOCKET"')
                    + ' -incoming "$RESUME_URI" -daemonize -pidfile "$D/pid"\n')
    return path


def end_all(folder):
    for path in folder.glob("*.d/pid"):
        try:
            os.kill(int(path.read_text()), signal.SIGKILL)
        except (OSError, ValueError):
            continue  # it has ended


def stress(folder, tools, parts, guest, cycles, mix):
    (folder / "first").symlink_to(guest.folder)
    incoming = incoming_script(folder, parts, guest.disks)
    done = subprocess.run(
        [tools / "resume-stress", "real", "--method", "qmp", "--socket", guest.folder / "qmp.sock",
         "--cycles", str(cycles), "--mix", mix, "--asleep-ms", "200..2000",
         "--awake-ms", "200..800", "--incoming-cmd", f"sh {incoming}",
         "--check", f"{sys.executable} {__file__} --check {folder}",
         "--continue", folder / "state", "--json"],
        stdout=subprocess.PIPE, text=True, check=False)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    if not lines or "cycles" not in lines[-1]:
        raise LabError(f"resume-stress ended with {done.returncode} and no summary")
    for line in lines[:-1]:
        for problem in line["problems"]:
            print(f"cycle {line['cycle']}, {line['outcome']}: {problem}", flush=True)
    return done.returncode, lines[-1]


def run(arguments):
    # The QEMUs that the guest moves to are nobody's children, and have to end with this program.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parts = find_parts(ROOT / "build/lab", arguments.tools)
    with tempfile.TemporaryDirectory(prefix="resume-lab-moved-") as name, \
            Session(parts, "pc") as guest:
        folder = pathlib.Path(name)
        guest.run(START_AGENT)
        guest.run(LOAD)
        guest.let_go()
        try:
            status, summary = stress(folder, arguments.tools, parts, guest, arguments.cycles,
                                     arguments.mix)
            words = beats(folder)[1][-1][1].split()
        finally:
            end_all(folder)
    told = dict(zip(words[1::2], map(int, words[::2])))
    # A guest of KVM's is told nothing: its agent sees that time was missing, and
    # that QEMU tells of a generation wherever a guest comes in.
    good = (status == GOOD and summary["cycles"] == arguments.cycles and set(told) <= {"pause", "restore"}
            and len(summary["outcomes"]) == len(arguments.mix.split(",")))
    print(f"{summary['cycles']} cycles, {summary['outcomes']}, {summary['failures']} failures; the "
          f"agent told {told or 'of nothing'}" + ("" if good else "  <-- NOT AS EXPECTED"),
          flush=True)
    return GOOD if good else FINDING


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin")
    parser.add_argument("--cycles", type=int, default=60)
    parser.add_argument("--mix", default="stop,move,cancel")
    parser.add_argument("--check", type=pathlib.Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    return check(arguments.check) if arguments.check else run(arguments)


if __name__ == "__main__":
    sys.exit(exit_status(main))
