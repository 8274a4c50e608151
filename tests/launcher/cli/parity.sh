#!/usr/bin/env bash
# nanoGPT's character setting on Shakespeare: 200 steps on every layout follow
# the loss curve of one rank. Micro-batches of 5 + 5 + 2 sequences: three
# replicas get unequal numbers of tokens, two unequal numbers of micro-batches.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

config=$(dirname "$0")/../../../configs/shakespeare_char.textproto
train=("$bin/pretrain" --config "$config" --set "data.train.path=$tokens"
  --set train.steps=200 --set optim.decay_steps=2000 --set train.micro_batch=5
  --set eval.every_steps=0 --set snapshot.every_steps=0
  --set snapshot.at_end=false)

expect 0 "$bin/perdure-data" prepare --tokenizer char --output "$tokens" \
  --input "$data/tinyshakespeare/input.txt"

# difference RUN_A RUN_B: the largest |a / b - 1| of their losses.
difference() {
  paste <(losses "$1") <(losses "$2") |
    awk '{ d = $1 / $2 - 1; if (d < 0) d = -d; if (d > most) most = d }
         END { printf "%.2e", most }'
}

# follows LIMIT RANKS NAME [OVERRIDE...]
follows() {
  local limit=$1 n=$2 name=$3 override sets=() found
  shift 3
  for override in "$@"; do sets+=(--set "$override"); done
  expect 0 ranks "$n" "${train[@]}" --run_dir "$work/$name" "${sets[@]}"
  equal "$(losses "$work/$name" | wc -l)" 200 "steps"
  equal "$(column "$work/$name/metrics.jsonl" tokens | sort -u)" 768 "tokens"
  found=$(difference "$work/$name" "$work/one")
  echo "   $name: the losses differ by at most $found"
  awk -v d="$found" -v limit="$limit" 'BEGIN { exit !(d <= limit) }' ||
    fail "$name: $found is more than $limit"
}

check "one rank"
expect 0 "${train[@]}" --run_dir "$work/one"

check "data and pipeline groups, ZeRO, recomputation: within 1e-5"
follows 1e-5 2 dp2 topology.dp=2
follows 1e-5 3 dp3 topology.dp=3
follows 1e-5 2 dp2-zero0 topology.dp=2 optim.zero=0
follows 1e-5 2 pp2 topology.pp=2
follows 1e-5 1 recompute train.recompute=true

check "tensor groups: within 1e-4"
follows 1e-4 2 tp2 topology.tp=2
follows 1e-4 4 dp2-tp2 topology.dp=2 topology.tp=2
follows 1e-4 4 pp2-tp2 topology.pp=2 topology.tp=2
