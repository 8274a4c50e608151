#!/usr/bin/env bash
# Faults inside a rank, on order: each is called what it is, and the run ends
# as it should.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

tokens=$work/text/text.tokens
train=("$bin/pretrain" --config "$(dirname "$0")/config.textproto"
  --set "data.train.path=$tokens" --set snapshot.every_steps=5)
launch=("$bin/perdure-launch" -n 2)

write_text "$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"

losses() { column "$1/metrics.jsonl" loss; }
events() { grep -c "\"event\":\"$2\"" "$1/launch/events.jsonl" || true; }

check "the run that faults are compared with"
expect 0 "${launch[@]}" -- "${train[@]}" --run_dir "$work/whole"
whole=$(losses "$work/whole")

more=()  # further arguments of the trainer
# struck CODE FAULTS GENERATIONS TEXT...: into $run.
struck() {
  local code=$1 faults=$2 generations=$3
  shift 3
  check "$faults"
  run=$work/${faults//[@:,]/-}
  expect "$code" env "PERDURE_FAULT=$faults" "${launch[@]}" -- "${train[@]}" \
    "${more[@]}" --run_dir "$run"
  says "$@"
  equal "$(events "$run" generation)" "$generations" "generations"
}
# It ends as the run without faults.
survives() {
  struck 0 "$@" "training goes on"
  equal "$(losses "$run")" "$whole" "losses"
}

survives oomkill@1:8:1 2 "Out of memory: Killed process" \
  "rank 1 was ended by signal 9"
struck 4 oom@1:8 1 "out of memory" "memory is short: another start would not help"
more=(--set snapshot.every_steps=0)  # the next write is the journal's
survives torn@0:8:1 2 "rank 0 was ended by signal 9" \
  "are no record (a write was cut short)"
more=()
survives torn@1:8:1 2 "rank 1 was ended by signal 9"
survives full@0:8:1 2 "rank 0 failed with exit code 7" \
  "step 8 is not counted" "No space left on device"
survives full@1:8:1 2 "training goes on, the last good snapshot is"
survives kill@1:8:1,full@0:13:2 3 "incident 1: crash in generation 1, at step 8" \
  "incident 2: crash in generation 2, at step 13"

struck 0 nan@1:8:1 1 "SKIPPED: no update was made"
equal "$(grep -c '"skipped":true' "$run/metrics.jsonl")" 1 "skipped steps"
equal "$(losses "$run" | head -n 7)" "$(head -n 7 <<<"$whole")" "losses"

check "a kind that does not exist"
expect 2 env PERDURE_FAULT=nap@0:1 "${launch[@]}" -- "${train[@]}" \
  --run_dir "$work/none"
says "'nap@0:1' is not KIND@RANK:STEP[:GENERATION]" "bitflip" "torn"

echo "all checks passed"
