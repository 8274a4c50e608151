#!/usr/bin/env bash
# The ranks of a tensor-parallel group are on two nodes: each node reads of a
# snapshot about as much as its ranks need, and the run goes on as if it had never
# ended.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
need_lab 2
prepare_text

# 64 MiB of weights a node.
train+=("${zeroth_order[@]}" --set topology.tp=2 --set model.layers=5
  --set model.hidden=768 --set model.heads=12 --set train.global_batch=2
  --set train.micro_batch=2)
launch+=(-n 2 "--hosts=$(lab_node 0):1,$(lab_node 1):1")

check "four steps in one go, and two runs of two"
expect 0 on 0 "${launch[@]}" -- "${train[@]}" --set train.steps=4 \
  --run_dir "$work/whole"
expect 0 on 0 "${launch[@]}" -- "${train[@]}" --set train.steps=2 \
  --run_dir "$work/parts"
expect 0 on 0 "${launch[@]}" -- "${train[@]}" --set train.steps=4 \
  --run_dir "$work/parts" --resume
read -r ratio < <(sed -n 's/.*(\([0-9.]*\) bytes for one).*/\1/p' "$out")
[[ $ratio == 1.[012]* ]] || fail "$ratio bytes are read for one that is needed"
echo "$ratio bytes read for one that is needed"
equal "$(losses "$work/parts")" "$(losses "$work/whole")" "losses"
