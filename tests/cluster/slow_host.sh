#!/usr/bin/env bash
# A host that computes slowly is swapped for the spare, where that saves more than
# it costs: nothing fails, and no bit of the losses changes.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
need_lab 3
prepare_text

# Steps of milliseconds are noisy: a rank is slow below a fifth of the median.
train+=("${zeroth_order[@]}" --set train.micro_batch=1 --set snapshot.every_steps=0
  --set resilience.rebalance=false --set resilience.straggler_window=2
  --set resilience.straggler_seconds=0 --set resilience.straggler_ratio=0.2)
launch+=(-n 4)
slow=PERDURE_FAULT=slow30@3:4:1
events() { grep -c "\"event\":\"$1\"" "$run/launch/events.jsonl" || true; }

check "the slow host is swapped for the spare"
run=$work/swapped
expect 0 on 0 env "$slow" "${launch[@]}" "--hosts=$(slots 0 1 2)" -- \
  "${train[@]}" --set train.steps=200 --run_dir "$run"
says "swaps host $(lab_node 1) (rank 3 computes at 0." \
  " windows) for spare $(lab_node 2): saves about" "that remain, costs about" \
  "$(lab_node 1):2 slow, used last for 30 s" "training goes on" "0 steps lost"
grep -h "swaps host" "$out"
equal "$(events generation)" 2 "generations"
equal "$(events moved)" 1 "moves"
equal "$(events recovered)" 0 "recoveries"
grep -h '"event":"incident"' "$run/launch/events.jsonl" >"$out"
says_once '"restart":0'  # that the rank is slow
says '"fault":"straggler"'
grep -h '"event":"generation"' "$run/launch/events.jsonl" >"$out"
says "$(lab_node 0):2, $(lab_node 1):2" "$(lab_node 0):2, $(lab_node 2):2"

check "with the losses of a run that was left alone"
expect 0 "${train[@]}" --set train.steps=200 --run_dir "$work/whole"
equal "$(losses "$run")" "$(losses "$work/whole")" "losses"

check "and history says why"
expect 0 "$bin/perdure-launch" history "$run"
says "swaps host $(lab_node 1) (rank 3 computes at" \
  "after the ranks were asked to move"

check "without a spare it stays where it is"
run=$work/kept
expect 0 on 0 env "$slow" "${launch[@]}" "--hosts=$(slots 0 1)" -- \
  "${train[@]}" --set train.steps=24 --run_dir "$run"
says "keeps slow host $(lab_node 1) (rank 3 computes at" \
  "no spare is left for it"
equal "$(events generation)" 1 "generations"
echo "all checks passed"
