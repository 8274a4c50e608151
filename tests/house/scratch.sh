# shellcheck shell=bash
# Sourced by the tests of this folder. Every function test_* is a test: it runs in
# a shell and in an empty folder of its own, after set_up, and the first check
# that fails ends it. `x_test.sh NAME...` runs only the tests named.

# shellcheck disable=SC2034
project=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
code=0
out=
err=

set_up() { :; }

# write PATH LINE...: makes a file; without lines from standard input.
write() {
  mkdir -p "$(dirname "$1")"
  if [[ $# -gt 1 ]]; then printf '%s\n' "${@:2}" >"$1"; else cat >"$1"; fi
}

# repeat TIMES LINE...
repeat() {
  local i
  for ((i = 0; i < $1; ++i)); do printf '%s\n' "${@:2}"; done
}

# run COMMAND...: leaves its exit code in $code, what it wrote in $out and $err,
# without the last newlines.
run() {
  code=0
  "$@" >"$scratch/out" 2>"$scratch/err" || code=$?
  out=$(<"$scratch/out")
  err=$(<"$scratch/err")
}

# fail WHAT: ends the test, showing what ran last.
fail() {
  printf '%s\n' "$1" "exit code $code" "$out" "$err" >&2
  exit 1
}

# expect_code CODE
expect_code() {
  [[ $code -eq $1 ]] || fail "expected exit code $1"
}

# expect_in PATTERN TEXT: the pattern, quoted for what is literal, is somewhere.
expect_in() {
  # shellcheck disable=SC2053
  [[ $2 == *$1* ]] || fail "not found: $1"
}

# expect_not_in TEXT TEXT
expect_not_in() {
  [[ $2 != *"$1"* ]] || fail "unexpected: $1"
}

run_tests() {
  local tests=("$@") name scratch failed=0
  [[ $# -gt 0 ]] || mapfile -t tests < <(compgen -A function test_)
  for name in "${tests[@]}"; do
    scratch=$(mktemp -d -t perdure_house_XXXXXX)
    # Not as a condition: bash would ignore -e within.
    (
      set -euo pipefail
      mkdir "$scratch/tree"
      cd "$scratch/tree"
      set_up
      "$name"
    )
    # shellcheck disable=SC2181
    if [[ $? -eq 0 ]]; then
      echo "ok      $name"
    else
      echo "FAILED  $name"
      failed=$((failed + 1))
    fi
    rm -rf "$scratch"
  done
  echo "${#tests[@]} tests, $failed failed"
  [[ $failed -eq 0 && ${#tests[@]} -gt 0 ]]
}
