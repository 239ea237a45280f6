#!/usr/bin/env python3
"""Each rule of lint.py finds the violation that it is for, and nothing in a clean tree."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import lint  # noqa: E402

CLEAN = {
    "libresume/CMakeLists.txt": "resume_core_library(resume_core a.cc)\n",
    "libresume/a.h": "#pragma once\n#include <stdint.h>\n",
    "libresume/a.cc": '#include "libresume/a.h"\nint f(int a) {\n    return a;\n}\n',
}
# file, its text, the rule that must find it and a word of the reason
BROKEN = (
    ("libresume/a.cc", '#include "drivers/timer/timer.h"\n', "layers", "drivers/timer"),
    ("libresume/a.cc", '#include "libresume/oracle/oracle.h"\n', "layers", "oracle"),
    ("libresume/oracle/a.cc", '#include "libresume/engine.h"\n', "layers", "engine"),
    ("libresume/oracle/a.cc", '#include "libresume/step_table.h"\n', "layers", "step_table"),
    ("drivers/a.cc", '#include "drivers/model/machine.h"\n', "layers", "model"),
    ("drivers/a.cc", '#include "xen/store.h"\n', "layers", "xen"),
    ("drivers/model/a.cc", '#include "drivers/store/store.h"\n', "layers", "store"),
    ("agent/a.cc", '#include "drivers/model/machine.h"\n', "layers", "model"),
    ("agent/a.cc", '#include "../drivers/timer.h"\n', "layers", "timer"),
    ("libresume/a.cc", "#include <string>\n", "subset", "string"),
    ("drivers/a.cc", "#include <stdlib.h>\n", "subset", "stdlib"),
    ("libresume/a.cc", "struct A { virtual void f(); };\n", "subset", "virtual"),
    ("libresume/a.cc", "int* f() { return new int; }\n", "subset", "heap"),
    ("libresume/a.cc", "void f(int* a) { delete a; }\n", "subset", "heap"),
    ("libresume/a.cc", "void f() { throw 1; }\n", "subset", "exceptions"),
    ("libresume/a.cc", "std::vector<int> v;\n", "subset", "hosted"),
    ("libresume/a.cc", "int a;\n" * 301, "size", "301 lines"),
    ("libresume/a.cc", "void f() {\n" + "    g();\n" * 70 + "}\n", "size", "72 lines"),
    ("libresume/a.cc", "int " + "a" * 100 + ";\n", "size", "columns"),
    ("libresume/a.cc", "int a;  // TODO\n", "leftover", "issue"),
    ("libresume/a.cc", "#if 0\n#endif\n", "leftover", "dead"),
    ("README.md", "see .." + "/shared/design.md\n", "leftover", "outside"),
    ("libresume/b.h", "int b;\n", "header", "pragma"),
    ("libresume/b.cc", "int b;\n", "target", "nobody"),
    ("drivers/a.cc", "auto x = BootContext::with(f);\n", "boot", "boots nothing"),
    ("drivers/model/a.cc", "auto x = BootContext::with(f);\nauto y = BootContext::with(g);\n",
     "boot", "another caller"),
    ("drivers/timer.cc", '#include "drivers/callback/forged_boot_context.h"\n', "boot", "forge"),
)
FINE = (
    ("libresume/a.cc", "struct A { A(const A&) = delete; };\n"),
    ("libresume/a.cc", "// a new thing to delete, virtual, TO DO\n"),
    ("libresume/a.cc", "void* f(void* at) { return new (at) int; }\n"),
    ("agent/a.cc", '#include <string>\n#include "libresume/oracle/oracle.h"\n'),
    ("libresume/a.cc", "constexpr int kTable[] = {\n" + "    f(1),\n" * 100 + "};\n"),
)


def findings_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        for command in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", "-C", folder, *command], check=True)
        return lint.lint(root)[0]


class LintTest(unittest.TestCase):
    def test_a_clean_tree_has_no_findings(self):
        self.assertEqual(findings_of(CLEAN), [])

    def test_each_violation_is_found_by_its_rule(self):
        for name, text, rule, word in BROKEN:
            with self.subTest(name=name, rule=rule, word=word):
                found = findings_of({**CLEAN, name: text})
                self.assertTrue(any(f[0] == name and f[2] == rule and word in f[3] for f in found),
                                found)

    def test_what_is_fine_is_not_found(self):
        for name, text in FINE:
            with self.subTest(name=name, text=text[:40]):
                found = [f for f in findings_of({**CLEAN, name: text}) if f[2] != "target"]
                self.assertEqual(found, [])


if __name__ == "__main__":
    unittest.main()
