#!/usr/bin/env python3
"""packages_test.py FOLDER: the Debian packages in FOLDER, installed, upgraded, removed and purged.

In a minimal Debian 12 (debootstrap; its mirror or $MIRROR). Needs root. What was there before and
after each step is written to FOLDER/check.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "packaging/image"))
import debian_root as debian  # noqa: E402

FOLDER = pathlib.Path(sys.argv[1]).resolve()
# What each pulls in that a minimal Debian has not; by name, so that a new one is seen.
PULLS = {
    "resume-agent": set(),
    "libresume-client0": set(),
    "resume-host-tools": {"xenstore-utils", "libxenstore4", "libxentoolcore1"},
    "resume-stress": {"libfmt9", "libspdlog1.10"},
}
# Libraries for programmers pull in many more: those of the packages that it declares, and no other.
DEV, DEV_NEEDS = ("libresume-dev", "libresume-client0"), ("libboost-dev", "libxen-dev")
# As the libraries of Xen's toolstack do, which are of one Xen.
XEN = ("resume-stress-xen", "resume-stress")
XEN_NEEDS = ("libspdlog1.10", "libxenmisc4.17", "libxenstore4")
UNITS = ("resume-agent.service", "resume-freeze.socket", "resume-probe.socket")
PATIENCE_S = 60  # only a test that fails waits for so long


def deb(package):
    return next(FOLDER.glob(f"{package}_*.deb"))


def later_version(path, folder):
    """The same package with a higher version."""
    tree = folder / "tree"
    subprocess.run(["dpkg-deb", "-R", path, tree], check=True)
    control = tree / "DEBIAN/control"
    control.write_text(control.read_text().replace("Version: ", "Version: 9:"))
    made = folder / f"later-{path.name}"
    subprocess.run(["dpkg-deb", "--root-owner-group", "-b", tree, made], check=True,
                   stdout=subprocess.DEVNULL)
    shutil.rmtree(tree)
    return made


def write(name, listed):
    folder = FOLDER / "check"
    folder.mkdir(exist_ok=True)
    (folder / name).write_text("".join(f"{path} {what}\n" for path, what in listed.items()))


def differences(before, after):
    return sorted([f"- {name}" for name in before.keys() - after.keys()] +
                  [f"+ {name}" for name in after.keys() - before.keys()] +
                  [f"! {name}" for name in before.keys() & after.keys()
                   if before[name] != after[name]])


class PackagesTest(unittest.TestCase):
    def setUp(self):
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="resume-packages-"))
        self.addCleanup(shutil.rmtree, self.work, ignore_errors=True)
        self.root = debian.Root(self.work / "root")

    def bring(self, *paths):
        for path in paths:
            shutil.copy(path, self.root.folder / "tmp")
        return [f"/tmp/{path.name}" for path in paths]

    def install(self, *packages):
        """What came along."""
        before = self.root.packages()
        self.root.must("apt-get", "update", "-qq")
        said = self.root.must("apt-get", "install", "-y", "--no-install-recommends",
                              *self.bring(*map(deb, packages)))
        self.assertNotIn("warning", said.lower().replace("warnings", ""), said)
        return self.root.packages() - before - set(packages)

    def test_each_pulls_only_what_is_declared(self):
        for package, pulls in PULLS.items():
            with self.subTest(package):
                self.assertEqual(self.install(package), pulls)
                self.root.must("apt-get", "purge", "-y", "--autoremove", package)

    def would_pull(self, *packages):
        self.root.must("apt-get", "update", "-qq")
        said = self.root.must("apt-get", "install", "-s", "--no-install-recommends", *packages)
        return {line.split()[1] for line in said.splitlines() if line.startswith("Inst ")}

    def test_what_needs_xens_toolstack_pulls_its_libraries_and_no_other(self):
        declared = self.would_pull(*XEN_NEEDS)
        self.assertEqual(self.install(*XEN), declared)
        status, said = self.root.run("resume-stress", "real", "--method", "xen", "--domain", "g",
                                     "--yes-break", "g")
        self.assertEqual(status, 69, said)
        self.assertIn("this has to be dom0 of a Xen host", said)

    def test_the_libraries_pull_what_their_declared_ones_do(self):
        declared = self.would_pull(*DEV_NEEDS)
        self.assertEqual(self.install(*DEV), declared)
        self.assertIn("-lresume-store", (self.root.folder / "usr/lib/x86_64-linux-gnu/pkgconfig/"
                                         "libresume-store.pc").read_text())

    def test_a_life_of_the_agents_package(self):
        before = self.root.files()
        write("1-before.txt", before)
        self.assertEqual(self.install("resume-agent"), set())
        installed = self.root.files()
        write("2-installed.txt", installed)
        for unit in UNITS:
            self.assertEqual(self.root.must("systemctl", "is-enabled", unit), "enabled\n", unit)
        self.assertIn("libresume:", self.root.must("getent", "group", "libresume"))
        self.assertEqual(self.root.run("resumectl", "status")[0], 69)

        # What its owner decided stays through an upgrade.
        (self.root.folder / "etc/libresume/agent.toml").write_text("[report]\nlog_kib = 512\n")
        self.root.must("systemctl", "disable", "resume-probe.socket")
        later = self.bring(later_version(deb("resume-agent"), self.work))
        self.root.must("dpkg", "-i", *later)
        upgraded = self.root.files()
        write("3-upgraded.txt", upgraded)
        self.assertEqual(differences(installed, upgraded), [
            "+ etc/libresume/agent.toml",
            "- etc/systemd/system/sockets.target.wants/resume-probe.socket"])

        state = self.root.folder / "var/lib/libresume"
        state.mkdir(mode=0o700)
        (state / "cycles.jsonl").write_text("{}\n")
        self.root.must("dpkg", "-r", "resume-agent")
        removed = self.root.files()
        write("4-removed.txt", removed)
        left = [line[2:] for line in differences(before, removed)]
        self.assertEqual([name for name in left if not name.startswith(("etc/", "var/lib/"))], [])
        self.assertTrue((state / "cycles.jsonl").exists())

        self.root.must("dpkg", "-P", "resume-agent")
        purged = self.root.files()
        write("5-purged.txt", purged)
        self.assertEqual(differences(before, purged), [])

    def test_nothing_starts_in_a_chroot_or_a_container(self):
        self.install("resume-agent")
        self.assertFalse((self.root.folder / "run/libresume").exists())
        said = self.root.must("/etc/init.d/resume-agent", "start")
        self.assertIn("not started in a chroot", said)
        status, said = self.root.run("sh", "-c", "touch /run/.containerenv; resume-agent")
        self.assertEqual(status, 69, said)
        self.assertIn("this is a container", said)
        unit = (self.root.folder / "lib/systemd/system/resume-agent.service").read_text()
        self.assertIn("ConditionVirtualization=vm\n", unit)  # dom0 is none to systemd
        self.assertIn("ConditionVirtualization=!container\n", unit)

    def test_is_not_removed_while_a_suspend_is_held(self):
        self.install("resume-agent")
        later = self.bring(later_version(deb("resume-agent"), self.work))
        # A shell whose words decide what happens, beside an agent.
        shell = subprocess.Popen(
            self.root.command("sh", "-c", "resume-agent 2>/dev/null & exec sh -s 2>&1"),
            env=debian.ENVIRONMENT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.addCleanup(shell.stdout.close)
        self.addCleanup(shell.wait)
        self.addCleanup(shell.stdin.close)

        def do(command):
            print(f"{command}; echo =$?", file=shell.stdin, flush=True)
            said = ""
            for line in shell.stdout:
                if line.startswith("="):
                    return int(line[1:]), said
                said += line
            raise AssertionError(f"the shell is gone: {said}")

        until = time.monotonic() + PATIENCE_S
        while do("resumectl status")[0] == 69:
            self.assertLess(time.monotonic(), until, "no agent")
        self.assertEqual(do("resumectl prepare --for s3 --ttl 60 >/dev/null"), (0, ""))
        for command in ("dpkg -r resume-agent", f"dpkg -i {later[0]}"):
            status, said = do(command)
            self.assertEqual(status, 1, said)
            self.assertIn("resume-agent is not stopped now", said)
            self.assertIn("a suspend is announced", said)
            self.assertEqual(do("resumectl status >/dev/null")[0], 0)
        self.assertEqual(do("resumectl release")[0], 0)
        while do("resumectl status --idle")[0] == 1:
            self.assertLess(time.monotonic(), until, "busy for ever")
        status, said = do("dpkg -r resume-agent")
        self.assertEqual(status, 0, said)

    def test_everything_together_and_gone_again(self):
        before, packages = self.root.files(), self.root.packages()
        names = sorted(path.name.split("_")[0] for path in FOLDER.glob("*.deb")
                       if "-dbgsym_" not in path.name)
        pulled = self.install(*names)
        print("all of them pull in:", " ".join(sorted(pulled)))
        self.root.must("resumectl", "--version")
        self.root.must("apt-get", "purge", "-y", "--autoremove", *names)
        self.assertEqual(self.root.packages(), packages)
        ours = [line for line in differences(before, self.root.files()) if "resume" in line]
        self.assertEqual(ours, [])


if __name__ == "__main__":
    if os.geteuid() != 0:
        print("SKIP: only root may make a root file system of its own")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], verbosity=2)
