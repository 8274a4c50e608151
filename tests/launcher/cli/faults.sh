#!/usr/bin/env bash
# Faults inside a rank, on order: each is called what it is, and the run ends
# as it should.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

train+=(--set snapshot.every_steps=5)
launch=("$bin/perdure-launch" -n 2 --cooldown=0.2)

prepare_text
events() { grep -c "\"event\":\"$2\"" "$1/launch/events.jsonl" || true; }

check "the run that faults are compared with"
expect 0 "${launch[@]}" -- "${train[@]}" --run_dir "$work/whole"
whole=$(losses "$work/whole")

runs=0
more=()  # further arguments of the trainer
# struck CODE FAULTS GENERATIONS TEXT...: into $run.
struck() {
  local code=$1 faults=$2 generations=$3
  shift 3
  check "${faults:-no fault}, ${more[*]:-}"
  run=$work/run$((++runs))
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

more=(--set resilience.repeat_bad_steps=true)
survives nan@1:8:1 2 "incident 1: bad arithmetic" "was computed twice" \
  "rank 1 on"
more=(--set resilience.repeat_every_steps=4)
survives miscompute@1:8:1 2 "incident 1: bad arithmetic" "was computed twice"

watched=(--set resilience.spike_factor=2 --set resilience.spike_window=5)
never=(--set 'resilience.skip={first: 88 last: 103}')
more=("${watched[@]}")
struck 0 nan@1:12,nan@1:13 1 "back to step 11" \
  "samples 88 to 103 are left out from now on; rollback 1 of at most 3"
spiked=$run
more=("${never[@]}")
struck 0 "" 1 "step 12: samples 88 to 103 are left out"
equal "$(losses "$spiked")" "$(losses "$run")" "losses"

zeroth=(--set train.method=ZEROTH_ORDER --set optim.lr=1e-3)
more=("${zeroth[@]}")
struck 0 "" 1 "zeroth-order"
whole=$(losses "$run")
more=("${zeroth[@]}" --set resilience.check_every_steps=4)
survives bitflip@1:8:1 2 "incident 1: bad arithmetic" "replicas' weights differ" \
  "rank 1 does not have the weights that follow from the journal" \
  "steps after 5 were found to be suspect"
struck 93 bitflip@1:8 2 "in the same way twice"
launch+=(-n 3)
survives bitflip@2:8:1 2 "rank 2 on"
more=("${zeroth[@]}" "${never[@]}")
struck 0 "" 1 "step 12: samples 88 to 103 are left out"
never_losses=$(losses "$run")
more=("${zeroth[@]}" "${watched[@]}")
struck 0 nan@1:12:1,nan@0:13:1,kill@2:15:1 2 "training goes on" \
  "samples 88 to 103 are left out from now on"
equal "$(losses "$run")" "$never_losses" "losses"

check "a kind that does not exist"
expect 2 env PERDURE_FAULT=nap@0:1 "${launch[@]}" -- "${train[@]}" \
  --run_dir "$work/none"
says "'nap@0:1' is not KIND@RANK:STEP[:GENERATION]" "bitflip" "torn"

echo "all checks passed"
