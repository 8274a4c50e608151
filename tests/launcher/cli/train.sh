#!/usr/bin/env bash
# From a text to a trained model with 4 ranks: what a run leaves behind, going
# on with it, and what each mistake is answered with.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

config=$(dirname "$0")/config.textproto
two_by_two=(--set topology.dp=2 --set topology.pp=2)

check "a text becomes tokens, with its tokenizer"
prepare_text
[[ -s $tokens && -s $work/text/chars.json ]] || fail "files are missing"
expect 0 "$bin/perdure-data" inspect "$tokens"

check "--plan without mpirun: bytes per rank, no run directory"
expect 0 "${train[@]}" --plan --set topology.ranks=4 "${two_by_two[@]}" \
  --run_dir "$work/planned"
says "decay_steps: 20" "pp 2 x dp 2" "rank 3" "KiB = weights" "to replicas 2 + 2"
[[ ! -e $work/planned ]] || fail "--plan made the run directory"

check "--layouts: every layout of so many ranks, what it needs, how long it takes"
expect 0 "${train[@]}" --layouts=3@2,4 --run_dir "$work/planned"
says "ranks: 3" "ranks_per_node: 2" "ranks: 4" "compute_seconds" \
  "exceeds model.layers = 2" "measured: false"
[[ ! -e $work/planned ]] || fail "--layouts made the run directory"
expect 2 "${train[@]}" --layouts=3@0
says "'3@0' is not RANKS or RANKS@RANKS_PER_NODE"

check "20 steps on dp 2 x pp 2, a snapshot every 10"
expect 0 ranks 4 "${train[@]}" "${two_by_two[@]}" --run_dir "$work/whole"
says "step 20/20" "to replicas 2 + 2" "KiB = weights" "snapshot saved"
if grep -q $'\e' "$out"; then fail "a progress bar in a file"; fi

check "the run directory: config, command, environment, metrics, TensorBoard"
metrics=$work/whole/metrics.jsonl
equal "$(column "$metrics" step | paste -sd' ')" "$(seq -s' ' 20)" "steps"
for key in loss tokens seconds lr grad_norm; do
  equal "$(column "$metrics" $key | grep -c '[0-9]')" 20 "values of $key"
done
expect 0 cat "$work/whole/config.textproto" "$work/whole/command.txt" \
  "$work/whole/environment.txt"
says "decay_steps: 20" "kv_heads: 2" "pretrain --config" "mpi: " "host: "
[[ -s $(echo "$work"/whole/tensorboard/events.out.tfevents.*) ]] ||
  fail "no TensorBoard events"
equal "$(ls "$work/whole/snapshots" | paste -sd' ')" \
  "step-000000010 step-000000020" "snapshots"
expect 0 "$bin/perdure-ckpt" verify "$work/whole"
first=$(losses "$work/whole" | head -n 1) last_loss=$(losses "$work/whole" | tail -n 1)
awk -v a="$first" -v b="$last_loss" 'BEGIN { exit !(b < a - 0.2) }' ||
  fail "no learning: $first to $last_loss"

check "10 steps and 10 resumed are 20, bit for bit"
expect 0 ranks 4 "${train[@]}" "${two_by_two[@]}" --run_dir "$work/parts" \
  --set train.steps=10
expect 0 ranks 4 "${train[@]}" "${two_by_two[@]}" --run_dir "$work/parts" --resume
says "resumed at step 10"
equal "$(losses "$work/parts")" "$(losses "$work/whole")" "losses"
equal "$(column "$work/parts/metrics.jsonl" grad_norm)" \
  "$(column "$metrics" grad_norm)" "gradient norms"
for file in model.safetensors optimizer.h5; do
  same_file "$work/parts/snapshots/step-000000020/$file" \
    "$work/whole/snapshots/step-000000020/$file"
done

check "resumed on tp 2 x pp 2, and on one rank: the same within 1e-3"
mkdir "$work/moved" "$work/alone"
for to in moved alone; do
  cp -r "$work/parts/." "$work/$to/"
  rm -r "$work/$to/snapshots/step-000000020"
done
expect 0 ranks 4 "${train[@]}" --set topology.tp=2 --set topology.pp=2 \
  --run_dir "$work/moved" --resume
says "resumed at step 10" "resharded"
expect 0 "${train[@]}" --run_dir "$work/alone" --resume
for to in moved alone; do
  equal "$(column "$work/$to/metrics.jsonl" step | paste -sd' ')" \
    "$(seq -s' ' 20)" "steps of $to"
  paste <(losses "$work/$to") <(losses "$work/whole") |
    awk '{ d = $1 - $2; if (d < 0) d = -d; if (d > 1e-3) exit 1 }' ||
    fail "the losses of $to are off"
done

check "--resume with another lr: exit 2, the field named; nothing is touched"
before=$(cat "$metrics")
expect 2 ranks 4 "${train[@]}" "${two_by_two[@]}" --run_dir "$work/whole" \
  --resume --set optim.lr=0.5 --set train.seed=7
says_once "--resume: the config differs"
says "optim.lr" "0.5" "train.seed"
equal "$(cat "$metrics")" "$before" "metrics.jsonl"

check "a run directory is not overwritten; --force puts it aside"
expect 2 ranks 4 "${train[@]}" --run_dir "$work/alone"
says_once "is not empty"
says "--resume" "--force" "$work/alone"
expect 0 "${train[@]}" --run_dir "$work/alone" --force --set train.steps=1
equal "$(losses "$work/alone" | wc -l)" 1 "steps"
equal "$(losses "$work/alone.old-1" | wc -l)" 20 "steps of the run put aside"
expect 2 "${train[@]}" --run_dir "$work/alone" --force --set model.heads=5
[[ ! -e $work/alone.old-2 ]] || fail "put aside for a config that is wrong"
expect 2 "${train[@]}" --run_dir "$work/alone" --force --resume
says_once "give one of them"

check "--resume where there is nothing begins at 0"
expect 0 "${train[@]}" --run_dir "$work/fresh" --resume --set train.steps=2
equal "$(losses "$work/fresh" | head -n 1)" "$first" "first loss"
equal "$(column "$work/fresh/metrics.jsonl" step | paste -sd' ')" "1 2" "steps"
expect 2 "${train[@]}"
says_once "--run_dir is missing"

check "the run directory generates and evaluates, on one rank and on two"
expect 0 "$bin/generate" --model "$work/whole" --prompt "Line 1" \
  --max_new_tokens 8 --print_ids
says "Line 1"
ids=$(tail -n 1 "$out.1")
equal "$(tr ',' '\n' <<<"$ids" | wc -l)" 14 "ids"
expect 0 ranks 2 "$bin/generate" --model "$work/whole" --prompt "Line 1" \
  --max_new_tokens 8 --print_ids --set topology.pp=2
equal "$(tail -n 1 "$out.1")" "$ids" "ids on two ranks"
evaluate=("$bin/evaluate" --config "$config" --set "data.train.path=$tokens")
expect 0 "${evaluate[@]}" --set model.init_from="$work/whole"
says "loss" "perplexity"
loss=$(sed -n 's/^loss *//p' "$out")
expect 0 ranks 2 "${evaluate[@]}" --set model.init_from="$work/whole" \
  --set topology.tp=2
sed -n 's/^loss *//p' "$out" | awk -v a="$loss" \
  'NF == 1 { d = $1 - a; ok = d < 1e-4 && d > -1e-4 } END { exit !ok }' ||
  fail "not $loss"
expect 2 "${evaluate[@]}"
says_once "model.init_from"

check "evaluations of a run are in its metrics; init_from takes its weights"
expect 0 ranks 2 "${train[@]}" --run_dir "$work/second" --set topology.dp=2 \
  --set model.init_from="$work/whole" --set eval.every_steps=2 --set train.steps=2
equal "$(column "$work/second/metrics.jsonl" val_loss | grep -c '[0-9]')" 1 "evaluations"
losses "$work/second" | head -n 1 | awk -v a="$last_loss" \
  '{ d = $1 - a; exit !(d < 0.2 && d > -0.2) }' ||
  fail "the second run does not begin where the first ended"

check "the trainer's flags are these and no others"
expect 0 "$bin/pretrain" --help
equal "$(sed -n 's/^  --\([a-z_]*\)[^,]*$/\1/p' "$out" | paste -sd' ')" \
  "config force layouts plan resume run_dir set" "flags"

check "every program has --version and --help"
for program in pretrain evaluate generate perdure-data perdure-ckpt; do
  expect 0 "$bin/$program" --version
  [[ $(cat "$out") =~ ^$program\ [0-9]+\.[0-9]+ ]] || fail "no version"
  expect 0 "$bin/$program" --help
  says "$program"
done

check "wrong flags: exit 2, once, with what may have been meant"
expect 2 ranks 2 "${train[@]}" --resum --run_dir "$work/no"
says_once "unknown flag --resum"
says "did you mean 'resume'"
for program in evaluate generate perdure-data perdure-ckpt; do
  expect 2 "$bin/$program" --bogus
  says_once "unknown flag --bogus"
done
expect 2 "$bin/generate" --model "$work/whole" --max_new_tokens ten
says_once "--max_new_tokens: 'ten'"
expect 2 "${train[@]}" --run_dir
says_once "--run_dir needs a value"
expect 2 "${train[@]}" --run_dir "$work/no" stray
says_once "'stray'"

check "wrong config: exit 2, all problems in one message, no run directory"
expect 2 ranks 4 "${train[@]}" --run_dir "$work/no" --set train.stps=3
says_once "did you mean 'steps'"
expect 2 "${train[@]}" --run_dir "$work/no" --set train.steps=many
says_once "'many'"
expect 2 ranks 4 "${train[@]}" --run_dir "$work/no" --set train.steps=-3 \
  --set optim.beta1=2 --set model.heads=5
says_once "perdure: error"
says "train.steps" "optim.beta1" "model.heads"
printf 'model { hiden: 8 }\ntrain { step: 3 }\n' >"$work/wrong.textproto"
expect 2 ranks 4 "$bin/pretrain" --config "$work/wrong.textproto" --run_dir "$work/no"
says_once "perdure: error"
says "hidden" "steps" "wrong.textproto:1" "wrong.textproto:2"
expect 3 ranks 4 "$bin/pretrain" --config "$work/none.textproto" --run_dir "$work/no"
says_once "$work/none.textproto"

[[ ! -e $work/no ]] || fail "a run directory for a wrong command line"

check "missing and damaged data: exit 3; a small vocabulary: with its remedy"
expect 3 ranks 4 "$bin/pretrain" --config "$config" --run_dir "$work/no.1" \
  --set data.train.path="$work/none.tokens"
says_once "$work/none.tokens"
says "No such file"
head -c 40 "$tokens" >"$work/torn.tokens"
expect 3 ranks 4 "$bin/pretrain" --config "$config" --run_dir "$work/no.2" \
  --set data.train.path="$work/torn.tokens"
says_once "$work/torn.tokens"
expect 3 ranks 4 "${train[@]}" --run_dir "$work/no.3" --set model.vocab_size=20
says_once "set model.vocab_size"
says "$tokens"

check "a loss that is no number: exit 6, once, named by its step"
expect 6 ranks 4 "${train[@]}" "${two_by_two[@]}" --run_dir "$work/nan" \
  --set optim.lr=1e30 --set optim.clip_norm=0 --set train.bad_step=STOP
says_once "perdure: error"
says "step 2" "train.bad_step is STOP" "lower optim.lr"

check "ranks that do not fit the topology: exit 2, with the arithmetic"
expect 2 ranks 4 "${train[@]}" --run_dir "$work/no.4" --set topology.tp=3
says_once "perdure: error"
says "tp 3" "4 ranks"

check "world size 1 under another library's launcher: exit 2"
expect 2 env PMI_SIZE=4 "${train[@]}" --run_dir "$work/no.5"
says_once "the launcher started 4 processes, but MPI sees only this one"
[[ ! -e $work/no.5 ]] || fail "it made the run directory"

equal "$(own_processes)" "" "processes left over"
echo "all checks passed"
