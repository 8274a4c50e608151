#!/usr/bin/env bash
# Nodes are lost in every way in the middle of a run: the spare takes over, and
# the losses are those of a run that nothing happened to.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
if ! lab_possible; then
  echo "NOT RUN: network namespaces need root and iproute2" >&2
  exit 77
fi
clean_up_more() { lab_down; }
lab_up 4

tokens=$work/text/text.tokens
train=("$bin/pretrain" --config "$(dirname "$0")/../launcher/cli/config.textproto"
  --set "data.train.path=$tokens" --set snapshot.every_steps=5
  --set train.method=ZEROTH_ORDER --set zeroth_order.directions=2
  --set optim.warmup_steps=0 --set train.steps=400 --set train.log_every=100)
hosts=
for ((i = 0; i < 4; ++i)); do hosts+=$(lab_node "$i"):2,; done
launch=("$bin/perdure-launch" -n 6 "--hosts=$hosts" "--listen=$lab_net.1"
  "--network=$lab_net.0/24" "--agent=$lab_agent" --lease=2)

write_text "$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"
losses() { column "$1/metrics.jsonl" loss; }
steps_done() { [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge $2 ]]; }
ranks_on() {
  local pid
  for pid in $(ip netns pids "$(lab_node "$1")"); do
    [[ $(cat "/proc/$pid/comm" 2>/dev/null) == pretrain ]] && echo "$pid"
  done
  true
}

no_ranks_on() { [[ -z $(ranks_on "$1") ]]; }

check "without a fault"
expect 0 on 0 "${launch[@]}" -- "${train[@]}" --run_dir "$work/whole"

# survives FAULT TEXT: node 2 is struck after 40 steps.
survives() {
  local fault=$1 run=$work/$1 code=0
  check "$fault"
  last="perdure-launch, then $fault 2"
  on 0 "${launch[@]}" -- "${train[@]}" --run_dir "$run" >"$out" 2>&1 </dev/null &
  local job=$!
  wait_for 60 steps_done "$run" 40 || fail "no steps within a minute"
  "$fault" 2
  wait "$job" || code=$?
  equal "$code" 0 "exit code"
  says "$2" "$(lab_node 2)" "training goes on"
  equal "$(losses "$run")" "$(losses "$work/whole")" "losses"
  grep -h "after the fault" "$out"
  # Frozen ranks end once they thaw.
  if [[ $fault != freeze ]]; then
    wait_for 20 no_ranks_on 2 || fail "ranks left on the lost node: $(ranks_on 2)"
  fi
  heal 2
  thaw 2
  wait_for 20 no_ranks_on 2 || fail "ranks left on the node that came back"
  crash 2
}
survives cut "node silent"
survives freeze "node silent"
survives crash "incident 1"

check "a host that computes wrongly is never used again"
run=$work/flipped
expect 0 on 0 env PERDURE_FAULT=bitflip@2:40:1 "${launch[@]}" -- "${train[@]}" \
  --set resilience.check_every_steps=20 --run_dir "$run"
says "bad arithmetic" "rank 2 on $(lab_node 1)" "$(lab_node 1):2 out for good"
equal "$(losses "$run")" "$(losses "$work/whole")" "losses"

check "no spare: waits for hosts, then exit code 94"
run=$work/alone
on 0 "${launch[@]}" --hosts="$(lab_node 0):2,$(lab_node 1):2,$(lab_node 2):2" \
  --wait=1 -- "${train[@]}" --run_dir "$run" >"$out" 2>&1 </dev/null &
job=$!
wait_for 60 steps_done "$run" 40 || fail "no steps within a minute"
cut 2
code=0
wait "$job" || code=$?
heal 2
equal "$code" 94 "exit code"
says "waits for hosts" "too few hosts for 6 ranks" "$(lab_node 2):2 out for"
