"""Every lint rule finds what it is for, and passes what is right."""

import subprocess
import sys
import unittest

from scratch import PROJECT, ScratchTest

GOOD_CONFIG = "# For: a test\n# Hardware: any\n# Time: none\nmodel {}\n"


class LintTest(ScratchTest):
    def setUp(self):
        super().setUp()
        self.declare("runtime/low", "")
        self.declare("runtime/high", "runtime/low")
        self.declare("parallel/left", "runtime/high")
        self.write("runtime/low/low.h", "int Low();\n")
        self.write("runtime/high/high.h", '#include "runtime/low/low.h"\n')
        self.write("parallel/left/left.cc",
                   '#include <vector>\n#include "runtime/high/high.h"\n')

    def declare(self, name, dependencies):
        self.write(f"{name}/CMakeLists.txt",
                   f"perdure_component({name}\n  SOURCES a.cc\n"
                   f"  DEPS {dependencies}\n  LIBS absl::status)\n")

    def lint(self):
        run = subprocess.run(
            [sys.executable, "-B", PROJECT / "scripts/lint_rules", self.root],
            capture_output=True, text=True)
        return run.returncode, run.stdout

    def assert_finds(self, text):
        code, output = self.lint()
        self.assertIn(text, output)
        self.assertEqual(code, 1, output)

    def assert_clean(self):
        code, output = self.lint()
        self.assertEqual(code, 0, output)

    def test_right_tree_is_clean(self):
        self.write("configs/good.textproto", GOOD_CONFIG)
        self.assert_clean()

    def test_relative_include(self):
        self.write("parallel/left/a.cc", '#include "../../runtime/low/low.h"\n')
        self.assert_finds("parallel/left/a.cc:1: ")

    def test_include_by_bare_name(self):
        self.write("runtime/low/a.cc", '#include "low.h"\n')
        self.assert_finds('"low.h": not a path from the root')

    def test_own_header_in_angles(self):
        self.write("runtime/high/a.cc", "#include <runtime/low/low.h>\n")
        self.assert_finds("our own headers go in quotes")

    def test_include_of_a_file_that_is_not_there(self):
        self.write("runtime/high/a.cc", '#include "runtime/low/gone.h"\n')
        self.assert_finds('"runtime/low/gone.h": there is no such file')

    def test_generated_header_stands_for_its_proto(self):
        self.write("runtime/low/x.proto", 'syntax = "proto3";\n')
        self.write("runtime/high/a.cc", '#include "runtime/low/x.pb.h"\n')
        self.assert_clean()

    def test_include_against_the_layers(self):
        self.write("runtime/low/a.cc", '\n#include "runtime/high/high.h"\n')
        self.assert_finds("runtime/low/a.cc:2: \"runtime/high/high.h\": "
                          "runtime/low does not depend on runtime/high")

    def test_second_wrapper_of_a_library(self):
        self.write("runtime/low/a.cc", "#include <mpi.h>\n")
        self.assert_clean()
        self.write("parallel/left/b.cc", "#include <mpi.h>\n")
        self.assert_finds("mpi.h has its wrapper in runtime/low")

    def test_library_that_leaks_through_two_headers(self):
        self.write("runtime/low/raw.h", "#include <hdf5.h>\n")
        self.write("runtime/low/own.cc", '#include "runtime/low/raw.h"\n')
        self.assert_clean()
        self.write("runtime/low/low.h", '#include "runtime/low/raw.h"\n')
        self.assert_finds('"runtime/low/low.h" brings HDF5 with it')

    def test_long_file(self):
        self.write("runtime/low/a.cc", "int a;\n// not code\n\n" * 400)
        self.assert_clean()
        self.write("runtime/low/a.cc", "int a;\n" * 401)
        self.assert_finds("runtime/low/a.cc:0: 401 code lines")

    def test_long_function(self):
        body = "  Call(\"}\");  // }\n" * 58
        self.write("runtime/low/a.cc",
                   "namespace a {\n\nvoid Class::Method() {\n" + body + "}\n}\n")
        self.assert_clean()
        self.write("runtime/low/a.cc", "namespace a {\n\nvoid Class::Method() {"
                   "\n  auto f = [] {\n" + body + "  };\n}\n}\n")
        self.assert_finds("runtime/low/a.cc:3: Class::Method has 62 lines")

    def test_constructor_with_braces_in_its_initializers(self):
        body = "  Call();\n" * 60
        self.write("runtime/low/a.cc",
                   "Class::Class(int a)\n    : a_{a}, b_(a) {\n" + body + "}\n")
        self.assert_finds("runtime/low/a.cc:1: Class::Class has 63 lines")

    def test_many_parameters_are_a_warning(self):
        self.write("runtime/low/a.cc", "void F(std::map<int, int> a, int b, "
                   "int c, int d, int e, void (*f)(int, int), int g) {}\n")
        code, output = self.lint()
        self.assertIn("a.cc:1: warning: F takes 7 parameters", output)
        self.assertEqual(code, 0)

    def test_promises(self):
        self.write("docs/page.md", "fine\nTO" + "DO: the rest\n")
        self.assert_finds("docs/page.md:2: TO" + "DO")

    def test_path_of_one_machine(self):
        self.write("docs/page.md", "see https://a.b/home/x and ../home/y\n")
        self.assert_clean()
        self.write("docs/page.md", "see `/ho" + "me/me/x`\n")
        self.assert_finds("a path of one machine")

    def test_environment_outside_the_launcher(self):
        self.write("examples/main.cc", 'char* x = getenv("HOME");\n')
        self.write("runtime/low/ok.cc", "// never getenv() here\n")
        self.assert_clean()
        self.write("runtime/low/a.cc", 'char* x = std::getenv("HOME");\n')
        self.assert_finds("runtime/low/a.cc:1: the environment")

    def test_config_that_does_not_say_what_it_is_for(self):
        self.write("configs/a.textproto",
                   GOOD_CONFIG.replace("# Hardware: any\n", ""))
        self.assert_finds("the comment at the top lacks '# Hardware:'")

    def test_long_readme(self):
        self.write("README.md", "line\n" * 151)
        self.assert_finds("README.md:0: 151 lines, the limit is 150")

    def test_link_that_leads_nowhere(self):
        self.write("docs/page.md", "[a](other.md#part) [b](https://a.b) "
                   "[c](#here) [d](../README.md)\n")
        self.write("docs/other.md", "text\n")
        self.write("README.md", "text\n")
        self.assert_clean()
        self.write("docs/page.md", "fine\n[a](gone.md)\n")
        self.assert_finds("docs/page.md:2: the link gone.md leads nowhere")

    def test_broken_scripts(self):
        self.write("scripts/a", "#!/usr/bin/env bash\nif true; then\n")
        self.assert_finds("syntax error")
        self.write("scripts/a", "#!/usr/bin/env bash\n")
        self.write("tools.py", "def f(:\n")
        self.assert_finds("tools.py:1")


if __name__ == "__main__":
    unittest.main()
