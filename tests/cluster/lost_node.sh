#!/usr/bin/env bash
# Nodes are lost in every way in the middle of a run: the spare takes over, and
# the losses are those of a run that nothing happened to.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
need_lab 4
prepare_text

train+=("${zeroth_order[@]}" --set snapshot.every_steps=5 --set train.steps=400)
launch+=(-n 6 "--hosts=$(slots 0 1 2 3)")
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
  local fault=$1 run=$work/$1
  check "$fault"
  background 0 "$run" 40 "${launch[@]}" -- "${train[@]}" --run_dir "$run"
  "$fault" 2
  ends 0
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
survives cut_off "node silent"
survives freeze "node silent"
survives crash "incident 1"

check "a host that computes wrongly is never used again, known by its address"
run=$work/flipped
addresses=$lab_net.1:2,$lab_net.2:2,$lab_net.3:2,$lab_net.4:2
expect 0 on 0 env PERDURE_FAULT=bitflip@2:40:1 "${launch[@]}" \
  "--hosts=$addresses" -- "${train[@]}" \
  --set resilience.check_every_steps=20 --run_dir "$run"
says "bad arithmetic" "rank 2 on $(lab_node 1)" "$lab_net.2:2 out for good"
equal "$(losses "$run")" "$(losses "$work/whole")" "losses"

check "no spare: a host whose time is over is tried before it is used again"
run=$work/again
background 0 "$run" 40 "${launch[@]}" "--hosts=$(slots 0 1 2)" --cooldown=0.3 \
  -- "${train[@]}" --run_dir "$run"
cut_off 2
wait_for 30 said "not reached: $(lab_node 2)" || fail "it is not tried"
heal 2
crash 2  # its old ranks
ends 0
equal "$(failures "$run")" "node silent" "failures"
equal "$(losses "$run")" "$(losses "$work/whole")" "losses"

check "no spare: waits for hosts, then exit code 94"
run=$work/alone
background 0 "$run" 40 "${launch[@]}" "--hosts=$(slots 0 1 2)" --wait=1 -- \
  "${train[@]}" --run_dir "$run"
cut_off 2
ends 94
heal 2
says "waits for hosts" "too few hosts for 6 ranks" "$(lab_node 2):2 out for"
