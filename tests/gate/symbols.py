#!/usr/bin/env python3
"""symbols.py NM PLATFORM_DIR ARCHIVE...: what the core leaves undefined is what a kernel has.

Allowed: mem*, resume::panic, and the functions declared in PLATFORM_DIR/*.h. Everything else
(libc, libstdc++, operator new, guards of statics, unwinding) is named with its object file.
"""
import pathlib
import re
import subprocess
import sys

MEMORY = {"memcpy", "memmove", "memset", "memcmp"}
DECLARED = re.compile(r"^(?:\[\[noreturn\]\] )?[\w:<>]+[\w:<>&* ]*?[&* ](\w+)\(", re.MULTILINE)


def platform_functions(folder):
    names = set()
    for header in sorted(pathlib.Path(folder).glob("*.h")):
        names.update(DECLARED.findall(header.read_text(encoding="utf-8")))
    return names


def symbols(nm, archive, *options):
    done = subprocess.run([nm, "-A", "-C", *options, archive], capture_output=True, text=True,
                          check=True)
    for line in done.stdout.splitlines():
        found = re.match(r"\S+:(\S+):\s*[0-9a-f]*\s+(\w) (.+)$", line)
        if found:
            yield found.groups()


def main():
    nm, folder, archives = sys.argv[1], sys.argv[2], sys.argv[3:]
    platform = platform_functions(folder)
    defined, bad = set(), []
    for archive in archives:
        defined.update(name for _, _, name in symbols(nm, archive, "--defined-only"))
    for archive in archives:
        for member, _, name in symbols(nm, archive, "--undefined-only"):
            function = re.sub(r"^resume::v0::", "", name).split("(")[0]
            if name in defined or name in MEMORY or name.startswith("resume::v0::panic("):
                continue
            if name.startswith("resume::v0::") and function in platform:
                continue
            bad.append(f"{pathlib.Path(archive).name}({member}): {name}")
        for member, kind, name in symbols(nm, archive, "--defined-only"):
            if "_GLOBAL__sub_I" in name or name.startswith("guard variable"):
                bad.append(f"{pathlib.Path(archive).name}({member}): {name} ({kind})")
    for line in sorted(set(bad)):
        print(line)
    print(f"{len(archives)} archives, {len(platform)} platform functions, {len(set(bad))} foreign")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
