#!/usr/bin/env python3
"""headers_without_libc.py COMPILER GATE_DIR WORK_DIR SOURCE_DIR: compile the core with no libc.

Each source of the core and of the drivers is compiled against nothing but the compiler's own
freestanding headers, the C++ library's, Boost's and Xen's. What a header of libc would be needed
for is named by the compiler.
"""
import pathlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

FLAGS = ["-std=c++20", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-mno-sse",
         "-DBOOST_ENABLE_ASSERT_HANDLER", "-DBOOST_NO_STDLIB_CONFIG", "-DBOOST_NO_PLATFORM_CONFIG",
         "-DBOOST_GNU_STDLIB", "-nostdinc", "-nostdinc++", "-fsyntax-only"]


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def include_flags(compiler, gate, work):
    """Links to the header-only libraries, away from the folder that libc's headers share."""
    work.mkdir(parents=True, exist_ok=True)
    machine = output_of("g++", "-print-multiarch")
    for name in ("boost", "xen", "linux", "asm-generic", f"{machine}/asm"):
        link = work / pathlib.Path(name).name
        if not link.exists():
            link.symlink_to(pathlib.Path("/usr/include") / name)
    own = pathlib.Path(output_of(compiler, "-print-file-name=include"))
    if not own.is_absolute():
        own = pathlib.Path(output_of(compiler, "-print-resource-dir")) / "include"
    gcc_version = output_of("g++", "-dumpversion").split(".")[0]
    folders = [gate / "no_libc", f"/usr/include/c++/{gcc_version}",
               f"/usr/include/{machine}/c++/{gcc_version}", own, gate / "no_libc_after", work]
    return [word for folder in folders for word in ("-isystem", str(folder))]


def main():
    compiler = sys.argv[1]
    gate, work, root = (pathlib.Path(argument) for argument in sys.argv[2:5])
    command = [compiler, *FLAGS, *include_flags(compiler, gate, work), "-iquote", str(root)]
    sources = sorted(root.glob("libresume/*.cc")) + sorted(
        path for path in root.glob("drivers/**/*.cc") if "model" not in path.parts)

    def compile_one(source):
        return subprocess.run([*command, str(source)], capture_output=True, text=True,
                              check=False, timeout=120)

    bad = 0
    with ThreadPoolExecutor(max_workers=2) as pool:
        for source, done in zip(sources, pool.map(compile_one, sources)):
            if done.returncode != 0:
                bad += 1
                print(f"{source.relative_to(root)}:\n{done.stderr}")
    print(f"{len(sources)} sources without libc's headers, {bad} failed")
    return 1 if bad or not sources else 0


if __name__ == "__main__":
    sys.exit(main())
