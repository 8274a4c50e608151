#!/usr/bin/env bash
# scripts/train.sbatch on a real Slurm: a node of the allocation is lost, the time
# limit comes near, the job is cancelled in either way.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
source "$(dirname "$0")/slurm_lab.sh"
if ! lab_possible || ! slurm_possible; then
  echo "NOT RUN HERE: needs root, network namespaces and Slurm (Debian's" \
    "slurmctld, slurmd, slurm-client)" >&2
  exit 77
fi
script=$(cd "$(dirname "$0")/../../scripts" && pwd)/train.sbatch
need_lab 4
clean_up_more() {
  slurm_down
  lab_down
}
slurm_up
prepare_text

train+=("${zeroth_order[@]}" --set snapshot.every_steps=50 --set train.steps=400)
job_is() { [[ $(inside 0 squeue -h -j "$job" -o %T 2>/dev/null) == "$1" ]]; }
# Slurm lets a job that was queued again wait for two minutes, from some time on.
started_now() {
  inside 0 scontrol update "JobId=$job" StartTime=now 2>/dev/null || true
  ! job_is PENDING
}
job_ended() { [[ $(inside 0 scontrol show job "$job") == *"JobState=$1"* ]]; }

steps_told() { losses "$work/$1" | wc -l; }
last_snapshot() {
  local last
  last=$(find "$work/$1/snapshots" -name 'step-*' | sort | tail -n 1)
  echo $((10#${last##*-}))
}

# submit NAME [WORDS]: job $job with the run directory $work/NAME.
submit() {
  local name=$1
  shift
  out=$work/$name.out
  last="sbatch, run $name"
  job=$(PATH=$bin:$PATH inside 0 sbatch --parsable --nodes=4 \
    --ntasks-per-node=2 "--output=$out" "$script" \
    -n 6 --lease=2 "--network=$lab_net.0/24" -- "${train[@]}" \
    --run_dir "$work/$name" "$@")
}

check "without a fault"
submit whole
wait_for 120 job_ended COMPLETED || fail "the job does not complete"

check "a node is lost"
submit lost
wait_for 60 steps_done "$work/lost" 40 || fail "no steps within a minute"
cut_off 2
wait_for 120 job_ended COMPLETED || fail "the job does not complete"
says "node silent" "$(lab_node 2)" "training goes on"
equal "$(losses "$work/lost")" "$(losses "$work/whole")" "losses"
grep -h "training goes on" "$out"
heal 2
wait_for 60 nodes_idle || fail "Slurm does not take the node back"

check "the time limit comes near"
submit limit
wait_for 60 steps_done "$work/limit" 40 || fail "no steps within a minute"
inside 0 scancel --signal=USR1 --batch "$job"
wait_for 60 job_is PENDING || fail "the job is not queued again"
says "asked to stop" "queued again: the time limit"
if grep -F "incident" "$out"; then fail "a stop is no incident"; fi
wait_for 60 started_now || fail "the job is not started again"
wait_for 120 job_ended COMPLETED || fail "the job does not complete"
equal "$(losses "$work/limit")" "$(losses "$work/whole")" "losses"

check "cancelled by way of the batch script: the ranks save"
submit asked
wait_for 60 steps_done "$work/asked" 60 || fail "no steps within a minute"
inside 0 scancel --signal=TERM --batch "$job"
wait_for 60 job_ended FAILED || fail "the job does not end"
says "asked to stop: the ranks save and end" "stopped by signal"
if grep -F -e "incident" -e "queued again" "$out"; then fail "only a stop"; fi
equal "$(steps_told asked)" "$(last_snapshot asked)" "the last step, and the saved one"

check "cancelled at once: nothing is saved, no finished step is lost"
submit ended --set snapshot.every_steps=0 --set snapshot.at_end=false
wait_for 60 steps_done "$work/ended" 60 || fail "no steps within a minute"
inside 0 scancel "$job"
wait_for 60 job_ended CANCELLED || fail "the job does not end"
wait_for 30 nodes_idle || fail "the nodes do not get free"
[[ ! -e $work/ended/snapshots ]] || fail "saved: $(ls "$work/ended/snapshots")"
told=$(steps_told ended)
for run in asked ended; do
  submit "$run"
  wait_for 120 job_ended COMPLETED || fail "the job does not complete"
  equal "$(losses "$work/$run")" "$(losses "$work/whole")" "losses"
done
resumed=$(sed -n 's/.*resumed at step \([0-9]*\) from random.*/\1/p' "$out")
[[ $resumed -ge $told ]] || fail "resumed at '$resumed', told were $told steps"

echo "all checks passed"
