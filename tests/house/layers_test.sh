#!/usr/bin/env bash
# A wrong include or a wrong dependency must fail the build, not a review.
#
# A small project of four components, declared with the project's own
# perdure_component(), is configured and built; each test breaks one rule.
# shellcheck source=tests/house/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/scratch.sh"

set_up() {
  write CMakeLists.txt \
    'cmake_minimum_required(VERSION 3.25)' \
    'project(scratch LANGUAGES CXX)' \
    "set(CMAKE_MODULE_PATH $project/cmake)" \
    'add_library(perdure_flags INTERFACE)' \
    'set(PERDURE_PRECOMPILE OFF)' \
    'include(PerdurePrecompile)' \
    'include(PerdureComponent)' \
    'add_subdirectory(runtime/low)' \
    'add_subdirectory(runtime/high)' \
    'add_subdirectory(parallel/left)' \
    'add_subdirectory(checkpoint/right)'
  component runtime/low ""
  component runtime/high runtime/low
  component parallel/left runtime/high
  component checkpoint/right runtime/low
}

# component NAME DEPENDENCIES [HEADER...]: a header, and a source that includes
# it and the headers named.
component() {
  local name=$1 noun=${1#*/}
  write "$name/$noun.h" "inline int $noun() { return 1; }"
  printf '#include "%s"\n' "$name/$noun.h" "${@:3}" | write "$name/$noun.cc"
  write "$name/CMakeLists.txt" \
    "perdure_component($name SOURCES $noun.cc DEPS $2)"
}

# What cmake says, on one line: it wraps its messages.
cmake_says() {
  run cmake "$@"
  out=$(printf '%s\n' "$out" "$err" | xargs -d '\n' | tr -s ' ')
}

configure() { cmake_says -G Ninja -B build .; }

build() {
  configure
  expect_code 0
  cmake_says --build build
}

# expect_refused TEXT
expect_refused() {
  [[ $code -ne 0 ]] || fail 'expected an error'
  expect_in "$1" "$out"
}

test_declared_includes_build() {
  component parallel/left runtime/high runtime/high/high.h runtime/low/low.h
  build
  expect_code 0
}

test_include_of_an_undeclared_component_does_not_compile() {
  component checkpoint/right runtime/low runtime/high/high.h
  build
  expect_refused 'runtime/high/high.h: No such file or directory'
}

test_include_upwards_does_not_compile() {
  component runtime/high runtime/low parallel/left/left.h
  build
  expect_refused 'parallel/left/left.h: No such file or directory'
}

test_include_of_the_sibling_does_not_compile() {
  component checkpoint/right runtime/low parallel/left/left.h
  build
  expect_refused 'parallel/left/left.h: No such file or directory'
}

test_dependency_upwards_does_not_configure() {
  component runtime/high parallel/left
  configure
  expect_refused 'runtime/high may not depend on parallel/left'
}

test_dependency_on_the_sibling_does_not_configure() {
  component checkpoint/right parallel/left
  configure
  expect_refused 'checkpoint/right may not depend on parallel/left'
}

test_dependency_on_a_later_component_does_not_configure() {
  component runtime/low runtime/high
  configure
  expect_refused 'which is not declared before it'
}

run_tests "$@"
