#!/usr/bin/env bash
# finetune as a user starts it: a prompted classification from losses alone, the
# same on one rank and on four; what evaluate says of it; what mistakes are
# answered with.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

config=$(dirname "$0")/config.textproto
task=$work/task.textproto

check "a model to start from"
write_text "$work/text.txt"
echo "odd even It is" >>"$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"
expect 0 "${train[@]}" --run_dir "$work/base" --set model.context=48

check "examples: is the number odd or even?"
for ((i = 0; i < 60; ++i)); do
  if ((i % 2)); then kind=odd; else kind=even; fi
  printf 'Line %d\t%s\n' "$i" "$kind"
done >"$work/train.tsv"
head -n 20 "$work/train.tsv" >"$work/val.tsv"
cat >"$task" <<EOF
model { init_from: "$work/base" }
task {
  kind: CLASSIFICATION
  train: "$work/train.tsv"
  val: "$work/val.tsv"
  column: "text"
  column: "kind"
  prompt: "{text}: It is"
  label_field: "kind"
  label { value: "odd" word: " odd" }
  label { value: "even" word: " even" }
}
train { method: ZEROTH_ORDER steps: 20 global_batch: 8 micro_batch: 3 }
optim { lr: 1e-3 }
zeroth_order { directions: 2 }
eval { every_steps: 10 }
EOF
tune=("$bin/finetune" --config "$task")

check "--plan: forward passes, copies of weights, no gradients"
expect 0 "${tune[@]}" --plan --set topology.ranks=2 --set topology.pertp=2
says "zeroth-order, 2 Gaussian directions" "4 forward passes" "perturbed weights"
if grep -q "gradients" "$out"; then fail "gradients are planned"; fi

check "one rank"
expect 0 "${tune[@]}" --run_dir "$work/one"
says "zero-shot" "accuracy" "95 % interval" "20 examples" "L+ " "L- " "snr "
lines=$work/one/metrics.jsonl
for key in loss_plus loss_minus projected_grad loss lr tokens seconds; do
  equal "$(grep -c "\"$key\":" "$lines")" 20 "lines with $key"
done
equal "$(grep -c val_accuracy "$lines")" 3 "evaluations"

check "four ranks, dp 2 x pertp 2: the same bits"
expect 0 ranks 4 "${tune[@]}" --run_dir "$work/four" \
  --set topology.dp=2 --set topology.pertp=2
says "rank 0 sends a step: " "of losses across dp and pertp"
equal "$(column "$work/four/metrics.jsonl" loss)" "$(column "$lines" loss)" "losses"
same_file "$work/one/snapshots/step-000000020/model.safetensors" \
  "$work/four/snapshots/step-000000020/model.safetensors"

check "10 steps, then 10 more in a pipeline: the same bits"
expect 0 "${tune[@]}" --run_dir "$work/parts" --set train.steps=10
expect 0 ranks 2 "${tune[@]}" --run_dir "$work/parts" --resume --set topology.pp=2
equal "$(column "$work/parts/metrics.jsonl" loss)" "$(column "$lines" loss)" "losses"

check "the same task by back-propagation"
expect 0 "${tune[@]}" --run_dir "$work/first" --set train.method=FIRST_ORDER
says "AdamW" "|g|" "zero-shot"

check "evaluate: loss, perplexity, accuracy"
expect 0 "$bin/evaluate" --config "$task" --set "model.init_from=$work/one"
says "loss " "perplexity " "accuracy " "95 % interval"

check "mistakes"
grep -v init_from "$task" >"$work/bare.textproto"
expect 2 "$bin/finetune" --config "$work/bare.textproto" --run_dir "$work/none"
says_once "model.init_from is missing"
expect 2 "${tune[@]}" --run_dir "$work/none" --set zeroth_order.eps=0
says "zeroth_order.eps"
expect 2 "${tune[@]}" --run_dir "$work/none" --set "task.prompt={txet}"
says "txet" "text"
expect 2 "${tune[@]}" --run_dir "$work/none" --set 'model.trainable=*.nothing'
says "matches no parameter"
expect 2 ranks 2 "${tune[@]}" --run_dir "$work/none" --set topology.pertp=2 \
  --set train.method=FIRST_ORDER
says_once "perdure: error"
says "topology.pertp"
[[ ! -e $work/none ]] || fail "a mistake made a run directory"
expect 3 "${tune[@]}" --run_dir "$work/none" --set task.train="$work/missing.tsv"
says "missing.tsv"
printf 'Line 1\tneither\n' >"$work/train.tsv"
expect 3 "${tune[@]}" --run_dir "$work/none2"
says "neither" "train.tsv:1"
