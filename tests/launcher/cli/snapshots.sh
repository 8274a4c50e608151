#!/usr/bin/env bash
# What becomes of snapshots as a user meets them: damaged, to blame for crashes,
# pinned, on a full disk, under way when the run ends.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

train+=(--set train.method=ZEROTH_ORDER
  --set optim.lr=1e-3 --set train.steps=25 --set snapshot.every_steps=5
  --set snapshot.keep_last=3)
run=$work/run
steps=$run/snapshots

prepare_text

# snapshots RUN: all names there.
snapshots() { ls -A "$1/snapshots" | paste -sd' '; }
# flip FILE OFFSET: one bit of that byte.
flip() {
  local byte
  byte=$(od -An -tu1 -j "$2" -N 1 "$1")
  printf "\\x$(printf %x $((byte ^ 4)))" |
    dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

check "the run that others are compared with"
expect 0 "${train[@]}" --run_dir "$work/whole"
equal "$(snapshots "$work/whole")" \
  "step-000000015 step-000000020 step-000000025" "snapshots"

check "a flipped bit in the newest: said, the one before it and the journal"
plain=("${train[@]}")
train+=(--set snapshot.pinned=step-000000005)
expect 0 "${train[@]}" --run_dir "$run" --set train.steps=20
flip "$steps/step-000000020/model.safetensors" 3000
expect 7 "$bin/perdure-ckpt" verify "$steps/step-000000020"
expect 0 "${train[@]}" --run_dir "$run" --resume
says "warning: snapshot $steps/step-000000020 is skipped" "model.safetensors" \
  "resumed at step 20 from $steps/step-000000015" "5 steps replayed"
same_file "$steps/step-000000025/model.safetensors" \
  "$work/whole/snapshots/step-000000025/model.safetensors"
equal "$(losses "$run")" \
  "$(losses "$work/whole")" "losses"

check "a pinned one outlives its turn, by config and by a file"
[[ -d $steps/step-000000005 ]] || fail "snapshot.pinned was pruned"
touch "$steps/step-000000015/PINNED"
expect 0 "${train[@]}" --run_dir "$run" --resume --set train.steps=40 \
  --set snapshot.keep_last=1
equal "$(snapshots "$run")" "bad-step-000000020 step-000000005 step-000000015 \
step-000000040" "snapshots"

check "one that every launch dies of is left alone after the third"
for launch in 1 2 3; do
  expect 137 env PERDURE_FAULT=kill@0:41 "${train[@]}" --run_dir "$run" \
    --resume --set train.steps=45
done
expect 0 "${train[@]}" --run_dir "$run" --resume --set train.steps=45
says "step-000000040 is skipped: in quarantine: 3 launches in a row" \
  "resumed at step 40 from $steps/step-000000015" "25 steps replayed"
equal "$(column "$run/metrics.jsonl" step | paste -sd' ')" "$(seq -s' ' 45)" \
  "steps"

check "a signal while a save is under way: both are whole, exit 143"
"${plain[@]}" --run_dir "$work/signal" --set train.steps=100000 \
  --set snapshot.every_steps=1 --set snapshot.keep_last=2 >"$out" 2>&1 &
job=$!
last="pretrain, then SIGTERM"
wait_for 30 grep -qs '"step":20,' "$work/signal/metrics.jsonl" ||
  fail "no step 20"
kill -TERM "$job"
ends 143
done_steps=$(column "$work/signal/metrics.jsonl" step | tail -n 1)
equal "$(snapshots "$work/signal")" "$(printf 'step-%09d step-%09d' \
  $((done_steps - 1)) "$done_steps")" "snapshots"
expect 0 "$bin/perdure-ckpt" verify "$work/signal"

check "fifty saves and prunings: no more open files, no more memory"
"${plain[@]}" --run_dir "$work/many" --set train.steps=100000 \
  --set snapshot.every_steps=1 --set snapshot.keep_last=1 >"$out" 2>&1 &
job=$!
at_step() { grep -qs "\"step\":$1," "$work/many/metrics.jsonl"; }
# While a save is under way a few files are open: the least of some looks.
open_files() {
  local least=1000 n i
  for ((i = 0; i < 20; ++i)); do
    n=$(ls "/proc/$job/fd" | wc -l)
    ((n >= least)) || least=$n
  done
  echo "$least"
}
resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$job/status"; }
wait_for 60 at_step 20 || fail "no step 20"
files=$(open_files) memory=$(resident)
wait_for 60 at_step 75 || fail "no step 75"
same_files() { [[ $(open_files) -le $files ]]; }
wait_for 10 same_files || fail "$(open_files) open files, not $files"
(($(resident) < memory + 8192)) || fail "$memory KiB grew to $(resident) KiB"
kill -KILL "$job"
wait "$job" 2>/dev/null || true

echo "all checks passed"
