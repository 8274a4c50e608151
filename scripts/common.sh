# shellcheck shell=bash
# Sourced by the commands in this folder.

# build PRESET [TARGET...]: configures and builds; all of the preset without
# targets.
build() {
  local preset=$1
  shift
  mkdir -p build
  cmake --preset "$preset" >"build/$preset.configure.log" 2>&1 || {
    cat "build/$preset.configure.log"
    return 1
  }
  cmake --build --preset "$preset" ${1:+--target "$@"}
}

# Whether every Python file of the tree can be parsed: check_python INTERPRETER.
check_python() {
  git ls-files -co --exclude-standard '*.py' benchmarks/peers/pretrain_vs_peers |
    "$1" -c 'import ast, sys
for path in sys.stdin.read().split():
    with open(path) as source: ast.parse(source.read(), path)'
}

heading() {
  printf '\n== %s\n' "$*"
}
