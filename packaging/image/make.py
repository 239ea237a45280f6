#!/usr/bin/env python3
"""A guest's disk with a minimal Debian 12 and the agent in it.

    make.py [--debs FOLDER] IMAGE      FOLDER: of resume-agent_*.deb, default build/package

IMAGE is one ext4 file system, sparse, without kernel and boot loader: for a host that boots its
guests' kernels itself (xl's kernel=, QEMU's -kernel), with root=/dev/xvda or root=/dev/vda.
Needs root, debootstrap and mke2fs. There are no ids in it: a machine-id is made at its first boot.
"""
import argparse
import pathlib
import shutil
import subprocess
import sys
import tempfile

from debian_root import PROJECT, Root

LABEL = "resume-guest"
SIZE_MIB = 1024


def install(root, debs, more):
    packages = sorted(pathlib.Path(debs).glob("resume-agent_*.deb"))
    if not packages:
        raise SystemExit(f"make.py: no resume-agent_*.deb in {debs}: ./dev package makes it")
    shutil.copy(packages[-1], root.folder / "tmp/resume-agent.deb")
    root.must("apt-get", "update", "-qq")
    # logind tells of suspends, and wants PAM's half of it as well.
    root.must("apt-get", "install", "-y", "--no-install-recommends", "/tmp/resume-agent.deb",
              "libpam-systemd", *more)
    (root.folder / "tmp/resume-agent.deb").unlink()
    root.must("apt-get", "clean")


def settle(root):
    """What a machine needs to be one, and nothing that makes two of them the same."""
    etc = root.folder / "etc"
    (etc / "hostname").write_text("guest\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n127.0.1.1 guest\n")
    (etc / "fstab").write_text(f"LABEL={LABEL} / ext4 rw,noatime 0 1\n")
    (etc / "machine-id").write_text("")
    (etc / "resolv.conf").unlink(missing_ok=True)
    shutil.rmtree(root.folder / "var/lib/apt/lists")


def write(root, image):
    with open(image, "wb") as disk:
        disk.truncate(SIZE_MIB << 20)
    subprocess.run(["mke2fs", "-q", "-t", "ext4", "-F", "-m", "0", "-L", LABEL, "-E",
                    "lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0", "-d", root.folder,
                    image], check=True)


def make(image, debs, also=None, more=()):
    """`also(folder)` may put more into the guest's root; `more`: further packages of Debian's."""
    with tempfile.TemporaryDirectory(prefix="resume-image-") as work:
        root = Root(pathlib.Path(work) / "root")
        install(root, debs, more)
        settle(root)
        if also:
            also(root.folder)
        write(root, image)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--debs", type=pathlib.Path, default=PROJECT / "build/package")
    parser.add_argument("image", type=pathlib.Path)
    arguments = parser.parse_args()
    make(arguments.image, arguments.debs)
    print(f"{arguments.image}: {arguments.image.stat().st_blocks // 2048} MiB on disk")


if __name__ == "__main__":
    sys.exit(main())
