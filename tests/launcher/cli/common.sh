# What the scripts of this folder share; sourced, not run. Their arguments are
#   BIN_DIR DATA_DIR MPIRUN...
# Every check prints what it is about; the first that fails ends the script with
# the command, its exit code and its output.

bin=$1 data=$2
shift 2
mpirun=("$@")

work=$(mktemp -d "${TMPDIR:-/tmp}/perdure-cli-XXXXXX")
out=$work/out.txt
last=

# The processes that have something below $work on their command line.
own_processes() {
  local file pid
  for file in /proc/[0-9]*/cmdline; do
    pid=${file//[!0-9]/}
    if [[ $pid != "$$" && $pid != "$BASHPID" ]] &&
      [[ $(tr '\0' ' ' 2>/dev/null <"$file") == *"$work/"* ]] &&
      [[ -r $file && $(process_state "$pid") != Z ]]; then
      echo "$pid"
    fi
  done 2>/dev/null
}

# R, S, T, Z, ...; nothing when it is gone.
process_state() {
  local stat
  stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 0
  stat=${stat##*) }
  echo "${stat%% *}"
}

clean_up() {
  local code=$? pid
  for pid in $(own_processes); do kill -KILL "$pid" 2>/dev/null || true; done
  if declare -F clean_up_more >/dev/null; then clean_up_more; fi
  rm -rf "$work"
  exit "$code"
}
trap clean_up EXIT
# Not on standard output: there it would be part of a $(...) that fails.
trap 'echo "FAILED at line $LINENO: $BASH_COMMAND" >&2' ERR

check() { echo "== $*"; }

fail() {
  echo "FAILED: $*"
  echo "   command: $last"
  echo "   its output:"
  tail -n 40 "$out" 2>/dev/null | sed "s/^/   | /" || true
  exit 1
}

# expect CODE COMMAND...: runs it with all output in $out (standard output alone
# in $out.1); its exit code must be CODE.
expect() {
  local want=$1 code=0
  shift
  last=$*
  "$@" >"$out.1" 2>"$out.2" </dev/null || code=$?
  cat "$out.1" "$out.2" >"$out"
  if [[ $code != "$want" ]]; then fail "exit code $code, not $want"; fi
}

# ranks N PROGRAM ARGUMENTS...: the command for `expect`.
ranks() {
  local n=$1
  shift
  "${mpirun[@]}" -n "$n" "$@"
}

# says TEXT...: each is somewhere in the output.
says() {
  local text
  for text in "$@"; do
    grep -qF -e "$text" "$out" || fail "the output does not say: $text"
  done
}

# One message of ours, however many ranks there are.
says_once() {
  says "$@"
  local n
  n=$(grep -cF -e "$1" "$out")
  [[ $n == 1 ]] || fail "said $n times, not once: $1"
}

equal() { [[ $1 == "$2" ]] || fail "${3:-not equal}: $1, not $2"; }
same_file() { cmp "$1" "$2" >>"$out" 2>&1 || fail "$1 and $2 differ"; }

# wait_for SECONDS COMMAND...: until it succeeds.
wait_for() {
  local tries=$(($1 * 10))
  shift
  while ! "$@"; do
    ((tries-- > 0)) || return 1
    sleep 0.1
  done
}

# column FILE KEY: that field of every object of a metrics.jsonl that has it.
column() { sed -n "s/.*\"$2\":\([^,}]*\).*/\1/p" "$1"; }

# A small text with a few dozen different characters.
write_text() {
  local i
  for ((i = 0; i < 400; ++i)); do
    echo "Line $i: the quick brown fox jumps over $((i * 7919 % 1000)) lazy dogs."
  done >"$1"
}

# The small run that most scripts train. A later --set goes before an earlier one.
tokens=$work/text/text.tokens
train=("$bin/pretrain"
  --config "$(dirname "${BASH_SOURCE[0]}")/config.textproto"
  --set "data.train.path=$tokens")

prepare_text() {
  write_text "$work/text.txt"
  expect 0 "$bin/perdure-data" prepare --input "$work/text.txt" \
    --tokenizer char --output "$tokens"
}

# What a run directory has told: every loss, in full precision; at least N steps.
losses() { column "$1/metrics.jsonl" loss; }
steps_done() { [[ $(wc -l 2>/dev/null <"$1/metrics.jsonl") -ge $2 ]]; }

nothing_left() { [[ -z $(own_processes) ]]; }

# ends CODE: waits for $job.
ends() {
  local code=0
  wait "$job" || code=$?
  equal "$code" "$1" "exit code"
}
