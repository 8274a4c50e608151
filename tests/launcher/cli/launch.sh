#!/usr/bin/env bash
# perdure-launch: a run that loses ranks in every way ends as one that lost none,
# and what another start would not help is not started again.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

train+=(--set snapshot.every_steps=5)
launch=("$bin/perdure-launch" -n 2)

prepare_text

events() { grep -c "\"event\":\"$2\"" "$1/launch/events.jsonl" || true; }

check "without a fault: one generation, the trainer's lines, logs of each rank"
expect 0 "${launch[@]}" -- "${train[@]}" --run_dir "$work/whole"
says "step 20/20"
equal "$(events "$work/whole" generation)" 1 "generations"
[[ -s $work/whole/launch/gen-00001/rank-0000.log ]] || fail "no log of rank 0"
[[ ! -e $work/whole/launch/control.json ]] || fail "control.json is left"

# survives FAULT TEXT...: struck in generation 1, the run ends as the whole one.
survives() {
  local fault=$1 run=$work/${1%%@*}
  shift
  check "$fault"
  expect 0 env "PERDURE_FAULT=$fault:1" "${launch[@]}" -- "${train[@]}" \
    --run_dir "$run"
  says "$@" "training goes on"
  equal "$(events "$run" generation)" 2 "generations"
  equal "$(losses "$run")" "$(losses "$work/whole")" "losses"
  wait_for 5 nothing_left || fail "left over: $(own_processes)"
}
survives kill@1:8 "incident 1: crash" "rank 1 was ended by signal 9"
survives segv@0:7 "incident 1: crash" "rank 0 was ended by signal 11"
survives exit0@1:8 "incident 1: crash"
survives hang@1:9 "incident 1: hang" "rank 1 on" "rank 0 wait for it"
survives spin@1:9 "incident 1: hang" "rank 1 on"
survives stop@0:13 "incident 1: rank silent" "rank 0"

check "one rank that beats for its node, killed"
expect 0 env PERDURE_FAULT=kill@0:8:1 "${launch[@]}" --gather=1 -- "${train[@]}" \
  --run_dir "$work/gathered"
says "rank 0 was ended by signal 9" "training goes on"
equal "$(losses "$work/gathered")" "$(losses "$work/whole")" "losses"

check "a slow rank is waited for"
expect 0 env PERDURE_FAULT=slow4@1:8 "${launch[@]}" -- "${train[@]}" --run_dir "$work/slow"
equal "$(events "$work/slow" generation)" 1 "generations"
equal "$(losses "$work/slow")" "$(losses "$work/whole")" "losses"

check "history says what was lost"
expect 0 "$bin/perdure-launch" history "$work/hang"
says "incident 1: hang at step 9" "goes on at step" "effective training time ratio"

if grep -h '"step_seconds":-' "$work"/*/launch/events.jsonl; then
  fail "a part of a recovery is less than nothing"
fi

expect 0 "$bin/perdure-launch" history "$work/hang" --html
says "launch/history.html"
cp "$work/hang/launch/history.html" "$out"
says '"fault":"hang"' '"step":20' '"generations":[{"number":1'

check "a run on paper"
expect 0 "$bin/perdure-launch" simulate nodes=16 node_mtbf_hours=200 trials=2
says "effective training time" "Young" "most is lost in"
expect 2 "$bin/perdure-launch" simulate node=16
says "a simulation has no 'node', did you mean 'nodes'"

check "an incident is a text of 15 lines at most and JSON, whole after the recovery"
incident=$work/kill/launch/incidents/0001
[[ $(wc -l <"$incident.txt") -le 15 ]] || fail "$(cat "$incident.txt")"
cp "$incident.txt" "$out"
says "incident 1: crash" "killed a process" "rank 1 on" "steps lost" \
  "effective training time ratio so far"
cp "$incident.json" "$out"
says '"rule": "killed"' '"guilty_ranks"' '"steps_lost"' '"evidence"'
[[ ! -e $work/kill/launch/incidents/0002.txt ]] || fail "more than one incident"

check "diagnose finds the cause in any log"
printf '%s\n' "step 3" "OSError: [Errno 28] No space left on device" \
  "RuntimeError: Connection reset by peer" >"$work/any.log"
expect 0 "$bin/perdure-launch" diagnose "$work/any.log"
says "disk_full" "any.log:2: OSError" "also      lost_peer"
expect 1 "$bin/perdure-launch" diagnose "$work/text.txt"
says "no rule explains it"
expect 2 "$bin/perdure-launch" diagnose

check "rules of one's own come first, and a wrong one is named with its line"
printf 'rule {\n name: "fan" log: "fan is loud" example: "the fan is loud"\n' \
  >"$work/rules.textproto"
printf 'class: HARDWARE blame: HOST retry: YES cause: "c" remedy: "r" }\n' \
  >>"$work/rules.textproto"
echo "the fan is loud, No space left on device" >"$work/any.log"
expect 0 "$bin/perdure-launch" diagnose --rules "$work/rules.textproto" "$work/any.log"
says "(fan, hardware)"
echo 'rule { name: "none" }' >>"$work/rules.textproto"
expect 2 "$bin/perdure-launch" diagnose --rules "$work/rules.textproto" "$work/any.log"
says "rules.textproto:4: rule 'none': no cause"

check "the same failure twice is not started a third time"
expect 93 env PERDURE_FAULT=abort@1:8 "${launch[@]}" -- "${train[@]}" \
  --run_dir "$work/twice"
says "rank 1 failed at step 8 in the same way twice"
equal "$(events "$work/twice" generation)" 2 "generations"

check "a wrong configuration is not started again"
expect 2 "${launch[@]}" -- "${train[@]}" --run_dir "$work/wrong" --set model.layer=3
says "model.layer" "another start would not help"
equal "$(events "$work/wrong" generation)" 1 "generations"

check "a trainer that is not there"
expect 2 "${launch[@]}" -- "$work/no-such-trainer" --run_dir "$work/none"
says "incident 1: start" "the program to start is not there" "another start would not help"
equal "$(events "$work/none" generation)" 1 "generations"

check "mistakes on the command line"
expect 2 "${launch[@]}"
says "no program to start"
expect 2 "${launch[@]}" -- "$bin/pretrain"
says "--run_dir"
expect 2 "$bin/perdure-launch" --max_restart=3
says "did you mean 'max_restarts'"
expect 3 "$bin/perdure-launch" status "$work/whole"
says "no perdure-launch is running here"

check "status, checkpoint and stop from another terminal"
run=$work/endless
"${launch[@]}" -- "${train[@]}" --run_dir "$run" --set train.steps=100000000 \
  --set snapshot.every_steps=0 >"$work/endless.txt" 2>&1 </dev/null &
job=$!
wait_for 60 steps_done "$run" 5 || fail "no steps within a minute"
expect 0 "$bin/perdure-launch" status "$run"
says "running, generation 1, 2 ranks" "rank 0 on" "rank 1 on" "0 incidents"
expect 0 "$bin/perdure-launch" checkpoint "$run"
has_snapshot() { ls "$run"/snapshots/step-* >/dev/null 2>&1; }
wait_for 30 has_snapshot || fail "no snapshot"
kill -0 "$job" || fail "it has ended"
expect 0 "$bin/perdure-launch" stop "$run"
ends 143
cp "$work/endless.txt" "$out"
says "after saving step"
if grep -F "incident" "$out"; then fail "a stop is no incident"; fi
wait_for 5 nothing_left || fail "left over: $(own_processes)"

# endless NAME [OPTION...]: in the background, until it has done some steps.
endless() {
  run=$work/$1
  "${launch[@]}" --lease=2 "${@:2}" -- "${train[@]}" --run_dir "$run" \
    --set train.steps=100000000 --set snapshot.every_steps=0 \
    >"$work/$1.txt" 2>&1 </dev/null &
  job=$!
  wait_for 60 steps_done "$run" 5 || fail "no steps within a minute"
}

check "SIGTERM saves and ends, as stop does"
endless terminated
kill -TERM "$job"
ends 143
has_snapshot || fail "no snapshot"

check "a second SIGTERM ends the ranks without saving"
endless impatient --silence=60 --lease=120
# Stopped ranks do not save before the second one comes.
in_log() { grep -qF -e "$1" "$work/impatient.txt"; }
for pid in $(own_processes); do
  if [[ $(cat "/proc/$pid/comm") == pretrain ]]; then kill -STOP "$pid"; fi
done
kill -TERM "$job"
wait_for 10 in_log "asked to stop: the ranks save and end" || fail "not asked"
kill -TERM "$job"
ends 143
cp "$work/impatient.txt" "$out"
says "asked twice to stop: the ranks are ended without saving"
if has_snapshot; then fail "it has saved"; fi
wait_for 5 nothing_left || fail "left over: $(own_processes)"

check "ranks end by themselves when perdure-launch is killed"
endless orphaned
kill -KILL "$job"
wait "$job" || true
wait_for 30 nothing_left || fail "left over: $(own_processes)"
