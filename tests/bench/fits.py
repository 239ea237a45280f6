#!/usr/bin/env python3
"""fits.py BUILD_DIR [--most-text-kib N] [--most-ram-kib N]: what suspend and resume cost a kernel.

Text, of the test kernel as it is linked, by the object files that the library's functions come from;
what runs at boot only and is thrown away stands apart. Memory, of a guest with one disk and one
interface, a queue each, as bin/bench-fits says it: there is no other, since nothing is allocated, and
that is shown by what the objects leave undefined. Exit 1 when more than N, or an allocator is called.
"""
import argparse
import collections
import pathlib
import re
import subprocess
import sys

PARTS = {"core": "libresume/CMakeFiles/resume_core.dir", "drivers": "drivers/CMakeFiles/resume_drivers.dir",
         "xen": "xen/CMakeFiles/resume_handshake.dir"}
ALLOCATORS = re.compile(r"^(malloc|calloc|realloc|free|aligned_alloc|_Zn[wa]|_Zd[la])")


def run(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def homes(build):
    """Symbol -> the folder that its object file is in; and what the objects want of an allocator."""
    found, wanted = {}, set()
    for part, folder in PARTS.items():
        top = build / folder
        for path in sorted(top.rglob("*.o")):
            inside = path.relative_to(top).parts
            home = "engine" if part == "core" else inside[0] if len(inside) > 1 else "handshake"
            for line in run("nm", str(path)).splitlines():
                kind, name = line[17:18], line[19:]
                if kind in "tTwWvV" and line[:16].strip():
                    found.setdefault(name, home)
                elif kind == "U" and ALLOCATORS.match(name):
                    wanted.add(f"{path}: {name}")
    return found, wanted


def text_of(kernel, found):
    """Home -> [bytes that stay, bytes of boot-only code]."""
    sizes, boot_end = collections.defaultdict(lambda: [0, 0]), 0
    lines = run("nm", "-S", "--defined-only", str(kernel)).splitlines()
    for line in lines:
        if line.endswith(" kernel_boot_end"):
            boot_end = int(line.split()[0], 16)
    for line in lines:
        fields = line.split()
        if len(fields) != 4 or fields[2] not in "tTwW":
            continue
        home = "handshake" if "9HandshakeI" in fields[3] else found.get(fields[3])
        if home:
            sizes[home][int(fields[0], 16) < boot_end] += int(fields[1], 16)
    return sizes


def main():
    options = argparse.ArgumentParser()
    options.add_argument("build", type=pathlib.Path)
    options.add_argument("--most-text-kib", type=int)
    options.add_argument("--most-ram-kib", type=int)
    options = options.parse_args()
    found, wanted = homes(options.build)
    sizes = text_of(options.build / "bin/resume-kernel", found)
    print("text, bytes            stays  boot only")
    for home, (stays, boot) in sorted(sizes.items(), key=lambda row: -row[1][0]):
        print(f"  {home:17} {stays:8} {boot:10}")
    text = sum(stays for stays, _ in sizes.values())
    print(f"  {'all':17} {text:8} {sum(boot for _, boot in sizes.values()):10}")
    ram = run(str(options.build / "bin/bench-fits"))
    print(ram, end="")
    total = int(re.search(r"^  all +(\d+)$", ram, re.MULTILINE)[1])
    print(f"text {text / 1024:.1f} KiB, memory {total / 1024:.1f} KiB with one disk and one interface, "
          f"allocators called: {len(wanted)}")
    for line in sorted(wanted):
        print("WRONG " + line)
    if not text or not total:
        print("WRONG nothing was measured")
        return 1
    for name, value, most in (("text", text, options.most_text_kib), ("memory", total, options.most_ram_kib)):
        if most is not None and value > most * 1024:
            print(f"WRONG {name} is more than {most} KiB")
            return 1
    return 1 if wanted else 0


if __name__ == "__main__":
    sys.exit(main())
