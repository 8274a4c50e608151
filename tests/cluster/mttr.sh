#!/usr/bin/env bash
# How long a run stands still after each kind of fault: from the fault to the first
# new step, split into its parts, as medians; beside how long plain mpirun takes to
# end in the same cluster. Six ranks on three nodes and a spare.
#
#   REPEATS=10 BOUND=120 KINDS="kill node" mttr.sh BIN_DIR DATA_DIR MPIRUN...
#
# BOUND: seconds that plain mpirun is waited for; 0: it is left out. KINDS: of the
# faults, all. Prints the table of docs/benchmarks/recovery.md.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
repeats=${REPEATS:-10} bound=${BOUND:-120}
need_lab 4
prepare_text

train+=("${zeroth_order[@]}" --set train.global_batch=12
  --set snapshot.every_steps=50 --set train.steps=100000000
  --set train.log_every=100000)
launch+=(-n 6 "--hosts=$(slots 0 1 2 3)")
# What people start without perdure-launch: Open MPI's own values.
plain=("${mpirun[0]}" --allow-run-as-root --bind-to none
  -H "$(slots 0 1 2)" -n 6
  --mca plm rsh --mca plm_rsh_agent "$lab_agent" --mca mpi_yield_when_idle 1
  --mca oob_tcp_if_include "$lab_net.0/24" --mca btl_tcp_if_include "$lab_net.0/24")

recovered() { grep -qs '"event":"recovered"' "$1/launch/events.jsonl"; }

# In a rank, by PERDURE_FAULT, or on a node.
read -ra kinds <<<"${KINDS:-kill node hang cut freeze part}"
declare -A title=([kill]="a rank is killed" [node]="a node is killed"
  [hang]="a rank hangs" [cut]="a link is lost silently"
  [freeze]="a node is frozen" [part]="two nodes are parted")
inside() {
  case $1 in
    kill | hang) echo "$1@4:60:1" ;;
  esac
}
strike() {
  case $1 in
    node) crash 2 ;;
    cut) cut_off 2 ;;
    freeze) freeze 2 ;;
    part) part 1 2 ;;
  esac
}
undo() {
  case $1 in
    cut) heal 2 ;;
    freeze) thaw 2 ;;
    part) rejoin 1 2 ;;
  esac
}

# begin KIND RUN COMMAND...: in the background on node 0, until it is struck.
begin() {
  local kind=$1 run=$2
  shift 2
  PERDURE_FAULT=$(inside "$kind") background 0 "$run" 59 "$@" --run_dir "$run"
  strike "$kind"
  struck=$(date +%s%N)
}

# The fields of a recovery, one a file: $work/KIND.FIELD.
fields=(seconds detect_seconds kill_seconds probe_seconds start_seconds
  load_seconds step_seconds)
measure() {
  local kind=$1 run=$work/$1-$2 field
  begin "$kind" "$run" "${launch[@]}" -- "${train[@]}"
  wait_for 60 recovered "$run" || fail "not recovered within a minute"
  grep '"event":"recovered"' "$run/launch/events.jsonl" >"$work/recovered.jsonl"
  for field in "${fields[@]}"; do
    column "$work/recovered.jsonl" "$field" >>"$work/$kind.$field"
  done
  undo "$kind"
  last="perdure-launch stop, after $kind"
  on 0 "$bin/perdure-launch" stop "$run" >>"$out" 2>&1
  wait "$job" || true
  grep -qF '"exit_code":143' "$run/launch/events.jsonl" || fail "not stopped"
  for ((i = 0; i < lab_nodes; ++i)); do crash "$i"; done
}

plain_seconds() {
  echo "not run" >"$work/$1.plain"
  [[ $bound -gt 0 ]] || return 0
  local kind=$1 run=$work/plain-$1 waited
  begin "$kind" "$run" "${plain[@]}" "${train[@]}"
  while kill -0 "$job" 2>/dev/null; do
    waited=$((($(date +%s%N) - struck) / 1000000000))
    [[ $waited -lt $bound ]] || break
    sleep 0.05
  done
  if kill -0 "$job" 2>/dev/null; then
    echo "> $bound" >"$work/$kind.plain"
  else
    awk -v ns=$(($(date +%s%N) - struck)) 'BEGIN { printf "%.1f\n", ns / 1e9 }' \
      >"$work/$kind.plain"
  fi
  undo "$kind"
  for ((i = 0; i < lab_nodes; ++i)); do crash "$i"; done
  wait "$job" 2>/dev/null || true
}

median() {
  sort -g "$1" | awk '{ v[NR] = $1 }
    END { printf "%.2f", NR % 2 ? v[(NR + 1) / 2] : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}

for kind in "${kinds[@]}"; do
  check "${title[$kind]}"
  for ((r = 1; r <= repeats; ++r)); do measure "$kind" "$r"; done
  plain_seconds "$kind"
done

echo
echo "Seconds, medians of $repeats; plain mpirun: until it ends, once."
echo
echo "| fault | to the first new step | worst | seen | ended | probed | MPI up | loaded | step | plain mpirun |"
echo "|---|---|---|---|---|---|---|---|---|---|"
for kind in "${kinds[@]}"; do
  row="| ${title[$kind]} | **$(median "$work/$kind.seconds")**"
  row+=" | $(sort -g "$work/$kind.seconds" | tail -n 1 | awk '{ printf "%.2f", $1 }')"
  for field in "${fields[@]:1}"; do row+=" | $(median "$work/$kind.$field")"; done
  echo "$row | $(cat "$work/$kind.plain") |"
done
