#!/usr/bin/env bash
# Nodes that share no run directory: the journal is on two of them, and whichever
# is lost, no finished step is.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
lab_private=$work/runs
mkdir "$lab_private"
need_lab 4
prepare_text

steps=400
train+=("${zeroth_order[@]}" --set snapshot.every_steps=0
  --set snapshot.at_end=false --set "train.steps=$steps")

# place NODE...: the command for four ranks on two of these nodes, launched on node 3.
place() {
  command=("${launch[@]}" -n 4 "--hosts=$(slots "$@")" "--listen=$lab_net.4"
    --cooldown=0.5 -- "${train[@]}")
}
disk() { echo "$work/disk-$1/$2"; }
# start RUN STEP: in the background, until rank 0, on node 0, has told that step.
start() {
  background 3 "$(disk 0 "$1")" "$2" "${command[@]}" --run_dir "$lab_private/$1"
}
resumed_behind() {
  local resumed
  resumed=$(sed -n 's/.*resumed at step \([0-9]*\).*/\1/p' "$out" | tail -n 1)
  [[ $resumed -ge $1 ]] || fail "resumed at '$resumed', told were $1 steps"
}
same_logs() {
  local log
  for log in "$(disk "$1" "$3")"/journal/gen-*.log; do
    same_file "$log" "$(disk "$2" "$3")/journal/${log##*/}"
  done
}

check "without a fault: two equal copies"
place 0 1
expect 0 on 3 "${command[@]}" --run_dir "$lab_private/whole"
says "two copies, on $(lab_node 0) and $(lab_node 1)"
same_logs 0 1 whole
equal "$(losses "$(disk 0 whole)" | wc -l)" "$steps" "steps told"

check "another run's directory on the second node is not written into"
mv "$(disk 0 whole)" "$(disk 0 kept)"
expect 2 on 3 "${command[@]}" --run_dir "$lab_private/whole"
says "$(lab_node 1): --run_dir $lab_private/whole is not empty"
rm -rf "$(disk 0 whole)"
mv "$(disk 0 kept)" "$(disk 0 whole)"

check "rank 0's node is cut off: a spare takes part, nothing is lost"
place 0 1 2
start lost 60
cut_off 0
ends 0
told=$(wc -l <"$(disk 0 lost)/metrics.jsonl")
says "two copies, on $(lab_node 1) and $(lab_node 2)"
resumed_behind "$told"
equal "$(losses "$(disk 1 lost)")" "$(losses "$(disk 0 whole)")" "losses"
same_logs 1 2 lost
same_logs 2 1 lost
sleep 2.5  # the lease, and half a second
crash 0
heal 0

check "rank 0's processes and disk go, its node stays"
place 0 1
start gone 60
crash 0
told=$(wc -l <"$(disk 0 gone)/metrics.jsonl")
rm -rf "$(disk 0 gone)"
ends 0
resumed_behind "$told"
equal "$(losses "$(disk 0 gone)")" "$(losses "$(disk 0 whole)")" "losses"
same_logs 0 1 gone
same_logs 1 0 gone

for lost in 0 1; do
  check "all nodes die, the disk of node $lost is lost"
  run=all-$lost
  place 0 1
  start "$run" $((40 + RANDOM % 60))
  crash 0
  crash 1
  crash 3
  wait "$job" || true
  told=$(wc -l <"$(disk 0 "$run")/metrics.jsonl")
  rm -rf "$(disk "$lost" "$run")"
  expect 0 on 3 "${command[@]}" --run_dir "$lab_private/$run" --resume
  resumed_behind "$told"
  equal "$(losses "$(disk 0 "$run")")" "$(losses "$(disk 0 whole)")" "losses"
  same_logs 0 1 "$run"
  same_logs 1 0 "$run"
done

check "the weights: those of an uninterrupted run, from either copy"
for at in "0 whole" "1 lost" "1 gone" "0 all-0" "1 all-1"; do
  read -r node run <<<"$at"
  expect 0 "$bin/perdure-ckpt" replay "$(disk "$node" "$run")" --to_step "$steps" \
    --output "$work/made-$run"
  same_file "$work/made-$run/model.safetensors" "$work/made-whole/model.safetensors"
done

check "two that went on separately are not mixed"
place 0 1
more=(--resume --set "train.steps=$((steps + 2))")
for node in 0 1; do
  expect 0 on "$node" "${train[@]}" --run_dir "$lab_private/whole" "${more[@]}"
done
expect 3 on 3 "${command[@]}" --run_dir "$lab_private/whole" "${more[@]}"
says "two launches of the run went on separately"

echo "all checks passed"
