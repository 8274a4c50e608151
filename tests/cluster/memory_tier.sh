#!/usr/bin/env bash
# A first-order run whose nodes share nothing: its state is in the nodes' own
# memory and in their neighbours'. A node is lost, and at most one step with it.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
if ! lab_possible; then
  echo "NOT RUN: network namespaces need root and iproute2" >&2
  exit 77
fi
clean_up_more() { lab_down; }
lab_private=$work/runs
mkdir "$lab_private"
lab_up 4

tokens=$work/text/text.tokens
steps=100
train=("$bin/pretrain" --config "$(dirname "$0")/../launcher/cli/config.textproto"
  --set "data.train.path=$tokens" --set "train.steps=$steps"
  --set optim.decay_steps=$steps --set topology.dp=4 --set optim.zero=1
  --set snapshot.every_steps=0 --set snapshot.at_end=false
  --set snapshot.memory_every_steps=1
  --set "snapshot.memory_directory=$lab_private/memory"
  --set train.log_every=100)

write_text "$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"

# launch NODES: perdure-launch on node 3, for four ranks on two of these nodes.
launch() {
  local hosts= node
  for node in "$@"; do hosts+=$(lab_node "$node"):2,; done
  command=("$bin/perdure-launch" -n 4 "--hosts=$hosts" "--listen=$lab_net.4"
    "--network=$lab_net.0/24" "--agent=$lab_agent" --lease=2 -- "${train[@]}")
}
disk() { echo "$work/disk-$1/$2"; }
losses() { column "$1/metrics.jsonl" loss; }
steps_done() { [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge $2 ]]; }

check "without a fault"
launch 0 1
expect 0 on 3 "${command[@]}" --run_dir "$lab_private/whole"
says "snapshot in the nodes' own memory and their neighbours'"
for node in 0 1; do
  [[ -z $(find "$(disk $node memory)" -type f) ]] ||
    fail "left in memory of node $node: $(find "$(disk $node memory)")"
done

check "rank 0's node is cut off, node 2 takes its place"
run=lost
launch 0 1 2
last="${command[*]} --run_dir $lab_private/$run"
on 3 "${command[@]}" --run_dir "$lab_private/$run" >"$out" 2>&1 </dev/null &
job=$!
wait_for 60 steps_done "$(disk 0 "$run")" 30 || fail "step 30 did not come"
cut 0
code=0
wait "$job" || code=$?
equal "$code" 0 "exit code"
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
