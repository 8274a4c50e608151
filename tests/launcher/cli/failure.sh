#!/usr/bin/env bash
# What happens to a job when it is told to stop, when a rank dies or hangs, and
# when the disk is full: it ends, says why, and leaves nothing running.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

train+=(--set snapshot.every_steps=0)
endless=(--set train.steps=100000000)

prepare_text

# start RUN_DIR COMMAND...: in the background, until it has done some steps.
# $job is then the command's process.
start() {
  local run_dir=$1
  shift
  last=$*
  "$@" --run_dir "$run_dir" >"$out" 2>&1 </dev/null &
  job=$!
  wait_for 60 has_steps "$run_dir" || fail "no steps within a minute"
}
has_steps() {
  [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge 5 ]] || ! is_running "$job"
}
is_running() { [[ $(process_state "$1") == [!Z] ]]; }
has_ended() { ! is_running "$1"; }

# ends_with CODE SECONDS: $job ends in that time, and so do all its ranks. The
# code may be "failure" for any but 0.
ends_with() {
  local code=0
  wait_for "$2" has_ended "$job" || fail "still running after $2 s"
  wait "$job" || code=$?
  if [[ $1 == failure ]]; then
    [[ $code != 0 ]] || fail "exit code 0"
  else
    equal "$code" "$1" "exit code"
  fi
  wait_for 5 nothing_left || fail "left over: $(own_processes)"
}

rank_processes() {
  local pid
  for pid in $(own_processes); do
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == pretrain ]]; then echo "$pid"; fi
  done
}

steps_of() { column "$1/metrics.jsonl" step | tail -n 1; }

# has_stopped RUN_DIR: saved the last step of its metrics, and goes on from it.
has_stopped() {
  local step
  step=$(steps_of "$1")
  says_once "after saving step $step; go on with --resume"
  equal "$(ls "$1/snapshots")" "$(printf 'step-%09d' "$step")" "snapshots"
  expect 0 "$bin/perdure-ckpt" verify "$1"
}

check "SIGUSR1 to mpirun: all ranks save the same step, exit 143; it goes on"
start "$work/usr1" "${mpirun[@]}" -n 4 "${train[@]}" "${endless[@]}" \
  --set topology.dp=2 --set topology.pp=2
kill -USR1 "$job"
ends_with 143 60
has_stopped "$work/usr1"
step=$(steps_of "$work/usr1")
expect 0 ranks 2 "${train[@]}" --run_dir "$work/usr1" --resume \
  --set train.steps=$((step + 3)) --set topology.tp=2
says "resumed at step $step"
equal "$(column "$work/usr1/metrics.jsonl" step | paste -sd' ')" \
  "$(seq -s' ' $((step + 3)))" "steps"

check "SIGTERM or SIGUSR1 to a run without mpirun: saved, exit 143"
for signal in TERM USR1; do
  start "$work/alone.$signal" "${train[@]}" "${endless[@]}"
  kill "-$signal" "$job"
  ends_with 143 60
  has_stopped "$work/alone.$signal"
done

check "one rank killed: the job ends, and nothing is left"
start "$work/killed" "${mpirun[@]}" -n 4 "${train[@]}" "${endless[@]}" \
  --set topology.dp=2 --set topology.tp=2
kill -KILL "$(rank_processes | tail -n 1)"
ends_with failure 10

check "one rank stopped: the others' deadline passes, exit 5, who is missing"
for axis in dp tp pp; do
  start "$work/hung.$axis" "${mpirun[@]}" -n 2 "${train[@]}" "${endless[@]}" \
    --set "topology.$axis=2" --set topology.timeout_seconds=5
  kill -STOP "$(rank_processes | tail -n 1)"
  ends_with 5 20
  says_once "perdure: error"
  says "5s" "(topology.timeout_seconds)"
  message=$(grep "perdure: error" "$out")
  # group: Operation ... rank
  who="on rank ([01]) of 2 on .*: (world|$axis\\[0\\]): ([A-Z][a-zA-Z]+).* rank ([01]) "
  [[ $message =~ $who ]] || fail "group, operation and rank are not named"
  [[ ${BASH_REMATCH[1]} != "${BASH_REMATCH[4]}" ]] || fail "the wrong rank is named"
done

# disk_full OPTIONS TEXT: a run that fills a small file system, and goes on
# when that has grown.
disk_full() {
  mount -t tmpfs -o "$1" tmpfs "$work/disk"
  expect 7 ranks 4 "${train[@]}" --run_dir "$work/disk/run" \
    --set snapshot.every_steps=1 --set snapshot.keep_last=0
  says_once "perdure: error"
  if grep -q "snapshot of step.*snapshot of step" "$out"; then
    fail "the context is named twice"
  fi
  grep -F "perdure: error" "$out" | grep -F "$work/disk/run" | grep -qF "$2" ||
    fail "no message with path and cause"
  expect 0 "$bin/perdure-ckpt" verify "$work/disk/run"
  says "step-000000001: good"
  local saved
  saved=$(grep -c good "$out")
  mount -o remount,size=64m,nr_inodes=10000 "$work/disk"
  expect 0 ranks 4 "${train[@]}" --run_dir "$work/disk/run" --resume
  says "resumed at step $saved "
  equal "$(column "$work/disk/run/metrics.jsonl" step | paste -sd' ')" \
    "$(seq -s' ' 20)" "steps"
  umount "$work/disk"
}

check "no disk space: exit 7, the path named, earlier snapshots good; it goes on"
mkdir "$work/disk"
if [[ $(id -u) != 0 ]] || ! mount -t tmpfs tmpfs "$work/disk" 2>"$out"; then
  echo "SKIPPED: no right to mount a small file system (needs root)"
  cat "$out"
else
  umount "$work/disk"
  clean_up_more() { umount -l "$work/disk" 2>/dev/null || true; }
  disk_full size=3m "free some space"
  disk_full size=64m,nr_inodes=24 "No space left on device"
fi

echo "all checks passed"
