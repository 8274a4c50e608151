#!/usr/bin/env bash
# Every lint rule finds what it is for, and passes what is right.
# shellcheck source=tests/house/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/scratch.sh"

set_up() {
  declare_component runtime/low ""
  declare_component runtime/high runtime/low
  declare_component parallel/left runtime/high
  write runtime/low/low.h 'int Low();'
  write runtime/high/high.h '#include "runtime/low/low.h"'
  write parallel/left/left.cc '#include <vector>' '' \
    '#include "runtime/high/high.h"'
}

declare_component() {
  write "$1/CMakeLists.txt" "perdure_component($1" "  SOURCES a.cc" \
    "  DEPS $2" "  LIBS absl::status)"
}

# good_config PATH [HEADING]: a config whose top says all but HEADING.
good_config() {
  printf '%s\n' '# For: a test' '# Hardware: any' '# Time: none' 'model {}' |
    grep -v "^# ${2:-nothing}:" | write "$1"
}

lint() { run "$project/scripts/lint_rules/run" .; }

# expect_finds TEXT
expect_finds() {
  lint
  expect_in "$1" "$out"
  expect_code 1
}

expect_clean() {
  lint
  expect_code 0
}

test_right_tree_is_clean() {
  good_config configs/good.textproto
  expect_clean
  expect_in '7 files, 0 errors' "$out"
}

test_empty_tree_is_refused() {
  rm -r ./*
  lint
  expect_code 1
  expect_in 'no text files' "$err"
}

test_relative_include() {
  write parallel/left/a.cc '#include "../../runtime/low/low.h"'
  expect_finds 'parallel/left/a.cc:1: "../../runtime/low/low.h": include from'
}

test_include_by_bare_name() {
  write runtime/low/a.cc '#include "low.h"'
  expect_finds '"low.h": not a path from the root'
}

test_own_header_in_angles() {
  write runtime/high/a.cc '#include <runtime/low/low.h>'
  expect_finds 'our own headers go in quotes'
}

test_include_of_a_file_that_is_not_there() {
  write runtime/high/a.cc '#include "runtime/low/gone.h"'
  expect_finds '"runtime/low/gone.h": there is no such file'
}

test_generated_header_stands_for_its_proto() {
  write runtime/low/x.proto 'syntax = "proto3";'
  write runtime/high/a.cc '#include "runtime/low/x.pb.h"'
  expect_clean
}

test_include_against_the_layers() {
  write runtime/low/a.cc '' '#include "runtime/high/high.h"'
  expect_finds 'runtime/low/a.cc:2: "runtime/high/high.h": runtime/low does not depend on runtime/high'
}

test_include_through_two_dependencies() {
  write parallel/left/a.cc '#include "runtime/low/low.h"'
  expect_clean
}

test_second_wrapper_of_a_library() {
  write runtime/low/a.cc '#include <mpi.h>'
  expect_clean
  write parallel/left/b.cc '#include <mpi.h>'
  expect_finds 'parallel/left/b.cc:1: mpi.h has its wrapper in runtime/low'
}

test_every_wrapped_library_is_known() {
  local header
  for header in mpi.h hdf5.h H5Cpp.h oneapi/dnnl/dnnl.hpp cuda_runtime.h \
    nccl.h cublas_v2.h curand.h nvtx3/nvtx3.hpp; do
    write runtime/low/a.cc "#include <$header>"
    write parallel/left/b.cc "#include <$header>"
    expect_finds 'parallel/left/b.cc:1: * has its wrapper in runtime/low'
  done
}

test_library_that_leaks_through_two_headers() {
  write runtime/low/raw.h '#include <hdf5.h>'
  write runtime/low/own.cc '#include "runtime/low/raw.h"'
  expect_clean
  write runtime/low/low.h '#include "runtime/low/raw.h"'
  expect_finds 'runtime/high/high.h:1: "runtime/low/low.h" brings HDF5 with it'
}

test_long_file() {
  repeat 400 'int a;' '// not code' '/* nor' 'this */' '' |
    write runtime/low/a.cc
  expect_clean
  repeat 401 'int a;' | write runtime/low/a.cc
  expect_finds 'runtime/low/a.cc:0: 401 code lines'
}

test_long_script() {
  repeat 400 'a=1' '# not code' | write scripts/a.sh
  expect_clean
  repeat 401 'a=1' | write scripts/a.sh
  expect_finds 'scripts/a.sh:0: 401 code lines'
  { echo '#!/usr/bin/env bash'; repeat 401 'a=1'; } | write scripts/a.sh
  mv scripts/a.sh scripts/a
  expect_finds 'scripts/a:0: 401 code lines'
}

test_long_function() {
  local body='  Call("}");  // }'
  { repeat 1 'namespace a {' '' 'void Class::Method() {'
    repeat 58 "$body"
    repeat 2 '}'; } | write runtime/low/a.cc
  expect_clean
  { repeat 1 'namespace a {' '' 'void Class::Method() {' '  auto f = [] {'
    repeat 58 "$body"
    repeat 1 '  };' '}' '}'; } | write runtime/low/a.cc
  expect_finds 'runtime/low/a.cc:3: Class::Method has 62 lines'
}

test_braces_that_are_not_code() {
  # braces TIMES: a function with that many lines of code, and no brace inside.
  braces() {
    echo 'void F() {'
    repeat 10 '  A("\"{", R"x({"}{)x", '"'{'"', 1'"'"'000);  /* { */' \
      '  // "{' '#define BRACE {' '  /* {' '   { */'
    repeat $(($1 - 12)) '  A();'
    echo '}'
  }
  braces 60 | write runtime/low/a.cc
  expect_clean
  braces 61 | write runtime/low/a.cc
  expect_finds 'runtime/low/a.cc:1: F has 61 lines'
}

test_constructor_with_braces_in_its_initializers() {
  { repeat 1 'Class::Class(int a)' '    : a_{a}, b_(a) {'
    repeat 60 '  Call();'
    repeat 1 '}'; } | write runtime/low/a.cc
  expect_finds 'runtime/low/a.cc:1: Class::Class has 63 lines'
}

test_many_parameters() {
  local six='std::map<int, int> a, int b, int c, int d, int e, void (*f)(int)'
  write runtime/low/a.cc "void F($six) {}"
  expect_clean
  write runtime/low/a.cc "template <typename T, int N>" \
    "void F($six," "       T g = T(1, 2)) {}"
  expect_finds 'a.cc:1: F takes 7 parameters'
  rm runtime/low/a.cc
  write tests/low/a_test.cc "void F($six, int g) {}"
  expect_finds 'tests/low/a_test.cc:1: F takes 7 parameters'
}

test_promises() {
  local word
  for word in "TO""DO" "FIX""ME" "XX""X" "HA""CK"; do
    write docs/page.md fine "a${word}, ${word}S" "(${word}: the rest)"
    expect_finds "docs/page.md:3: $word: do it"
    expect_not_in 'page.md:2' "$out"
  done
}

test_path_of_one_machine() {
  write docs/page.md 'see https://a.b/home/x and ../home/y'
  expect_clean
  local folder
  for folder in work root home; do
    write docs/page.md "see \`/$folder/me/x\`"
    expect_finds "docs/page.md:1: /$folder/me/x\`: a path of one machine"
  done
}

test_environment_outside_the_launcher() {
  write examples/main.cc 'char* x = getenv("HOME");'
  write runtime/low/ok.cc '// never getenv() here' 'my_getenv();'
  expect_clean
  write runtime/low/a.cc 'char* x = std::getenv("HOME");'
  expect_finds 'runtime/low/a.cc:1: the environment'
  write runtime/low/a.cc 'char* x = secure_getenv' '    ("HOME");'
  expect_finds 'runtime/low/a.cc:2: the environment'
}

test_config_that_does_not_say_what_it_is_for() {
  local heading
  for heading in For Hardware Time; do
    good_config configs/a.textproto "$heading"
    expect_finds "configs/a.textproto:1: the comment at the top lacks '# $heading:'"
  done
  : >configs/a.textproto
  expect_finds "lacks '# Time:'"
}

test_long_readme() {
  repeat 150 line | write README.md
  expect_clean
  repeat 151 line | write README.md
  expect_finds 'README.md:0: 151 lines, the limit is 150'
}

test_long_list_of_sources() {
  repeat 100 '# line' | write CMakeLists.txt
  repeat 40 '# line' | write tests/CMakeLists.txt
  expect_clean
  repeat 101 '# line' | write CMakeLists.txt
  repeat 41 '# line' | write tests/CMakeLists.txt
  expect_finds 'CMakeLists.txt:0: 101 lines, the limit is 100'
  expect_finds 'tests/CMakeLists.txt:0: 41 lines, the limit is 40'
}

test_link_that_leads_nowhere() {
  write docs/page.md '[a](other.md#part) [b](https://a.b) [c](#here) [d](../README.md)'
  write docs/other.md text
  write README.md text
  expect_clean
  write docs/page.md fine '[a](other.md) [b](gone.md)'
  expect_finds 'docs/page.md:2: the link gone.md leads nowhere'
}

test_broken_scripts() {
  write scripts/a '#!/usr/bin/env bash' 'if true; then'
  expect_finds 'scripts/a:0: *syntax error'
  rm scripts/a
  write scripts/a.sh 'if true; then'
  expect_finds 'scripts/a.sh:0: *syntax error'
}

test_files_that_are_not_text_are_left_alone() {
  printf 'TO''DO \0' | write docs/zero
  printf 'TO''DO \xff' | write docs/latin
  expect_clean
  printf 'TO''DO \xc3\xa9' | write docs/utf8
  expect_finds 'docs/utf8:1: TO''DO'
}

test_files_that_git_ignores_are_left_alone() {
  git init -q .
  write .gitignore build
  write build/page.md 'TO''DO: x'
  expect_clean
  write page.md 'TO''DO: x'
  expect_finds 'page.md:1: TO''DO'
}

test_bad_format() {
  git init -q .
  cp "$project/.clang-format" .
  mkdir scripts
  cp -r "$project"/scripts/lint{,_rules} scripts
  write runtime/low/a.cc 'int  a ;'
  run scripts/lint
  expect_code 1
  expect_in 'runtime/low/a.cc:1:4: not formatted' "$out"
  run scripts/lint --fix
  expect_code 0
  [[ $(<runtime/low/a.cc) == 'int a;' ]] || fail 'not fixed'
}

test_lint_fails_where_only_a_rule_is_broken() {
  test_bad_format
  write runtime/low/a.cc '#include "runtime/low/gone.h"'
  run scripts/lint
  expect_code 1
  expect_not_in 'all good' "$out"
}

run_tests "$@"
