#!/usr/bin/env python3
"""install_test.py BUILD SOURCE WORK CC CXX: what was installed is enough for others to build on.

Installs the development files and the client, moves them (they must not know where they were
installed), and builds consumers against them: CMake and pkg-config, C and C++, static and shared,
with a kernel's flags, a driver under the conformance suite, and the template of one.
Each header compiles by itself.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest
from concurrent.futures import ThreadPoolExecutor

BUILD, SOURCE, WORK = (pathlib.Path(argument).resolve() for argument in sys.argv[1:4])
CC, CXX = sys.argv[4:6]
STAGE = WORK / "moved"
CONSUMER = SOURCE / "tests/install/consumer"
KERNEL_SOURCE = SOURCE / "tests/gate/freestanding_main.cc"
CONFORMANCE_SOURCE = SOURCE / "tests/conformance/ordinary_test.cc"
KERNEL_FLAGS = ("-ffreestanding -fno-builtin -fno-exceptions -fno-rtti -fno-threadsafe-statics "
                "-mno-red-zone -mgeneral-regs-only -fno-stack-protector -fcf-protection=none "
                "-DBOOST_NO_STDLIB_CONFIG -DBOOST_NO_PLATFORM_CONFIG -DBOOST_GNU_STDLIB").split()
WARNINGS = ["-Wall", "-Wextra", "-Werror"]


def run(*command, **more):
    """Its standard output; what it said is in the failure."""
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False, **more)
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n"
                             f"{done.stdout}{done.stderr}")
    return done.stdout.strip()


def pkg_config(*words):
    folders = [path for path in STAGE.rglob("pkgconfig") if path.is_dir()]
    return run("pkg-config", *words, env={**os.environ, "PKG_CONFIG_PATH": str(folders[0])}).split()


def shared_folder():
    return next(STAGE.rglob("libresume-client.so")).parent


class Installed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(WORK, ignore_errors=True)
        first = WORK / "installed"
        for component in ("devel", "client"):
            run("cmake", "--install", BUILD, "--prefix", first, "--component", component)
        first.rename(STAGE)

    def test_nothing_installed_knows_this_tree(self):
        texts = [path for path in STAGE.rglob("*") if path.suffix in (".cmake", ".pc", ".h")]
        self.assertGreater(len(texts), 80)
        for path in texts:
            text = path.read_text(encoding="utf-8")
            for place in (str(SOURCE), str(WORK), str(BUILD)):
                self.assertNotIn(place, text, path)

    def test_the_wire_is_described(self):
        self.assertTrue(next(STAGE.rglob("WIRE.md"), None))
        interface = next(STAGE.rglob("io.libresume.Agent1.varlink")).read_text(encoding="utf-8")
        self.assertIn("\ninterface io.libresume.Agent1\n", interface)
        self.assertTrue(interface.endswith("error TimedOut(reason: string)\n"))

    def test_cmake_consumers(self):
        build = WORK / "cmake"
        run("cmake", "-S", CONSUMER, "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={STAGE}",
            f"-DCMAKE_C_COMPILER={CC}", f"-DCMAKE_CXX_COMPILER={CXX}",
            f"-DKERNEL_SOURCE={KERNEL_SOURCE}", f"-DCONFORMANCE_SOURCE={CONFORMANCE_SOURCE}",
            f"-DEXAMPLE_SOURCE={next(STAGE.rglob('examples/watch.c'))}")
        run("cmake", "--build", build, "-j2")
        for program in ("client-shared", "client-static"):
            self.assertIn("no agent runs here", run(build / program))
        for program in ("client-cxx", "kernel", "conformance"):
            run(build / program)
        self.assertIn("libresume-client.so.0", run("ldd", build / "client-shared"))
        self.assertNotIn("libresume-client", run("ldd", build / "client-static"))

    def test_the_template_of_a_drivers_author(self):
        template = next(STAGE.rglob("template/stress.cc")).parent
        for bug, code in (("OFF", 0), ("ON", 1)):
            build = WORK / f"template-{bug}"
            run("cmake", "-S", template, "-B", build, "-G", "Ninja", f"-DPLANT_BUG={bug}",
                f"-DCMAKE_PREFIX_PATH={STAGE}", f"-DCMAKE_CXX_COMPILER={CXX}")
            run("cmake", "--build", build, "-j2")
            conformance = subprocess.run([build / "doorbell-conformance"], capture_output=True,
                                         text=True, check=False)
            self.assertEqual(conformance.returncode, code, conformance.stdout)
            stress = subprocess.run([build / "doorbell-stress", "run", "--cycles", "3000"],
                                    capture_output=True, text=True, check=False)
            self.assertEqual(stress.returncode, code, stress.stdout + stress.stderr)
        line = next(line for line in stress.stdout.splitlines() if " replay " in line).split()
        self.assertEqual(line[0], "doorbell-stress")
        story = subprocess.run([build / "doorbell-stress", "shrink", *line[2:]],
                               capture_output=True, text=True, check=False)
        self.assertEqual(story.returncode, 1)
        self.assertIn("BROKEN invariant L9", story.stdout)

    def test_a_component_that_is_not_there_is_named(self):
        project = WORK / "absent"
        project.mkdir()
        (project / "CMakeLists.txt").write_text(
            "cmake_minimum_required(VERSION 3.25)\nproject(absent LANGUAGES CXX)\n"
            "find_package(libresume REQUIRED COMPONENTS core spaceship)\n", encoding="utf-8")
        done = subprocess.run(["cmake", "-S", project, "-B", project / "build", "-G", "Ninja",
                               f"-DCMAKE_PREFIX_PATH={STAGE}", f"-DCMAKE_CXX_COMPILER={CXX}"],
                              capture_output=True, text=True, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("no component spaceship", " ".join(done.stderr.split()))

    def test_pkg_config_consumers_of_the_client(self):
        flags = pkg_config("--cflags", "libresume-client")
        shared = WORK / "pc-shared"
        run(CC, "-std=c99", *WARNINGS, CONSUMER / "client.c", "-o", shared, *flags,
            *pkg_config("--libs", "libresume-client"))
        self.assertIn("no agent runs here",
                      run(shared, env={**os.environ, "LD_LIBRARY_PATH": str(shared_folder())}))
        static = WORK / "pc-static"
        run(CC, "-std=c99", *WARNINGS, CONSUMER / "client.c", "-o", static, "-static", *flags,
            *pkg_config("--static", "--libs", "libresume-client"))
        self.assertIn("no agent runs here", run(static))

    def test_pkg_config_consumer_of_the_store_helper(self):
        counter = WORK / "pc-store"
        run(CC, "-std=gnu11", *WARNINGS, SOURCE / "tests/store/counter.c", "-o", counter,
            *pkg_config("--cflags", "--libs", "libresume-store"))
        done = subprocess.run([counter], capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 64, done.stderr)

    def test_pkg_config_consumer_with_a_kernels_flags(self):
        kernel = WORK / "pc-kernel"
        libraries = pkg_config("--libs", "libresume-drivers")
        run(CXX, "-std=c++20", *KERNEL_FLAGS, *WARNINGS, KERNEL_SOURCE, "-o", kernel,
            *pkg_config("--cflags", "libresume-drivers"), "-nostdlib", "-static", "-no-pie",
            "-Wl,--whole-archive", *libraries, "-Wl,--no-whole-archive")
        run(kernel)

    def test_each_header_compiles_by_itself(self):
        root = next(STAGE.glob("include/libresume-*"))
        # handshake_impl.h is the second half of handshake.h, for nobody else.
        headers = sorted(path.relative_to(root) for path in root.rglob("*.h")
                         if not path.name.endswith("_impl.h"))
        self.assertGreater(len(headers), 80)

        def problem(header):
            # Included by name, as a consumer does; #pragma once in a main file is a warning.
            done = subprocess.run([CXX, "-std=c++20", "-fsyntax-only", *WARNINGS, "-I", root,
                                   "-DBOOST_ENABLE_ASSERT_HANDLER", "-x", "c++", "-"],
                                  input=f"#include <{header}>\n", capture_output=True, text=True,
                                  check=False)
            return f"{header}:\n{done.stderr}" if done.returncode != 0 else ""

        with ThreadPoolExecutor(max_workers=2) as pool:
            self.assertEqual([text for text in pool.map(problem, headers) if text], [])

    def test_the_client_header_is_plain_c(self):
        header = "libresume/client/client.h"
        for compiler, language, standard in ((CC, "c", "c99"), (CC, "c", "c11"),
                                             (CXX, "c++", "c++11")):
            run(compiler, "-x", language, f"-std={standard}", "-pedantic", "-fsyntax-only",
                *WARNINGS, "-I", STAGE / "include", "-", input=f"#include <{header}>\n")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
