#!/usr/bin/env bash
# Snapshots besides those that all nodes share: one file a node, on a disk of the
# node's own, in memory. After a kill the newest of them is gone on from.
set -Eeuo pipefail
source "$(dirname "$0")/common.sh"

memory=$work/shm local=$work/local
mkdir "$memory" "$local"
steps=120
train+=(--set "train.steps=$steps"
  --set topology.dp=2 --set optim.zero=1 --set snapshot.every_steps=0
  --set "snapshot.memory_directory=$memory" --set "optim.decay_steps=$steps")
in_memory=(--set snapshot.memory_every_steps=1)
on_disk=(--set "snapshot.local_directory=$local"
  --set snapshot.local_every_steps=5)

prepare_text

told() { wc -l 2>/dev/null <"$1/metrics.jsonl" || echo 0; }
empty() { [[ -z $(ls -A "$1") ]] || fail "left in $1: $(find "$1")"; }
# kill_after RUN STEP ARGUMENTS...: all ranks, once that step is told.
kill_after() {
  local run=$1 step=$2 job pid
  shift 2
  last="${train[*]} --run_dir $run $*"
  "${mpirun[@]}" -n 2 "${train[@]}" --run_dir "$run" "$@" >"$out" 2>&1 </dev/null &
  job=$!
  wait_for 60 steps_done "$run" "$step" || fail "step $step did not come"
  for pid in $(own_processes); do kill -KILL "$pid" 2>/dev/null || true; done
  wait "$job" 2>/dev/null || true
  wait_for 10 nothing_left || fail "left over: $(own_processes)"
}
resumed_at() { sed -n 's/.*resumed at step \([0-9]*\).*/\1/p' "$out" | tail -n 1; }

check "one file a node: shown whole, read, exported"
expect 0 ranks 2 "${train[@]}" --run_dir "$work/whole" --set snapshot.layout=PER_NODE
name=$(printf "step-%09d" "$steps")
snapshot=$work/whole/snapshots/$name
[[ -f $snapshot/node-00000.h5 && ! -e $snapshot/model.safetensors ]] ||
  fail "not one file a node: $(ls "$snapshot")"
expect 0 "$bin/perdure-ckpt" verify "$work/whole"
expect 0 "$bin/perdure-ckpt" inspect "$snapshot"
says node-00000.h5
expect 0 "$bin/perdure-ckpt" du "$work/whole"
expect 0 "$bin/perdure-ckpt" export "$snapshot" "$work/hf"
expect 0 ranks 2 "${train[@]}" --run_dir "$work/one"
same_file "$work/hf/model.safetensors" \
  "$work/one/snapshots/$name/model.safetensors"
expect 0 "$bin/perdure-ckpt" diff "$snapshot" "$work/one"
same_file <(losses "$work/whole") <(losses "$work/one")

check "one file a node: converted with its moments, pruned"
expect 0 "$bin/perdure-ckpt" convert "$snapshot" "$work/converted" --to perdure
[[ -f $work/converted/model.safetensors ]] || fail "not one file for all"
expect 0 "$bin/perdure-ckpt" verify "$work/converted"
expect 0 "$bin/perdure-ckpt" diff "$work/converted" "$work/one"
older=$work/whole/snapshots/step-000000001
cp -r "$snapshot" "$older"
expect 0 "$bin/perdure-ckpt" prune "$work/whole" --keep_last=1
[[ ! -e $older ]] || fail "the older one is still there"
expect 0 "$bin/perdure-ckpt" verify "$snapshot"

check "a model that is to start from safetensors is told how to make one"
mv "$snapshot/MANIFEST.pb" "$work/manifest"
cp "$snapshot/config.json" "$work/hf/config.json"
expect 3 "$bin/perdure-ckpt" convert "$snapshot" "$work/x" --from hf --to perdure
says "perdure-ckpt export"
mv "$work/manifest" "$snapshot/MANIFEST.pb"

check "memory: at most one step is lost, and nothing is left at the end"
kill_after "$work/m" 20 "${in_memory[@]}"
before=$(told "$work/m")
expect 0 ranks 2 "${train[@]}" "${in_memory[@]}" --run_dir "$work/m" --resume
at=$(resumed_at)
[[ $at -ge $((before - 1)) ]] || fail "resumed at '$at', told were $before"
says "snapshot in the nodes' own memory"
same_file <(losses "$work/m") <(losses "$work/one")
empty "$memory"

check "disks of the nodes' own: on another number of ranks, and they stay"
kill_after "$work/l" 20 "${on_disk[@]}"
before=$(told "$work/l")
expect 0 ranks 4 "${train[@]}" "${on_disk[@]}" --run_dir "$work/l" --resume \
  --set topology.dp=4
at=$(resumed_at)
[[ $at -ge $((before - 9)) && $((at % 5)) == 0 ]] ||
  fail "resumed at '$at', told were $before"
equal "$(find "$local" -name MANIFEST.pb | wc -l)" 2 "local snapshots"

check "of memory and disk the newer is taken"
kill_after "$work/b" 24 "${in_memory[@]}" "${on_disk[@]}"
expect 0 ranks 2 "${train[@]}" --run_dir "$work/b" --resume
says "resumed at step" "$memory/perdure-"
empty "$memory"

check "damage in memory: said, and the shared snapshot is taken"
kill_after "$work/d" 24 "${in_memory[@]}" --set snapshot.every_steps=10
for file in "$memory"/*/*/snapshots/*/node-00000.h5; do
  printf '\377\377\377\377' |
    dd of="$file" bs=1 seek=$(($(stat -c %s "$file") / 2)) conv=notrunc status=none
done
expect 0 ranks 2 "${train[@]}" --run_dir "$work/d" --resume \
  --set snapshot.every_steps=10
says "node-00000.h5" "is skipped"
grep -q "resumed at step [0-9]*0 from $work/d" "$out" || fail "not the shared one"
same_file <(losses "$work/d") <(losses "$work/one")

check "a new run in the place of an old one goes on from none of its parts"
kill_after "$work/n" 10 "${in_memory[@]}"
rm -r "$work/n"
kill_after "$work/n" 3 --set train.steps=1000000
expect 0 ranks 2 "${train[@]}" --run_dir "$work/n" --resume
at=$(resumed_at)
[[ ${at:-0} == 0 ]] || fail "resumed at $at"

check "no room in memory: said once, training goes on"
expect 0 ranks 2 "${train[@]}" "${in_memory[@]}" --run_dir "$work/full" \
  --set snapshot.memory_directory=/proc/self/none
says_once "memory snapshot of step 1: rank 0:"
says "training goes on without it"

echo "all checks passed"
