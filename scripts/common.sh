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

heading() {
  printf '\n== %s\n' "$*"
}
