"""A minimal Debian 12 as a folder, made once by debootstrap, and copies of it to work in."""
import hashlib
import os
import pathlib
import shutil
import subprocess

PROJECT = pathlib.Path(__file__).resolve().parents[2]
# What a guest's image has at least; no kernel, since the lab boots one of its own.
INCLUDE = "systemd-sysv,dbus,udev,kmod,procps"
# Namespaces of its own: what is mounted or started is gone with them.
INSIDE = """
mount --make-rprivate / && mount -t proc proc "$1/proc" && mount --rbind /sys "$1/sys" &&
mount -t tmpfs tmpfs "$1/run" && mount --rbind /dev "$1/dev" || exit 77
root=$1
shift
chroot "$root" "$@"
"""
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
               "DEBIAN_FRONTEND": "noninteractive"}


def base():
    """The folder; $MIRROR may name a Debian mirror, which debootstrap otherwise chooses."""
    mirror = os.environ.get("MIRROR", "")
    name = hashlib.sha256(f"{INCLUDE} {mirror}".encode()).hexdigest()[:12]
    folder = PROJECT / "build/lab" / f"debian-12.{name}"
    if not folder.exists():
        half = folder.with_suffix(".half")
        shutil.rmtree(half, ignore_errors=True)
        half.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["debootstrap", "--variant=minbase", f"--include={INCLUDE}", "bookworm",
                        half, *([mirror] if mirror else [])], check=True,
                       stdout=subprocess.DEVNULL)
        half.rename(folder)
    return folder


class Root:
    """A copy of the base at `folder`, for one who is root."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cp", "-a", "--reflink=auto", f"{base()}/.", self.folder], check=True)
        # The packages may need what the first image has not, and as new as where they were built
        # (Debian's security updates): it comes from where this machine takes it.
        shutil.copy("/etc/resolv.conf", self.folder / "etc/resolv.conf")
        for sources in ("sources.list", "sources.list.d"):
            here, there = pathlib.Path("/etc/apt") / sources, self.folder / "etc/apt" / sources
            if here.is_dir():
                shutil.copytree(here, there, dirs_exist_ok=True)
            elif here.exists():
                shutil.copy(here, there)
            else:
                there.unlink(missing_ok=True)
        self.must("apt-get", "update")

    def command(self, *words):
        return ["unshare", "--mount", "--pid", "--fork", "--kill-child", "sh", "-c", INSIDE, "sh",
                str(self.folder), *map(str, words)]

    def run(self, *words):
        """(exit status, what it said)"""
        done = subprocess.run(self.command(*words), env=ENVIRONMENT, text=True, check=False,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def must(self, *words):
        status, said = self.run(*words)
        if status != 0:
            raise AssertionError(f"{' '.join(map(str, words))}: {status}\n{said}")
        return said

    def files(self):
        """Every path with what it is; without what each run of apt and dpkg rewrites."""
        moving = ("var/lib/apt/", "var/lib/dpkg/", "var/cache/", "var/log/", "etc/resolv.conf",
                  "etc/ld.so.cache", "etc/group-", "etc/gshadow-", "etc/shadow-", "etc/passwd-",
                  "tmp/", "root/")
        listed = {}
        for path in sorted(self.folder.rglob("*")):
            name = str(path.relative_to(self.folder))
            if name.startswith(moving):
                continue
            status = path.lstat()
            what = f"{status.st_mode:o} {status.st_uid}:{status.st_gid}"
            if path.is_symlink():
                what += f" -> {os.readlink(path)}"
            elif path.is_file():
                what += " " + hashlib.sha256(path.read_bytes()).hexdigest()[:16]
            listed[name] = what
        return listed

    def packages(self):
        said = self.must("dpkg-query", "-W", "-f", "${Package} ${db:Status-Abbrev}\n")
        return {line.split()[0] for line in said.splitlines() if line.split()[1] == "ii"}
