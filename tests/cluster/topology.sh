#!/usr/bin/env bash
# A run goes on with fewer ranks where no spare is left, with all of them once the
# host is back, and around a link that carries no data: with the losses of a run
# that nothing happened to.
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
  --set "data.train.path=$tokens" --set snapshot.every_steps=100
  --set train.global_batch=12 --set train.method=ZEROTH_ORDER
  --set zeroth_order.directions=2 --set optim.warmup_steps=0
  --set train.steps=500 --set train.log_every=1000)
hosts=
for ((i = 0; i < 3; ++i)); do hosts+=$(lab_node "$i"):2,; done
launch=("$bin/perdure-launch" -n 6 "--listen=$lab_net.1"
  "--network=$lab_net.0/24" "--agent=$lab_agent" --lease=2 --cooldown=1)

write_text "$work/text.txt"
expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" --tokenizer char \
  --output "$tokens"
losses() { column "$1/metrics.jsonl" loss; }
steps_done() { [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge $2 ]]; }
said() { grep -qF -e "$1" "$out"; }
# background RUN ARGUMENTS...: perdure-launch, from node 0, until it has steps.
background() {
  run=$work/$1
  shift
  last="perdure-launch $*"
  on 0 "${launch[@]}" "$@" -- "${train[@]}" --run_dir "$run" >"$out" 2>&1 \
    </dev/null &
  job=$!
  wait_for 60 steps_done "$run" 40 || fail "no steps within a minute"
}
ends_as_whole() {
  local code=0
  wait "$job" || code=$?
  equal "$code" 0 "exit code"
  equal "$(losses "$run")" "$(losses "$work/whole")" "losses"
}

check "without a fault"
expect 0 on 0 "${launch[@]}" "--hosts=$hosts" -- "${train[@]}" \
  --run_dir "$work/whole"

check "no spare: four ranks go on, six again once the host is back"
background less "--hosts=$hosts" --min=2 --take_back=always
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
equal "$(grep -c '"incident"' "$run/launch/events.jsonl")" 1 "incidents"
expect 0 "$bin/perdure-launch" history "$run"
says "on 4 ranks" "on 6 ranks" "after the ranks were asked to move"

check "no data between two nodes: the link is named, the spare takes over"
background parted "--hosts=$hosts$(lab_node 3):2"
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
