"""The commands in scripts/, with stand-ins for what they call."""

import os
import subprocess
import unittest

from scratch import PROJECT, ScratchTest

# A ctest report of one test of each outcome.
REPORT = """<testsuite name="x" tests="4" failures="1" skipped="1" disabled="1">
<testcase name="good" status="run"/>
<testcase name="bad" status="fail"><failure message=""/></testcase>
<testcase name="absent" status="notrun"><skipped message=""/></testcase>
<testcase name="off" status="disabled"/>
</testsuite>
"""


class ScriptsTest(ScratchTest):
    def fake(self, program, body):
        """A program that is found before the system's."""
        self.write(f"bin/{program}", f"#!/bin/bash\n{body}\n").chmod(0o755)

    def run_script(self, *command):
        environment = dict(os.environ, PATH=f"{self.root}/bin:/usr/bin:/bin")
        return subprocess.run([str(word) for word in command],
                              env=environment, cwd=self.root,
                              capture_output=True, text=True)

    def fake_system(self, installed):
        listing = "\\n".join(f"ii  {name}" for name in installed)
        self.fake("dpkg-query", f"printf '{listing}\\n'")
        self.fake("apt-get", f'echo "$@" >>{self.root}/apt.log')
        self.fake("sudo", f'echo sudo >>{self.root}/apt.log; exec "$@"')
        self.fake("env", 'shift; exec "$@"')

    def apt_log(self):
        log = self.root / "apt.log"
        return log.read_text() if log.exists() else ""

    def packages(self):
        listed = (PROJECT / "scripts/packages.txt").read_text().splitlines()
        return [row.split(None, 1) for row in listed
                if row and row[0] not in "#["]

    def test_every_package_has_a_purpose(self):
        for package in self.packages():
            self.assertEqual(len(package), 2, package)

    def test_setup_does_nothing_where_all_is_there(self):
        self.fake_system([name for name, _ in self.packages()])
        result = self.run_script(PROJECT / "scripts/setup")
        self.assertEqual((result.returncode, result.stdout), (0, ""))
        self.assertEqual(self.apt_log(), "")

    def test_setup_installs_what_is_missing_and_says_why(self):
        names = [name for name, _ in self.packages()]
        names.remove("libdnnl-dev")
        self.fake_system(names)
        result = self.run_script(PROJECT / "scripts/setup", "build")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertRegex(result.stdout, "libdnnl-dev +oneDNN: matrix products")
        self.assertIn("update\n", self.apt_log())
        self.assertRegex(self.apt_log(), "install -y .* libdnnl-dev\n")

    def test_setup_leaves_other_groups_alone(self):
        names = [name for name, _ in self.packages()]
        names.remove("bible-kjv")
        self.fake_system(names)
        self.run_script(PROJECT / "scripts/setup", "build", "lint")
        self.assertEqual(self.apt_log(), "")
        self.run_script(PROJECT / "scripts/setup", "demo")
        self.assertIn("bible-kjv", self.apt_log())

    def test_setup_refuses_an_unknown_group(self):
        result = self.run_script(PROJECT / "scripts/setup", "biuld")
        self.assertEqual(result.returncode, 2)
        self.assertIn("no group 'biuld'", result.stderr)

    def fake_mpirun(self, cores):
        self.fake("mpirun", 'if [[ $1 == --version ]]; then '
                  'echo "mpirun (Open MPI) 4.1.4"; else echo "ran $@"; fi')
        self.fake("nproc", f"echo {cores}")
        self.fake("lscpu", "seq -f '%g,0' 0 63")

    def test_mpirun_oversubscribes_only_few_cores(self):
        self.fake_mpirun(cores=4)
        result = self.run_script(PROJECT / "scripts/mpirun", "-n", 4, "prog")
        self.assertNotIn("--oversubscribe", result.stdout)
        result = self.run_script(PROJECT / "scripts/mpirun", "-n", 5, "prog")
        self.assertIn("--oversubscribe", result.stdout)
        self.assertIn("--bind-to none", result.stdout)

    def test_mpirun_prints_the_line_that_it_runs(self):
        self.fake_mpirun(cores=1)
        result = self.run_script(PROJECT / "scripts/mpirun", "-n", 2, "prog",
                                 "two words")
        self.assertRegex(result.stderr, r"^\+ mpirun .*-n 2 prog two\\ words\n")
        self.assertTrue(result.stdout.endswith("-n 2 prog two words\n"))

    def test_mpirun_allows_root_only_for_root(self):
        self.fake_mpirun(cores=8)
        result = self.run_script(PROJECT / "scripts/mpirun", "-n", 2, "prog")
        self.assertEqual("--allow-run-as-root" in result.stdout,
                         os.geteuid() == 0)

    def test_mpirun_wants_a_number_of_ranks(self):
        for arguments in ((), ("-n", "0", "prog"), ("prog",)):
            result = self.run_script(PROJECT / "scripts/mpirun", *arguments)
            self.assertEqual(result.returncode, 2)
            self.assertIn("usage:", result.stderr)

    def test_only_a_test_that_ran_and_passed_has_passed(self):
        report = self.write("junit.xml", REPORT)
        result = self.run_script("python3", PROJECT / "scripts/junit.py",
                                 report)
        self.assertEqual(result.stdout, "0 good\n1 bad\n1 absent\n1 off\n")

    def test_no_tests_at_all_is_a_failure(self):
        report = self.write("junit.xml", '<testsuite name="x" tests="0"/>')
        result = self.run_script("python3", PROJECT / "scripts/junit.py",
                                 report)
        self.assertEqual(result.returncode, 1)

    def test_ci_insists_on_the_data(self):
        copy = self.write("project/.ci/run",
                          (PROJECT / ".ci/run").read_text())
        copy.chmod(0o755)
        result = self.run_script(copy)
        self.assertEqual(result.returncode, 1)
        self.assertIn("../shared/data is missing", result.stderr)


if __name__ == "__main__":
    unittest.main()
