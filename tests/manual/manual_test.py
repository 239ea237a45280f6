#!/usr/bin/env python3
"""manual_test.py FOLDER RESUMECTL AGENT GUEST STRESS: the pages name what the programs have, and format cleanly."""
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

FOLDER, RESUMECTL, AGENT, GUEST, STRESS = map(pathlib.Path, sys.argv[1:6])
NOT_IN_THE_PAGE = {"--help", "--json", "--socket", "--folder"}  # said once, for all commands


def help_of(*command):
    return subprocess.run([*command, "--help"], capture_output=True, text=True, check=False,
                          timeout=60).stdout


def page(name):
    return (FOLDER / name).read_text(encoding="utf-8").replace("\\-", "-")


def commands(text):
    listed = text.partition("Subcommands:\n")[2]
    return re.findall(r"^  ([a-z]+) ", listed, re.MULTILINE)


class ManualTest(unittest.TestCase):
    def missing(self, program, text, *command):
        """Options of a command's help, and of its own commands', that the text does not have."""
        said = help_of(program, *command)
        options = set(re.findall(r"--[a-z-]+", said)) - NOT_IN_THE_PAGE
        gone = [f"{' '.join(command)} {option}" for option in sorted(options) if option not in text]
        for name in commands(said):
            if name not in text:
                gone.append(" ".join((*command, name)))
            gone += self.missing(program, text, *command, name)
        return gone

    def test_resumectl_has_every_command_and_option(self):
        self.assertGreater(len(commands(help_of(RESUMECTL))), 8)
        self.assertEqual(self.missing(RESUMECTL, page("resumectl.1")), [])

    def test_the_stress_tools_have_every_command_and_option(self):
        self.assertGreater(len(commands(help_of(STRESS))), 3)
        self.assertEqual(self.missing(STRESS, page("resume-stress.1")), [])
        self.assertEqual(self.missing(GUEST, page("resume-guest.1")), [])

    def test_resume_agent_has_every_option(self):
        options = re.findall(r"--[a-z-]+", help_of(AGENT))
        self.assertTrue(options)
        self.assertEqual([word for word in options if word not in page("resume-agent.8")], [])

    def test_pages_format_without_a_warning(self):
        if shutil.which("groff") is None:
            self.skipTest("no groff here")
        for path in sorted(FOLDER.iterdir()):
            done = subprocess.run(["groff", "-man", "-ww", "-Tutf8", "-Kutf8", path],
                                  capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual((done.returncode, done.stderr), (0, ""), path.name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
