#!/usr/bin/env bash
# SIGKILL of a random rank at a random moment, while every step is saved: what
# is on disk always verifies, the run always goes on from it, and no step is
# missing at the end. CRASHES (20) times; SEED repeats a run.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

crashes=${CRASHES:-20}
seed=${SEED:-$RANDOM}
RANDOM=$seed
run=$work/run
train+=(--set snapshot.every_steps=1
  --set snapshot.keep_last=2 --set snapshot.quarantine_after=0
  --run_dir "$run")
meshes=("--set topology.dp=2 --set topology.tp=2" "--set topology.dp=4"
  "--set topology.pp=2 --set topology.dp=2")

rank_processes() {
  local pid
  for pid in $(own_processes); do
    if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == pretrain ]]; then echo "$pid"; fi
  done
}
has_ranks() { [[ $(rank_processes | wc -l) == 4 ]] || has_ended; }
has_ended() { [[ $(process_state "$job") != [!Z] ]]; }
steps() { column "$run/metrics.jsonl" step 2>/dev/null | tail -n 1; }

prepare_text

check "$crashes crashes, SEED=$seed"
for ((crash = 1; crash <= crashes; ++crash)); do
  read -ra mesh <<<"${meshes[RANDOM % ${#meshes[@]}]}"
  resume=()
  [[ ! -d $run ]] || resume=(--resume)
  last="crash $crash: ${mesh[*]}"
  "${mpirun[@]}" -n 4 "${train[@]}" "${mesh[@]}" "${resume[@]}" \
    --set train.steps=100000000 >"$out" 2>&1 </dev/null &
  job=$!
  wait_for 60 has_ranks || fail "no ranks within a minute"
  sleep "0.$((RANDOM % 10))$((RANDOM % 10))"
  ((RANDOM % 3)) || sleep 1
  mapfile -t pids < <(rank_processes)
  [[ ${#pids[@]} -gt 0 ]] || fail "the run ended by itself"
  kill -KILL "${pids[RANDOM % ${#pids[@]}]}"
  wait_for 30 has_ended || fail "still running after 30 s"
  wait "$job" && fail "exit code 0"
  wait_for 5 nothing_left || fail "left over: $(own_processes)"
  if compgen -G "$run/snapshots/step-*" >/dev/null; then
    expect 0 "$bin/perdure-ckpt" verify "$run"
  fi
done

check "the run goes on to its end, and no step is missing"
last_step=$(($(steps || echo 0) + 3))
resume=()
[[ ! -d $run ]] || resume=(--resume)
expect 0 ranks 2 "${train[@]}" "${resume[@]}" --set train.steps=$last_step
equal "$(column "$run/metrics.jsonl" step | paste -sd' ')" \
  "$(seq -s' ' "$last_step")" "steps"
if compgen -G "$run/snapshots/.step-*" >/dev/null; then
  fail "left behind: $(ls -A "$run/snapshots")"
fi

echo "all checks passed"
