#!/usr/bin/env python3
"""must_not_compile.py SOURCE COMPILER [FLAGS...]: the control compiles, and no CASE_ does.

The cases and the text that each one's errors must hold stand in SOURCE's own header comment.
"""
import re
import subprocess
import sys


def compile_with(compiler, source, extra):
    command = [*compiler, "-fsyntax-only", *extra, source]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    return done.returncode, done.stderr


def main():
    source, compiler = sys.argv[1], sys.argv[2:]
    with open(source, encoding="utf-8") as text:
        cases = re.findall(r"^// (CASE_\w+): (.+)$", text.read(), re.MULTILINE)
    if not cases:
        print(f"{source}: no cases found")
        return 1
    bad = 0
    status, errors = compile_with(compiler, source, [])
    if status != 0:
        print(f"{source}: the control does not compile:\n{errors}")
        bad += 1
    for name, pattern in cases:
        status, errors = compile_with(compiler, source, [f"-D{name}"])
        if status == 0:
            print(f"{name}: compiles, and must not")
            bad += 1
        elif not re.search(pattern, errors):
            print(f"{name}: fails, but not with /{pattern}/:\n{errors}")
            bad += 1
    print(f"{len(cases)} cases and a control, {bad} wrong")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
