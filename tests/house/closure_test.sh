#!/usr/bin/env bash
# closure_test.sh PROGRAM: perdure-launch outlives what it watches, so nothing of
# MPI or of the parallel layer is linked into it.
set -euo pipefail
program=$1
libraries=$(ldd "$program")
if grep -E 'libmpi|libopen-(rte|pal)|libdnnl|libhdf5' <<<"$libraries"; then
  echo "$program links the libraries above" >&2
  exit 1
fi
if command -v nm >/dev/null; then
  symbols=$(nm -C "$program" 2>/dev/null || true)
  for name in MPI_Init perdure::ProcessGroups perdure::StageModel; do
    if grep -F "$name" <<<"$symbols"; then
      echo "$program holds $name" >&2
      exit 1
    fi
  done
fi
