#!/usr/bin/env bash
# What the pages say is in the code: error texts, flags, files.
# shellcheck disable=SC2016  # backquotes are Markdown's
# shellcheck source=tests/house/scratch.sh
source "$(dirname "${BASH_SOURCE[0]}")/scratch.sh"

pages() { find "$project" -name '*.md' -not -path '*/build/*' -print0; }

# The literals of the product as one text, those that are cut over lines whole.
literals() {
  find "$project"/{runtime,parallel,checkpoint,launcher,examples} -name '*.cc' \
    -exec cat {} + | tr '\n' ' ' | sed 's/"  *"//g'
}

# fragments TEXT: what is literal in the text of an error, a piece a line.
# Numbers, capitals, fields and what is quoted stand for values.
fragments() {
  local values="\\.\\.\\.|'[a-z]'|[0-9]+m?( ranks)?|\\b[A-Z]+\\b"
  values+='|(topology|model|data)\.[a-z_]+'
  sed -E "s/$values/\n/g" <<<"$1" |
    sed 's/^[ ;:,]*//; s/[ ;:,]*$//' | grep -E '.{6}'
}

test_error_texts_of_troubleshooting_are_those_of_the_code() {
  local text piece texts=0 product
  product=$(literals)
  while read -r text; do
    texts=$((texts + 1))
    fragments "$text" >pieces || fail "all of it are values: $text"
    while IFS= read -r piece; do
      [[ $product == *"$piece"* ]] || fail "no error says '$piece': $text"
    done <pieces
  done < <(sed -n '/^## Configuration/,$p' "$project/docs/troubleshooting.md" |
    grep -o '\*\*`[^`]*`' | tr -d '*`')
  [[ $texts -gt 10 ]] || fail "only $texts texts were found"
}

test_flags_that_pages_show_exist() {
  local flag flags=0
  while read -r flag; do
    flags=$((flags + 1))
    grep -rqE "DEFINE_[a-z0-9]+\($flag,|\"--?$flag|--$flag\)" \
      "$project"/examples "$project"/checkpoint "$project"/scripts/lint ||
      fail "no flag --$flag"
  done < <(grep -hoE '(pretrain|generate|evaluate|perdure-[a-z]+) [^|`]*' \
    "$project"/{README,configs/README,docs/troubleshooting,docs/config}.md |
    grep -oE -e '--[a-z_]+' | sed 's/^--//' | sort -u)
  [[ $flags -gt 5 ]] || fail "only $flags flags were found"
}

test_files_that_pages_name_exist() {
  local page path paths=0
  local folders='runtime|parallel|checkpoint|launcher|examples|tests|benchmarks'
  folders+='|scripts|docs|configs|cmake'
  while IFS= read -r -d '' page; do
    while read -r path; do
      paths=$((paths + 1))
      [[ $path == */x.* ]] || compgen -G "$project/$path" >/dev/null ||
        fail "$page names $path"
      done < <(grep -oE '`[^`]+`' "$page" | tr -d '`' |
      grep -oE "^($folders)/[A-Za-z0-9_./*-]+" || true)
  done < <(pages)
  [[ $paths -gt 20 ]] || fail "only $paths paths were found"
}

test_configs_that_programs_and_pages_name_exist() {
  local config configs=0
  while read -r config; do
    configs=$((configs + 1))
    [[ -e $project/$config ]] || fail "there is no $config"
  done < <(find "$project"/{examples,launcher,docs,scripts,benchmarks,README.md} \
    -type f -exec grep -hoE '\bconfigs/[a-z0-9_]+\.textproto' {} + | sort -u)
  [[ $configs -gt 3 ]] || fail "only $configs configs were found"
}

run_tests "$@"
