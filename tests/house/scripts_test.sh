#!/usr/bin/env bash
# The commands in scripts/, with stand-ins for what they call.
# shellcheck source=tests/house/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/scratch.sh"

# fake PROGRAM LINE...: a program that is found before the system's.
fake() {
  write "bin/$1" '#!/bin/bash' "${@:2}"
  chmod +x "bin/$1"
  PATH=$PWD/bin:/usr/bin:/bin
}

# fake_system PACKAGE...: a Debian where these are installed. What is asked of
# apt-get is kept in apt.log.
fake_system() {
  printf 'ii  %s\n' "$@" >installed
  : >apt.log
  fake dpkg-query "cat '$PWD/installed'"
  fake apt-get "echo \"\$@\" >>'$PWD/apt.log'"
  fake sudo "echo sudo >>'$PWD/apt.log'; exec \"\$@\""
  fake env 'shift; exec "$@"'
}

# packages [ABSENT]: the names in packages.txt but one.
packages() {
  sed -n 's/^\([^#[ ][^ ]*\).*/\1/p' "$project/scripts/packages.txt" |
    grep -vx "${1:-}"
}

# shellcheck disable=SC2046
fake_system_without() { fake_system $(packages "${1:-}"); }

test_every_package_has_a_purpose() {
  local row
  while read -r row; do
    [[ $row == [a-z]*' '[A-Za-z]* ]] || fail "no purpose: $row"
  done < <(grep -v '^[#[]\|^$' "$project/scripts/packages.txt")
  [[ $(packages | wc -l) -gt 20 ]] || fail 'not all packages were read'
}

test_setup_does_nothing_where_all_is_there() {
  fake_system_without
  run "$project/scripts/setup"
  expect_code 0
  [[ -z $out && ! -s apt.log ]] || fail 'something was done'
}

test_setup_installs_what_is_missing_and_says_why() {
  fake_system_without libdnnl-dev
  run "$project/scripts/setup" build
  expect_code 0
  expect_in 'libdnnl-dev *oneDNN: matrix products' "$out"
  grep -q 'update$' apt.log || fail 'no update'
  grep -q 'install -y .* libdnnl-dev$' apt.log || fail 'not installed'
}

test_setup_leaves_other_groups_alone() {
  fake_system_without bible-kjv
  run "$project/scripts/setup" build lint
  [[ ! -s apt.log ]] || fail 'installed for another group'
  run "$project/scripts/setup" demo
  grep -q bible-kjv apt.log || fail 'not installed'
}

test_setup_refuses_an_unknown_group() {
  run "$project/scripts/setup" biuld
  expect_code 2
  expect_in "no group 'biuld'" "$err"
}

# fake_mpirun CORES: an mpirun that says what it is asked.
fake_mpirun() {
  # shellcheck disable=SC2016
  fake mpirun 'if [[ $1 == --version ]]; then echo "mpirun (Open MPI) 4.1.4"' \
    'else echo "ran $@"; fi'
  fake nproc "echo $1"
  fake lscpu "seq -f '%g,0' 0 63"
}

test_mpirun_oversubscribes_only_few_cores() {
  fake_mpirun 4
  run "$project/scripts/mpirun" -n 4 prog
  expect_in 'ran ' "$out"
  expect_not_in --oversubscribe "$out"
  run "$project/scripts/mpirun" -n 5 prog
  expect_in --oversubscribe "$out"
  expect_in '--bind-to none' "$out"
}

test_mpirun_prints_the_line_that_it_runs() {
  fake_mpirun 1
  run "$project/scripts/mpirun" -n 2 prog 'two words'
  [[ $err == '+ mpirun '*'-n 2 prog two\ words' ]] || fail 'not its line'
  [[ $out == *'-n 2 prog two words' ]] || fail 'not what was asked'
}

test_mpirun_allows_root_only_for_root() {
  fake_mpirun 8
  run "$project/scripts/mpirun" -n 2 prog
  if [[ $EUID -eq 0 ]]; then
    expect_in --allow-run-as-root "$out"
  else
    expect_not_in --allow-run-as-root "$out"
  fi
}

test_mpirun_wants_a_number_of_ranks() {
  local arguments
  for arguments in '' '-n 0 prog' prog; do
    # shellcheck disable=SC2086
    run "$project/scripts/mpirun" $arguments
    expect_code 2
    expect_in usage: "$err"
  done
}

junit() { run awk -f "$project/scripts/junit.awk" report.xml; }

test_only_a_test_that_ran_and_passed_has_passed() {
  write report.xml \
    '<testsuite name="x" tests="4" failures="1" skipped="1" disabled="1">' \
    '<testcase name="good" classname="good" time="1" status="run">' \
    '<system-out>&lt;testcase name=&quot;no&quot; status=&quot;run&quot;/&gt;' \
    '</system-out></testcase>' \
    '<testcase name="bad" status="fail"><failure message=""/></testcase>' \
    '<testcase name="absent" status="notrun"><skipped message=""/></testcase>' \
    '<testcase name="off" status="disabled"/>' \
    '<testcase name="a&lt;b&gt; &amp;" status="run"/>' \
    '<testcase name="unknown"/>' \
    '</testsuite>'
  junit
  expect_code 0
  [[ $out == $'0 good\n1 bad\n1 absent\n1 off\n0 a<b> &\n1 unknown' ]] ||
    fail 'other outcomes'
}

test_report_of_ctest_itself_is_read() {
  write CMakeLists.txt 'cmake_minimum_required(VERSION 3.25)' \
    'project(scratch LANGUAGES NONE)' 'enable_testing()' \
    'add_test(NAME good COMMAND echo "<testcase name=\"no\"/>")' \
    'add_test(NAME bad COMMAND false)' \
    'add_test(NAME absent COMMAND ./there_is_none)' \
    'add_test(NAME skipped COMMAND false)' \
    'set_tests_properties(skipped PROPERTIES SKIP_RETURN_CODE 1)'
  cmake -G Ninja -B build . >log
  ctest --test-dir build --output-junit "$PWD/report.xml" >log 2>&1 || true
  junit
  expect_code 0
  [[ $out == $'0 good\n1 bad\n1 absent\n2 skipped' ]] || fail 'other outcomes'
}

test_no_tests_at_all_is_a_failure() {
  write report.xml '<testsuite name="x" tests="0">' '</testsuite>'
  junit
  expect_code 1
}

test_report_that_breaks_off_is_a_failure() {
  write report.xml '<testsuite name="x">' '<testcase name="a" status="run"/>'
  junit
  expect_code 1
  rm report.xml
  junit
  [[ $code -ne 0 ]] || fail 'expected an error'
}

# The commands of every change and of its users: no Python, not even where there
# is one.
test_only_peers_and_measurements_need_python() {
  local script
  for script in demo lint lint_rules/run mpirun setup test; do
    if grep -n python "$project/scripts/$script"; then fail "in $script"; fi
  done
  if grep -rn 'Python\|python' "$project/cmake" "$project"/CMake* \
    "$project"/tests/{,*/,*/*/}CMakeLists.txt; then
    fail 'in the build'
  fi
}

test_ci_insists_on_the_data() {
  mkdir -p project/.ci
  cp "$project/.ci/run" project/.ci/run
  run project/.ci/run
  expect_code 1
  expect_in '../shared/data is missing' "$err"
}

run_tests "$@"
