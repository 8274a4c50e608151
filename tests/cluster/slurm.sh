#!/usr/bin/env bash
# scripts/train.sbatch on a real Slurm: a node of the allocation is lost, then the
# time limit comes near.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/slurm_lab.sh"
if ! lab_possible || ! slurm_possible; then
  echo "NOT RUN HERE: needs root, network namespaces and Slurm (Debian's" \
    "slurmctld, slurmd, slurm-client)" >&2
  exit 77
fi
here=$(cd "$(dirname "$0")" && pwd)
clean_up_more() {
  slurm_down
  lab_down
}
lab_up 4
slurm_up

tokens=$work/text/text.tokens
train=("$bin/pretrain" --config "$here/../launcher/cli/config.textproto"
  --set "data.train.path=$tokens" --set snapshot.every_steps=50
  --set train.method=ZEROTH_ORDER --set zeroth_order.directions=2
  --set optim.warmup_steps=0 --set train.steps=400 --set train.log_every=100)
write_text "$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"
losses() { column "$1/metrics.jsonl" loss; }
steps_done() { [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge $2 ]]; }
job_is() { [[ $(inside 0 squeue -h -j "$job" -o %T 2>/dev/null) == "$1" ]]; }
job_ended() { [[ $(inside 0 scontrol show job "$job") == *"JobState=$1"* ]]; }

# submit NAME [WORDS]: job $job with the run directory $work/NAME.
submit() {
  out=$work/$1.out
  last="sbatch, run $1"
  job=$(PATH=$bin:$PATH inside 0 sbatch --parsable --nodes=4 \
    --ntasks-per-node=2 "--output=$out" "$here/../../scripts/train.sbatch" \
    -n 6 --lease=2 "--network=$lab_net.0/24" -- "${train[@]}" \
    --run_dir "$work/$1")
}

check "without a fault"
submit whole
wait_for 120 job_ended COMPLETED || fail "the job does not complete"

check "a node is lost"
submit cut
wait_for 60 steps_done "$work/cut" 40 || fail "no steps within a minute"
cut 2
wait_for 120 job_ended COMPLETED || fail "the job does not complete"
says "node silent" "$(lab_node 2)" "training goes on"
equal "$(losses "$work/cut")" "$(losses "$work/whole")" "losses"
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
# Slurm lets a job that was queued again wait for two minutes.
inside 0 scontrol update "JobId=$job" StartTime=now
wait_for 120 job_ended COMPLETED || fail "the job does not complete"
equal "$(losses "$work/limit")" "$(losses "$work/whole")" "losses"
