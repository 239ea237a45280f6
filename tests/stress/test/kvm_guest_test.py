#!/usr/bin/env python3
"""resume-guest with a guest of KVM's, from outside: each kind of cycle, each outcome that it has,
clean with 1, 2, 33 and 64 vCPUs; and a bug is seen.

    kvm_guest_test.py RESUME_GUEST
"""

import json
import subprocess
import sys
import unittest

GUEST = sys.argv.pop(1)
# What a kind never comes to is said, and left out.
OUTCOMES = {
    "s3": ["resumed", "cancelled", "aborted"],
    "s2idle": ["resumed", "aborted"],
    "hibernate": ["resumed", "cancelled", "aborted"],
    "restore": ["resumed", "cancelled"],
}


def run(kind, vcpus, *more):
    done = subprocess.run(
        [GUEST, "--guest", "kvm", "--kind", kind, "--vcpus", str(vcpus),
         "--cycles", "resumed,cancelled,aborted", "--json", *more],
        capture_output=True, text=True, timeout=120, check=False)
    return done, [json.loads(line) for line in done.stdout.splitlines()]


class KvmGuest(unittest.TestCase):
    def test_every_kind_is_clean(self):
        for kind, outcomes in OUTCOMES.items():
            for vcpus in (1, 2, 33, 64):
                with self.subTest(kind=kind, vcpus=vcpus):
                    done, reports = run(kind, vcpus)
                    self.assertEqual(done.returncode, 0, done.stderr)
                    self.assertEqual([one["outcome"] for one in reports], outcomes)
                    self.assertEqual([one["violations"] for one in reports],
                                     [[] for _ in outcomes])
                    self.assertEqual(done.stderr.count("SKIP"), 3 - len(outcomes), done.stderr)

    def test_its_devices_are_in_the_report(self):
        _, reports = run("s3", 2)
        names = {device["name"] for device in reports[0]["devices"]}
        self.assertLessEqual({"kvmclock", "virtio0", "virtio1"}, names)

    def test_a_bug_is_seen(self):
        done, reports = run("s3", 2, "--bug", "thaw-as-restore")
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("L6", {one["id"] for report in reports for one in report["violations"]})

    def test_a_kind_that_it_has_not_is_a_mistake(self):
        done = subprocess.run([GUEST, "--guest", "kvm", "--kind", "xen-suspend"],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 64)


if __name__ == "__main__":
    unittest.main(verbosity=2)
