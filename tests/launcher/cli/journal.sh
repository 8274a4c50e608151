#!/usr/bin/env bash
# No finished step is lost: zeroth-order runs whose ranks are killed at random
# moments, frozen and thawed beside a newer launch, or whose disk is full, go on
# elsewhere, bit for bit as if nothing had happened.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

seed=${PERDURE_TEST_SEED:-$RANDOM}
echo "seed $seed (PERDURE_TEST_SEED repeats it)"
RANDOM=$seed

steps=500
train+=(--set train.method=ZEROTH_ORDER
  --set optim.lr=1e-3 --set zeroth_order.directions=2
  --set train.global_batch=24 --set train.micro_batch=6
  --set train.steps=$steps --set snapshot.keep_last=0)

prepare_text

meshes=("1" "2 pertp=2" "2 pp=2" "4 dp=2 pertp=2" "3 dp=3" "2 dp=2")
# mesh_command N: the start of a command on the mesh of that number.
mesh_command() {
  local n degrees degree
  read -r n degrees <<<"${meshes[$1]}"
  command=("${mpirun[@]}" -n "$n" "${train[@]}")
  for degree in $degrees; do command+=(--set "topology.$degree"); done
}

last_step() { column "$1/metrics.jsonl" step 2>/dev/null | tail -n 1; }
has_step() { [[ $(last_step "$1") -ge $2 ]] || ! [[ $(process_state "$job") == [!Z] ]]; }
# start RUN_DIR MESH STEP [ARGUMENTS...]: in the background, until that step is
# in its metrics.
start() {
  local run_dir=$1 mesh=$2 step=$3
  shift 3
  mesh_command "$mesh"
  last="${command[*]} --run_dir $run_dir $*"
  "${command[@]}" --run_dir "$run_dir" "$@" >"$out" 2>&1 </dev/null &
  job=$!
  local tries=6000
  until has_step "$run_dir" "$step"; do
    ((tries-- > 0)) || fail "step $step did not come"
    sleep 0.01
  done
}
kill_all() {
  local pid
  for pid in $(own_processes); do kill -KILL "$pid" 2>/dev/null || true; done
  wait "$job" 2>/dev/null || true
  wait_for 10 nothing_left || fail "left over: $(own_processes)"
}
# same_run RUN_DIR REFERENCE: every number of every step, and the weights.
same_run() {
  local key file
  for key in step loss lr tokens loss_plus loss_minus projected_grad \
    signal_to_noise; do
    equal "$(column "$1/metrics.jsonl" $key | cksum)" \
      "$(column "$2/metrics.jsonl" $key | cksum)" "$key of $1"
  done
  for file in "$2/snapshots/$(printf 'step-%09d' "$steps")"/{model.safetensors,optimizer.h5}; do
    if [[ -e $file ]]; then same_file "${file/"$2"/"$1"}" "$file"; fi
  done
}

for settings in "snapshot.every_steps=0" \
  "snapshot.every_steps=50 train.dtype=BF16" \
  "snapshot.every_steps=70 train.dtype=BF16 zeroth_order.rounding=MASTERS"; do
  more=()
  for setting in $settings; do more+=(--set "$setting"); done
  rm -rf "$work/whole" "$work/killed"
  check "uninterrupted: $settings"
  expect 0 "${train[@]}" "${more[@]}" --run_dir "$work/whole"
  resume=()
  told=0
  for kill in 1 2 3; do
    mesh=$((RANDOM % ${#meshes[@]}))
    step=$((told + 20 + RANDOM % 60))
    check "kill $kill after step $step on ${meshes[mesh]} ranks"
    # Were it to reach the last step before it is killed, the next would be too much.
    start "$work/killed" $mesh $step "${more[@]}" "${resume[@]}" \
      --set train.steps=$((steps - 10)) --set snapshot.at_end=false
    kill_all
    told=$({ last_step "$work/killed"; sed -n 's|^step *\([0-9]*\)/.*|\1|p' "$out"; } |
      sort -n | tail -n 1)
    echo "   told: step $told"
    resume=(--resume)
    mesh_command $(((mesh + 1 + RANDOM % 5) % ${#meshes[@]}))
    expect 0 "${command[@]}" --run_dir "$work/killed" "${more[@]}" --resume \
      --set train.steps=$((told + 1)) --set snapshot.at_end=false
    resumed=$(sed -n 's/.*resumed at step \([0-9]*\).*/\1/p' "$out" | head -n 1)
    [[ $resumed -ge $told ]] || fail "resumed at $resumed, told were $told steps"
  done
  mesh_command $((RANDOM % ${#meshes[@]}))
  expect 0 "${command[@]}" --run_dir "$work/killed" "${more[@]}" --resume
  says "replayed from the journal"
  same_run "$work/killed" "$work/whole"
done

check "replay: the snapshot of a past step, byte for byte"
mv "$work/whole/snapshots/step-000000140" "$work/kept"
expect 0 "$bin/perdure-ckpt" replay "$work/whole" --to_step 140 --output "$work/made"
says "70 steps replayed from step 70"
for file in model.safetensors optimizer.h5 config.json; do
  same_file "$work/made/$file" "$work/kept/$file"
done
expect 0 "$bin/perdure-ckpt" verify "$work/made"
expect 3 "$bin/perdure-ckpt" replay "$work/whole" --to_step $((steps + 1)) \
  --output "$work/no"
says "step $((steps + 1)) is not in the journal, whose last is $steps"
mv "$work/whole/snapshots/step-000000070" "$work/kept70"
expect 0 "$bin/perdure-ckpt" replay "$work/whole" --to_step 70 --output "$work/early"
says "70 steps replayed from step 0 (random, seed 1337)"
for file in model.safetensors optimizer.h5; do
  same_file "$work/early/$file" "$work/kept70/$file"
done
expect 3 "$bin/perdure-ckpt" replay "$work/whole" --to_step 80 --output "$work/made"
says "exists; replay makes a new directory"
expect 2 "$bin/perdure-ckpt" replay "$work/whole" --to_step 80
says "--output"
[[ ! -e $work/no ]] || fail "a refused replay made a directory"

check "a frozen launch that thaws beside a newer one does no harm"
more=(--set snapshot.every_steps=2)
expect 0 "${train[@]}" --run_dir "$work/calm" "${more[@]}"
for round in 1 2 3; do
  run=$work/thawed.$round
  start "$run" 1 $((20 + RANDOM % 60)) "${more[@]}"
  zombies=$(own_processes)
  zombie_job=$job
  for pid in $zombies; do kill -STOP "$pid"; done
  told=$(last_step "$run")
  start "$run" 2 $((told + 10)) --resume "${more[@]}"
  newer=$(comm -23 <(own_processes | sort) <(sort <<<"$zombies"))
  for pid in $zombies; do kill -CONT "$pid" 2>/dev/null || true; done
  code=0
  wait "$zombie_job" || code=$?
  [[ $code != 0 ]] || fail "the old launch went on to its end"
  for pid in $newer; do kill -KILL "$pid" 2>/dev/null || true; done
  wait "$job" 2>/dev/null || true
  expect 0 ranks 1 "${train[@]}" --run_dir "$run" --resume "${more[@]}"
  steps_seen=$(column "$run/metrics.jsonl" step | paste -sd' ')
  equal "$steps_seen" "$(seq -s' ' $steps)" "steps"
  same_run "$run" "$work/calm"
  expect 0 "$bin/perdure-ckpt" verify "$run"
done

check "another constant: not replayed, and why"
start "$work/other" 0 20 --set snapshot.every_steps=0
kill_all
expect 2 "${train[@]}" --run_dir "$work/other" --resume --set zeroth_order.noise=RADEMACHER
says "zeroth_order.noise"
cp -r "$work/other" "$work/damaged"
log=$work/damaged/journal/gen-1.log
printf '\xff' | dd of="$log" bs=1 conv=notrunc seek=$(($(stat -c %s "$log") - 300)) status=none
expect 0 "${train[@]}" --run_dir "$work/damaged" --resume --set train.steps=25
says "warning" "gen-1.log" "damaged" "lost and will be done again"

check "a first-order run: goes back to its snapshot, walks the same steps"
first=(--set train.method=FIRST_ORDER --set train.steps=20 --set snapshot.every_steps=8)
expect 0 "${train[@]}" "${first[@]}" --run_dir "$work/first"
expect 0 "${train[@]}" "${first[@]}" --run_dir "$work/again"
rm -r "$work"/again/snapshots/step-0000000{16,20}
expect 0 "${train[@]}" "${first[@]}" --run_dir "$work/again" --resume
says "resumed at step 8"
if grep -q "is done again" "$out"; then fail "the same steps differ"; fi
equal "$(column "$work/again/metrics.jsonl" loss)" \
  "$(column "$work/first/metrics.jsonl" loss)" "losses"
expect 3 "$bin/perdure-ckpt" replay "$work/first" --to_step 10 --output "$work/no"
says "FIRST_ORDER run cannot be replayed" "20, 16, 8"
rm -r "$work"/again/snapshots/step-0000000{16,20}
tr 'a-z' 'b-za' <"$work/text.txt" >"$work/other.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/other.txt" --tokenizer char \
  --output "$work/other/text.tokens"
cp "$work/other/text.tokens" "$tokens"
expect 0 "${train[@]}" "${first[@]}" --run_dir "$work/again" --resume
says "step 9 is done again" "the data, the program or a machine has changed"

check "no space for a record: exit 7, the step is not told; it goes on"
run=$work/full
mkdir -p "$run/journal"
if [[ $(id -u) != 0 ]] || ! mount -t tmpfs -o size=64k tmpfs "$run/journal" 2>"$out"; then
  echo "SKIPPED: no right to mount a small file system (needs root)"
else
  clean_up_more() { umount -l "$run/journal" 2>/dev/null || true; }
  expect 7 ranks 2 "${train[@]}" --run_dir "$run" --resume --set train.steps=100000 \
    --set topology.pertp=2
  says_once "perdure: error"
  says "is not counted" "$run/journal/gen-1.log" "No space left on device" "free some space"
  lost=$(sed -n 's/.*step \([0-9]*\) is not counted.*/\1/p' "$out")
  equal "$(last_step "$run")" "$((lost - 1))" "the last step told"
  mount -o remount,size=1m "$run/journal"
  expect 0 "${train[@]}" --run_dir "$run" --resume --set train.steps=$((lost + 2))
  says "resumed at step"
  equal "$(column "$run/metrics.jsonl" step | paste -sd' ')" \
    "$(seq -s' ' $((lost + 2)))" "steps"
  umount "$run/journal"
fi

echo "all checks passed"
