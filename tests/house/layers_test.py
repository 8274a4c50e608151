"""A wrong include or a wrong dependency must fail the build, not a review.

A small project of four components, declared with the project's own
perdure_component(), is configured and built; each test breaks one rule.
"""

import subprocess
import unittest

from scratch import PROJECT, ScratchTest

ROOT = f"""
cmake_minimum_required(VERSION 3.25)
project(scratch LANGUAGES CXX)
set(CMAKE_MODULE_PATH {PROJECT}/cmake)
add_library(perdure_flags INTERFACE)
include(PerdureComponent)
add_subdirectory(runtime/low)
add_subdirectory(runtime/high)
add_subdirectory(parallel/left)
add_subdirectory(checkpoint/right)
"""


class LayersTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.write("CMakeLists.txt", ROOT)
        self.component("runtime/low", "")
        self.component("runtime/high", "runtime/low")
        self.component("parallel/left", "runtime/high")
        self.component("checkpoint/right", "runtime/low")

    def component(self, name, dependencies, includes=()):
        """A header and a source that includes it and the headers named."""
        noun = name.split("/")[1]
        self.write(f"{name}/{noun}.h", f"inline int {noun}() {{ return 1; }}\n")
        own = [f"{name}/{noun}.h", *includes]
        lines = [f'#include "{include}"' for include in own]
        self.write(f"{name}/{noun}.cc", "\n".join(lines) + "\n")
        self.write(f"{name}/CMakeLists.txt",
                   f"perdure_component({name} SOURCES {noun}.cc "
                   f"DEPS {dependencies})\n")

    def run_cmake(self, *arguments):
        run = subprocess.run(["cmake", *arguments], cwd=self.root,
                             capture_output=True, text=True)
        return run.returncode, " ".join((run.stdout + run.stderr).split())

    def configure(self):
        return self.run_cmake("-G", "Ninja", "-B", "build", ".")

    def build(self):
        code, output = self.configure()
        self.assertEqual(code, 0, output)
        return self.run_cmake("--build", "build")

    def assert_refused(self, result, text):
        code, output = result
        self.assertNotEqual(code, 0, output)
        self.assertIn(text, output)

    def test_declared_includes_build(self):
        self.component("parallel/left", "runtime/high",
                       ["runtime/high/high.h", "runtime/low/low.h"])
        code, output = self.build()
        self.assertEqual(code, 0, output)

    def test_include_of_an_undeclared_component_does_not_compile(self):
        self.component("checkpoint/right", "runtime/low",
                       ["runtime/high/high.h"])
        self.assert_refused(
            self.build(),
            "runtime/high/high.h: No such file or directory")

    def test_include_upwards_does_not_compile(self):
        self.component("runtime/high", "runtime/low", ["parallel/left/left.h"])
        self.assert_refused(
            self.build(), "parallel/left/left.h: No such file or directory")

    def test_include_of_the_sibling_does_not_compile(self):
        self.component("checkpoint/right", "runtime/low",
                       ["parallel/left/left.h"])
        self.assert_refused(
            self.build(), "parallel/left/left.h: No such file or directory")

    def test_dependency_upwards_does_not_configure(self):
        self.component("runtime/high", "parallel/left")
        self.assert_refused(
            self.configure(),
            "runtime/high may not depend on parallel/left")

    def test_dependency_on_the_sibling_does_not_configure(self):
        self.component("checkpoint/right", "parallel/left")
        self.assert_refused(
            self.configure(),
            "checkpoint/right may not depend on parallel/left")

    def test_dependency_on_a_later_component_does_not_configure(self):
        self.component("runtime/low", "runtime/high")
        self.assert_refused(
            self.configure(), "which is not declared before it")


if __name__ == "__main__":
    unittest.main()
