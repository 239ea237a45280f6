#!/usr/bin/env python3
"""abi_test.py LIBRARY SOURCE CC: the client's C interface is the stored one (interface-1.txt).

Symbols with their versions and the SONAME from the library; sizes, offsets, numbers and signatures
from the header. What was promised stays; a new symbol gets a new version and a line of its own.
"""
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

LIBRARY, SOURCE = (pathlib.Path(argument) for argument in sys.argv[1:3])
CC = sys.argv[3]
HERE = SOURCE / "tests/client"
HEADER = SOURCE / "libresume/client/client.h"
STORED = (HERE / "interface-1.txt").read_text(encoding="utf-8").splitlines()


def output_of(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=True).stdout


def symbols():
    soname = re.search(r"SONAME.*\[(.*)\]", output_of("readelf", "--dynamic", LIBRARY))[1]
    lines = output_of("nm", "-D", "--defined-only", LIBRARY).splitlines()
    # Kind A is the version itself.
    return [f"soname {soname}"] + sorted(
        words[2] for words in (line.split() for line in lines) if words[1] != "A")


def layout(header):
    """The lines of layout.c compiled against this header; its functions are not called."""
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        (root / "libresume/client").mkdir(parents=True)
        (root / "libresume/client/client.h").write_text(header, encoding="utf-8")
        run = root / "layout"
        subprocess.run([CC, "-std=c11", "-Werror", "-Wall", "-I", root, HERE / "layout.c", LIBRARY,
                        f"-Wl,-rpath,{LIBRARY.parent}", "-o", run], check=True,
                       capture_output=True)
        return output_of(run).splitlines()


class InterfaceTest(unittest.TestCase):
    def setUp(self):
        self.header = HEADER.read_text(encoding="utf-8")

    def test_is_the_stored_one(self):
        self.assertEqual(symbols() + layout(self.header), STORED)

    def test_every_declared_function_is_exported(self):
        declared = set(re.findall(r"RESUME_CLIENT_API [\w ]+\*? ?(resume_client_\w+)\(",
                                  self.header))
        exported = {line.split("@")[0] for line in STORED if "@" in line}
        self.assertEqual(declared, exported)

    def test_every_field_is_watched(self):
        for name, body in re.findall(r"typedef struct (\w+) \{(.*?)\}", self.header, re.DOTALL):
            for field in re.findall(r"(\w+);", re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)):
                self.assertTrue([line for line in STORED if line.startswith(f"{name}.{field} ")],
                                f"{name}.{field}")

    def test_a_change_is_seen(self):
        for old, new in (("uint32_t deadline_ms;", "uint64_t deadline_ms;"),
                         ("    const char* token;", "    int more;\n    const char* token;"),
                         ("const char* report;", "const char* report;\n    int last;"),
                         ("RESUME_CLIENT_AFTER = 4", "RESUME_CLIENT_AFTER = 5")):
            self.assertIn(old, self.header)
            self.assertNotEqual(symbols() + layout(self.header.replace(old, new)), STORED, new)

    def test_another_signature_does_not_compile(self):
        old = "resume_client_state(resume_client* client)"
        self.assertIn(old, self.header)
        with self.assertRaises(subprocess.CalledProcessError):
            layout(self.header.replace(old, "resume_client_state(resume_client** client)"))


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
