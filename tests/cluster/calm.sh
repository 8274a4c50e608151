#!/usr/bin/env bash
# Nothing happens for a long time, on a machine with more ranks than cores, while
# snapshots and evaluations go on and off: nobody may be blamed.
#
#   CALM_SECONDS=600 calm.sh BIN_DIR DATA_DIR MPIRUN...
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
seconds=${CALM_SECONDS:-600}

run=$work/run
prepare_text

check "$seconds s of 8 ranks"
last="perdure-launch -n 8"
"$bin/perdure-launch" -n 8 -- "${train[@]}" --set train.steps=100000000 \
  --set snapshot.every_steps=50 --set snapshot.keep_last=2 \
  --set eval.every_steps=30 --set train.log_every=1000 --run_dir "$run" \
  >"$out" 2>&1 </dev/null &
job=$!
for ((s = 0; s < seconds; s += 5)); do
  sleep 5
  kill -0 "$job" 2>/dev/null || fail "it has ended"
done
expect 0 "$bin/perdure-launch" status "$run"
says "0 incidents"
grep -E "generation|step" "$out" | head -n 1
expect 0 "$bin/perdure-launch" stop "$run"
ends 143
if grep -F '"incident"' "$run/launch/events.jsonl"; then fail "an incident"; fi
