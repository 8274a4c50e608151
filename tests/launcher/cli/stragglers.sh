#!/usr/bin/env bash
# Slow ranks: named, given less to do, not waited for. The losses stay equal to
# the last bit where they are promised to.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

zeroth=(--set train.method=ZEROTH_ORDER --set zeroth_order.eps=1e-3
  --set optim.lr=1e-4 --set train.steps=24)
coded=(--set optim.zero=0 --set train.steps=24)
train+=(--set train.micro_batch=1 --set snapshot.every_steps=0
  --set resilience.straggler_window=2 --set resilience.straggler_seconds=0)

prepare_text

check "zeroth-order, dp 4: a slow rank is named and gets less; no bit changes"
expect 0 "${train[@]}" "${zeroth[@]}" --run_dir "$work/zo"
expect 0 env PERDURE_FAULT=slow20@3:4 "${mpirun[@]}" -x PERDURE_FAULT -n 4 \
  "${train[@]}" "${zeroth[@]}" --run_dir "$work/zo4"
says "straggler: rank 3 on" "rebalance: micro-batches of the replicas 2 + 2 + 2 + 2 -> "
equal "$(losses "$work/zo4")" "$(losses "$work/zo")" "losses"

check "with backup probes no bit changes either"
expect 0 env PERDURE_FAULT=slow20@0:4 "${mpirun[@]}" -x PERDURE_FAULT -n 4 \
  "${train[@]}" "${zeroth[@]}" --set resilience.backup_probes=true \
  --run_dir "$work/backup"
says "probes of a slow rank are computed by others"
equal "$(losses "$work/backup")" "$(losses "$work/zo")" "losses"

check "a rank that dies among backup probes ends the run with its name"
expect 137 env PERDURE_FAULT=kill@2:9 "${mpirun[@]}" -x PERDURE_FAULT -n 4 \
  "${train[@]}" "${zeroth[@]}" --set resilience.backup_probes=true \
  --run_dir "$work/dead"
says "exited on signal 9"

check "and a hanging one is named at the deadline"
expect 5 env PERDURE_FAULT=hang@2:9 "${mpirun[@]}" -x PERDURE_FAULT -n 4 \
  "${train[@]}" "${zeroth[@]}" --set resilience.backup_probes=true \
  --set topology.timeout_seconds=2 --run_dir "$work/hung"
says "no message from rank 2 (world rank 2) within 1.5s" \
  "(topology.timeout_seconds)"

check "gradient coding: the first of each group counts, with the same bits"
expect 0 ranks 4 "${train[@]}" "${coded[@]}" \
  --set resilience.gradient_coding=1 --run_dir "$work/coded"
says "2 groups of 2 replicas compute alike and the first counts; 2 x the computation"
expect 0 env PERDURE_FAULT=slow20@1:4 "${mpirun[@]}" -x PERDURE_FAULT -n 4 \
  "${train[@]}" "${coded[@]}" --set resilience.gradient_coding=1 \
  --run_dir "$work/coded-slow"
equal "$(losses "$work/coded-slow")" "$(losses "$work/coded")" "losses"

check "perdure-launch makes an incident of a slow rank, and nothing ends"
expect 0 env PERDURE_FAULT=slow20@3:4 "$bin/perdure-launch" -n 4 -- \
  "${train[@]}" "${zeroth[@]}" --run_dir "$work/launched"
says "incident 1: straggler in generation 1" "rank 3 on" "(slow_rank)" \
  "training goes on: a slow rank is no reason to stop"
equal "$(grep -c '"event":"generation"' "$work/launched/launch/events.jsonl")" 1 \
  "generations"
equal "$(losses "$work/launched")" "$(losses "$work/zo")" "losses"

check "settings that do not go together"
expect 2 "${train[@]}" --set resilience.gradient_coding=1 --run_dir "$work/bad"
says "resilience.gradient_coding: 1 needs the whole optimizer state on every replica, but optim.zero = 1; set optim.zero: 0"
expect 2 ranks 2 "${train[@]}" "${zeroth[@]}" --set topology.pp=2 \
  --set resilience.backup_probes=true --run_dir "$work/bad"
says "resilience.backup_probes: needs a whole replica on each rank, but topology.pp = 2; set topology.pp: 1, or leave it out"

echo "all passed"
