#!/usr/bin/env bash
# Random faults in a row, of ranks and of nodes, under one launch. The run must
# end by itself with the losses and the parameters of a run that was left alone,
# and every incident must be called what it was.
#
#   FAULTS=90 EVERY=1000 SEED=7 soak.sh BIN_DIR DATA_DIR MPIRUN...
#
# FAULTS faults, one every EVERY steps. Prints the seed and, at the end, a table of
# what was done against what was said.
set -Eeuo pipefail
source "$(dirname "$0")/../launcher/cli/common.sh"
source "$(dirname "$0")/lab.sh"
source "$(dirname "$0")/small_run.sh"
faults=${FAULTS:-5} every=${EVERY:-150} seed=${SEED:-$RANDOM}
nodes=5 ranks=6
need_lab $nodes
prepare_text

train+=("${zeroth_order[@]}" --set zeroth_order.directions=1
  --set "snapshot.every_steps=$((every / 3))" --set snapshot.keep_last=3
  --set "eval.every_steps=$((every / 2))"
  --set "train.steps=$(((faults + 1) * every))")
# A busy machine makes a rank slow now and then, which ends nothing: such ranks are
# neither swapped, which would start a generation that the plan does not know of,
# nor counted.
launch+=(-n "$ranks" "--hosts=$(slots 0 1 2 3 4)" --cooldown=0.5
  --max_restarts=1000 --swap_stragglers=never)

echo "seed $seed, $faults faults, one every $every steps"
RANDOM=$seed
# In the ranks, by PERDURE_FAULT; on a node, from here. What each is called.
declare -A called=([kill]=crash [segv]=crash [abort]=crash [exit0]=crash
  [hang]=hang [spin]=hang [stop]="rank silent"
  [cut_off]="node silent" [freeze]="node silent" [crash]="node silent")
kinds=(kill segv abort exit0 hang spin stop cut_off freeze crash)
plan=() inside=
for ((g = 1; g <= faults; ++g)); do
  kind=${kinds[RANDOM % ${#kinds[@]}]}
  step=$((g * every + RANDOM % (every / 2)))
  plan+=("$kind $step")
  case $kind in
    cut_off | freeze | crash) ;;
    *) inside+=${inside:+,}$kind@$((RANDOM % ranks)):$step:$g ;;
  esac
done

run=$work/soak
has_incidents() { [[ $(failures "$run" | wc -l) -ge $1 ]]; }
goes_on() { [[ $(grep -c '"recovered"' "$run/launch/events.jsonl") -ge $1 ]]; }

# The nodes other than perdure-launch's that run ranks now.
victims() {
  local i pid
  for ((i = 1; i < nodes; ++i)); do
    for pid in $(ip netns pids "$(lab_node "$i")"); do
      if [[ $(cat "/proc/$pid/comm" 2>/dev/null) == pretrain ]]; then
        echo "$i"
        break
      fi
    done
  done
}

# What a restart could leave behind: files in memory, session directories, open
# files and memory of perdure-launch.
left_behind() {
  find /dev/shm "${TMPDIR:-/tmp}" -maxdepth 2 \
    \( -path "*/vader_segment.${lab}n*" -o -path "*/ompi.${lab}n*/*" \)
}
launcher_pid() { pgrep -f "^$bin/perdure-launch .*$run\$" | head -n 1; }
open_files() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
resident_kb() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"; }

# The run that nothing happens to is made meanwhile.
whole=("$bin/pretrain" "${train[@]:1}" --run_dir "$work/whole")
"${whole[@]}" >"$work/whole.out" 2>&1 </dev/null &
whole_job=$!

check "faults"
PERDURE_FAULT=$inside background 0 "$run" 1 "${launch[@]}" -- "${train[@]}" \
  --run_dir "$run"
for ((g = 1; g <= faults; ++g)); do
  read -r kind step <<<"${plan[g - 1]}"
  node=
  wait_for 120 steps_done "$run" "$step" || fail "fault $g: step $step is not reached"
  case $kind in
    cut_off | freeze | crash)
      mapfile -t running < <(victims)
      node=${running[RANDOM % ${#running[@]}]}
      "$kind" "$node"
      ;;
  esac
  wait_for 60 has_incidents "$g" || fail "fault $g, $kind: not noticed"
  wait_for 120 goes_on "$g" || {
    cp "$run/launch/events.jsonl" "$out"
    fail "fault $g, $kind: training does not go on"
  }
  if ((g == 1)); then
    pid=$(launcher_pid)
    files=$(open_files "$pid") memory=$(resident_kb "$pid")
  elif ((g == faults)); then
    same_files() { [[ $(open_files "$pid") -le $files ]]; }
    wait_for 10 same_files || fail "$(open_files "$pid") open files, not $files"
    echo "perdure-launch: $files open files, $memory kB resident," \
      "after $faults restarts $(resident_kb "$pid") kB"
  fi
  if [[ -n $node ]]; then
    heal "$node"
    thaw "$node"
  fi
done
ends 0
equal "$(left_behind)" "" "files left in memory and session directories"
no_ranks() { ! pgrep -f "^$bin/pretrain .*$run" >/dev/null; }
wait_for 10 no_ranks || fail "ranks left over"

check "what was said of them"
mapfile -t names < <(failures "$run")
equal "${#names[@]}" "$faults" "incidents"
declare -A table=()
wrong=0
for ((g = 1; g <= faults; ++g)); do
  kind=${plan[g - 1]% *}
  table["$kind as ${names[g - 1]}"]=$((${table["$kind as ${names[g - 1]}"]:-0} + 1))
  [[ ${names[g - 1]} == "${called[$kind]}" ]] || wrong=$((wrong + 1))
done
for entry in "${!table[@]}"; do echo "$entry: ${table[$entry]}"; done | sort
grep -h "training goes on" "$out" | sed 's/.*, \([0-9.]*\) s after.*/\1/' | sort -n |
  awk '{t[NR] = $1} END {print "fault to first new step: median " \
    t[int((NR + 1) / 2)] " s, longest " t[NR] " s"}'
equal "$wrong" 0 "incidents called wrongly"

check "as if nothing had happened"
last="${whole[*]}" out=$work/whole.out job=$whole_job
ends 0
equal "$(losses "$run" | md5sum)" "$(losses "$work/whole" | md5sum)" "losses"
final() { ls -d "$1"/snapshots/step-* | tail -1; }
expect 0 "$bin/perdure-ckpt" diff "$(final "$run")" "$(final "$work/whole")"
says "equal"
