# A small run in the lab. Sourced after ../launcher/cli/common.sh, whose run it is,
# and lab.sh.
#
#   need_lab N         the lab with N nodes; exit code 77 where there can be none
#   ${zeroth_order[@]} arguments for such a run
#   slots I...         these nodes with two slots each, for --hosts
#   ${launch[@]}       after need_lab: perdure-launch with what the lab needs
#   background I RUN STEPS COMMAND...  on node I, until the run directory RUN tells
#                      of so many steps; its process is $job, its output in $out
#   said TEXT          whether it is in $out
#   failures RUN       what perdure-launch called each incident, a line each, but
#                      for slow ranks, which end nothing

train+=(--set train.log_every=1000)
zeroth_order=(--set train.method=ZEROTH_ORDER --set zeroth_order.directions=2
  --set optim.warmup_steps=0)

need_lab() {
  if ! lab_possible; then
    echo "NOT RUN: network namespaces need root and iproute2" >&2
    exit 77
  fi
  clean_up_more() { lab_down; }
  lab_up "$1"
  launch=("$bin/perdure-launch" "--listen=$lab_net.1" "--network=$lab_net.0/24"
    "--agent=$lab_agent" --lease=2)
}

slots() {
  local node list=
  for node in "$@"; do list+=$(lab_node "$node"):2,; done
  echo "${list%,}"
}

said() { grep -qF -e "$1" "$out"; }

failures() {
  sed -n '/"event":"incident"/s/.*"fault":"\([^"]*\)".*/\1/p' \
    "$1/launch/events.jsonl" 2>/dev/null | grep -vx straggler || true
}

background() {
  local node=$1 run=$2 steps=$3
  shift 3
  last=$*
  on "$node" "$@" >"$out" 2>&1 </dev/null &
  job=$!
  wait_for 60 steps_done "$run" "$steps" || fail "step $steps did not come"
}
