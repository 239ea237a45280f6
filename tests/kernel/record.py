#!/usr/bin/env python3
"""Records one cycle of each kind on a real Xen, for the comparison with the model.

usage: record.py [--kernel ELF] [--tools DIR] [--out DIR] [KIND...]

Each trace is a guest's whole history: boot, one cycle, nothing else. The timer is armed and does
not fire meanwhile, and nobody else uses the store, so that two recordings of a kind differ in
nothing but time and numbers. Exit: 0 all recorded, 1 not, 77 something is not installed.
"""

import argparse
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/lab/xen"))

from xenlab import images, kernel_host, kernel_plan, packages  # noqa: E402
from xenlab.dom0 import Dom0  # noqa: E402
from xenlab.errors import LabError, Skip  # noqa: E402
from xenlab.guest import Guests  # noqa: E402
from xenlab.kernel_guest import KernelGuest, settings  # noqa: E402
from xenlab.machine import Machine  # noqa: E402

GUEST_PATH = "/share/resume-kernel"
WORDS = "tick_ms=600000 traffic=0 devices=1"
CYCLE_TIMEOUT = 60
GOOD, FINDING, SKIPPED = 0, 1, 77


def record(dom0, guests, kind, number):
    """Lines of the trace of a guest of its own, which goes through one cycle of `kind`."""
    guest = guests.create(f"r{number}", settings(GUEST_PATH, 1, WORDS))
    kernel = KernelGuest(guest, dom0.consoles.get("hypervisor"))
    kernel.wait_ready()
    results = kernel_host.run_batch(kernel, kernel_plan.Batch(kind, 1, 1, 0))
    cycles = kernel.wait_cycles(0, 1, CYCLE_TIMEOUT)
    if results != ["ok"] or len(cycles) != 1 or cycles[0].get("1") != kind.outcome:
        raise LabError(f"{kind.name}: host {results}, guest {[each.text for each in cycles]}")
    lines = kernel.read_trace()
    guest.destroy()
    return [line for line in lines if line.startswith("lrt ")]


def record_all(arguments):
    installation = packages.find_installation()
    cache = images.Cache(ROOT / "build/lab")
    kinds = [kernel_plan.KINDS[name] for name in arguments.kinds or kernel_plan.KINDS]
    arguments.out.mkdir(parents=True, exist_ok=True)
    with Machine(installation, cache, arguments.tools, 640, 320) as machine:
        dom0 = Dom0(machine)
        machine.put(arguments.kernel, pathlib.Path(GUEST_PATH).name)
        with Guests(dom0) as guests:
            for number, kind in enumerate(kinds):
                lines = record(dom0, guests, kind, number)
                path = arguments.out / f"{kind.name}.trace"
                path.write_text("".join(line + "\n" for line in lines))
                print(f"{path}: {len(lines)} lines", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", type=pathlib.Path,
                        default=ROOT / "build/kernel/bin/resume-kernel")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/dev/bin")
    parser.add_argument("--out", type=pathlib.Path,
                        default=pathlib.Path(__file__).parent / "recorded")
    parser.add_argument("kinds", nargs="*", metavar="KIND",
                        help="of " + ", ".join(kernel_plan.KINDS) + "; default: all")
    arguments = parser.parse_args()
    unknown = set(arguments.kinds) - set(kernel_plan.KINDS)
    if unknown:
        parser.error(f"unknown kind {sorted(unknown)[0]}")
    try:
        record_all(arguments)
    except Skip as reason:
        print(f"SKIP: {reason}")
        return SKIPPED
    except LabError as error:
        print(f"not recorded: {error}")
        return FINDING
    return GOOD


if __name__ == "__main__":
    sys.exit(main())
