#!/usr/bin/env bash
# A run goes on with fewer ranks where no spare is left, with all of them once the
# host is back, and around a link that carries no data: with the losses of a run
# that nothing happened to.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
need_lab 4
prepare_text

train+=("${zeroth_order[@]}" --set snapshot.every_steps=100
  --set train.global_batch=12 --set train.steps=500)
hosts=$(slots 0 1 2)
launch+=(-n 6 --cooldown=1)
# started RUN ARGUMENTS...: perdure-launch, from node 0, until it has steps.
started() {
  run=$work/$1
  shift
  background 0 "$run" 40 "${launch[@]}" "$@" -- "${train[@]}" --run_dir "$run"
}
ends_as_whole() {
  ends 0
  equal "$(losses "$run")" "$(losses "$work/whole")" "losses"
}

check "without a fault"
expect 0 on 0 "${launch[@]}" "--hosts=$hosts" -- "${train[@]}" \
  --run_dir "$work/whole"

check "no spare: four ranks go on, six again once the host is back"
# Slow while there are four, so that they do not end before the host is back.
PERDURE_FAULT=slow50@0:150:2 \
  started less "--hosts=$hosts" --min=2 --take_back=always
cut_off 2
wait_for 30 said "goes on with 4 of 6 ranks" || fail "not with fewer"
wait_for 30 said "training goes on" || fail "no step with fewer"
[[ $(on 0 "$bin/perdure-launch" status "$run") == *"4 of 6 ranks"* ]] ||
  fail "status does not say it"
heal 2
crash 2  # its old ranks
ends_as_whole
says "goes on with 4 of 6 ranks on $(lab_node 0):2, $(lab_node 1):2 as pp 1 x" \
  "layouts are possible with tp 1" "asks the ranks to save and end" \
  "goes on with 6 of 6 ranks"
equal "$(failures "$run")" "node silent" "failures"
expect 0 "$bin/perdure-launch" history "$run"
says "on 4 ranks" "on 6 ranks" "after the ranks were asked to move"

check "no data between two nodes: the link is named, the spare takes over"
started parted "--hosts=$(slots 0 1 2 3)"
part 1 2
ends_as_whole
says "all ranks wait" "no data gets through between $(lab_node 1) - $(lab_node 2)" \
  "of 3 links tried" "$(lab_node 2):2 out for" "training goes on"
rejoin 1 2
expect 0 "$bin/perdure-launch" history "$run"
grep -h "after the fault" "$out"

check "what could be chosen is shown beforehand"
expect 0 "${launch[@]}" plan "--hosts=$hosts" --min=4 -- "${train[@]}" \
  --run_dir "$run"
says "6 ranks, at most 2 on a node" "> pp 1 x dp" "4 ranks, at most 2" \
  "speeds as the run's ranks have measured them"
echo "all checks passed"
