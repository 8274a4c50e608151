#!/usr/bin/env bash
# A first-order run whose nodes share nothing: its state is in the nodes' own
# memory and in their neighbours'. A node is lost, and at most one step with it.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
lab_private=$work/runs
mkdir "$lab_private"
need_lab 4
prepare_text

steps=100
train+=(--set "train.steps=$steps" --set "optim.decay_steps=$steps"
  --set topology.dp=4 --set optim.zero=1
  --set snapshot.every_steps=0 --set snapshot.at_end=false
  --set snapshot.memory_every_steps=1
  --set "snapshot.memory_directory=$lab_private/memory")

# place NODE...: the command for four ranks on two of these nodes, launched on node 3.
place() {
  command=("${launch[@]}" -n 4 "--hosts=$(slots "$@")" "--listen=$lab_net.4" --
    "${train[@]}")
}
disk() { echo "$work/disk-$1/$2"; }

check "without a fault"
place 0 1
expect 0 on 3 "${command[@]}" --run_dir "$lab_private/whole"
says "snapshot in the nodes' own memory and their neighbours'"
for node in 0 1; do
  [[ -z $(find "$(disk $node memory)" -type f) ]] ||
    fail "left in memory of node $node: $(find "$(disk $node memory)")"
done

check "rank 0's node is cut off, node 2 takes its place"
run=lost
place 0 1 2
background 3 "$(disk 0 "$run")" 30 "${command[@]}" --run_dir "$lab_private/$run"
cut_off 0
ends 0
says "/memory/perdure-"
# What it told last is on its disk.
told=$(wc -l <"$(disk 0 "$run")/metrics.jsonl")
resumed=$(sed -n 's/.*resumed at step \([0-9]*\).*/\1/p' "$out" | tail -n 1)
[[ $resumed -ge $((told - 1)) ]] ||
  fail "resumed at '$resumed', told were '$told'"
equal "$(losses "$(disk 1 "$run")")" \
  "$(losses "$(disk 0 whole)" | tail -n +$((resumed + 1)))" "losses"
[[ -z $(find "$(disk 1 memory)" "$(disk 2 memory)" -type f) ]] ||
  fail "left in memory: $(find "$(disk 1 memory)" "$(disk 2 memory)" -type f)"

echo "all checks passed"
