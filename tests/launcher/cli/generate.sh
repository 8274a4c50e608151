#!/usr/bin/env bash
# A trained model on every topology: the same words as always; and its way
# through a snapshot and out again.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

stories=$data/stories260K
golden=$(tr -d ' \n[]' <"$stories/golden_greedy_ids.json" | sed 's/.*://; s/[^0-9,]//g')
mkdir "$work/model"
cp "$stories"/hf/* "$work/model/"
cp "$stories/tok512.bin" "$work/model/tokenizer.bin"
greedy=("$bin/generate" --model "$work/model" --max_new_tokens 200 --temperature 0)

generates_golden() { equal "$(tail -n 1 "$out.1")" "$golden" "ids"; }

check "golden ids on one rank, from ids and from an empty text"
expect 0 "${greedy[@]}" --prompt_ids 1 --print_ids
generates_golden
expect 0 "${greedy[@]}" --print_ids
generates_golden

check "golden ids on tp 2, tp 4, pp 2 and tp 2 x pp 2"
for degrees in "2 tp=2" "4 tp=4" "2 pp=2" "4 tp=2 pp=2"; do
  read -r n first second <<<"$degrees"
  expect 0 ranks "$n" "${greedy[@]}" --prompt_ids 1 --print_ids \
    --set "topology.$first" ${second:+--set "topology.$second"}
  generates_golden
done

check "golden text, and nothing else on standard output"
expect 0 "${greedy[@]}"
{ cat "$stories/golden_greedy_200.txt" && echo; } >"$work/golden"
same_file "$out.1" "$work/golden"

check "imported, verified, exported: the same bytes"
expect 0 "$bin/perdure-ckpt" import "$work/model" "$work/snapshot"
expect 0 "$bin/perdure-ckpt" verify "$work/snapshot"
says good
expect 0 "$bin/perdure-ckpt" inspect "$work/snapshot"
says model.embed_tokens.weight
expect 0 "$bin/perdure-ckpt" export "$work/snapshot" "$work/hf"
# Name, dtype, shape and sum of the bytes of every tensor, one a line, wherever
# in the file it lies. A safetensors file says in 8 bytes how long its header is.
tensors_of() {
  local header line begin end
  header=$(od -An -N8 -tu8 "$1" | tr -d ' ')
  head -c $((header + 8)) "$1" | tail -c +9 | sed 's/}/}\n/g' | tr -d ' {}' |
    sed 's/^,//' | grep '"data_offsets"' | while read -r line; do
    IFS=, read -r begin end <<<"$(sed 's/.*"data_offsets":\[\([0-9,]*\)\].*/\1/' <<<"$line")"
    echo "${line%%,\"data_offsets*} $(head -c $((header + 8 + end)) "$1" |
      tail -c $((end - begin)) | sha256sum)"
  done | sort
}
tensors_of "$stories/hf/model.safetensors" >"$work/tensors.1"
tensors_of "$work/hf/model.safetensors" >"$work/tensors.2"
equal "$(wc -l <"$work/tensors.1")" 47 "tensors listed"
same_file "$work/tensors.1" "$work/tensors.2"

check "the snapshot and the export generate the golden ids too"
for model in "$work/snapshot" "$work/hf"; do
  expect 0 "$bin/generate" --model "$model" --prompt_ids 1 \
    --max_new_tokens 200 --print_ids
  generates_golden
done

check "a damaged snapshot is refused by name"
cp -r "$work/snapshot" "$work/damaged"
printf 'X' | dd of="$work/damaged/model.safetensors" bs=1 seek=500000 \
  conv=notrunc status=none
expect 7 "$bin/perdure-ckpt" verify "$work/damaged"
says "$work/damaged/model.safetensors"
expect 7 "$bin/generate" --model "$work/damaged" --prompt_ids 1
says "$work/damaged/model.safetensors"

check "more tensor ranks than key-value heads: said once, exit 2"
expect 2 ranks 8 "${greedy[@]}" --prompt_ids 1 --set topology.tp=8
says_once "topology.tp" "4"
grep -q "perdure: error" "$out" || fail "no message of ours"

check "no model, or none there"
expect 2 "$bin/generate"
says_once "--model is missing"
expect 3 "$bin/generate" --model "$work/nowhere" --prompt_ids 1
says_once "$work/nowhere"
expect 2 "$bin/generate" --model "$stories/hf" --prompt_ids 1,x
says_once "--prompt_ids"
expect 2 "$bin/generate" --model "$stories/hf" --prompt_ids 600
says "600"

check "sampling is a function of the seed"
sample=("$bin/generate" --model "$stories/hf" --prompt_ids 1 --temperature 1
  --max_new_tokens 40 --print_ids --seed)
expect 0 "${sample[@]}" 5
five=$(tail -n 1 "$out.1")
expect 0 ranks 2 "${sample[@]}" 5 --set topology.tp=2
equal "$(tail -n 1 "$out.1")" "$five" "seed 5 on tp 2"
expect 0 "${sample[@]}" 6
[[ $(tail -n 1 "$out.1") != "$five" ]] || fail "seed 6 gives what seed 5 gives"

echo "all checks passed"
