# What must not stand in any file, and what must stand in a config.
#   awk -f cpp.awk -f words.awk ./PATH...
# Links are printed as "link<tab>PATH<tab>LINE<tab>TARGET": awk cannot tell
# whether a file is there.

BEGIN {
  WORD = "[A-Za-z0-9_]"
  EDGE = "[^A-Za-z0-9_]"
  # In two parts each: this file is checked, too.
  PROMISE = "(^|" EDGE ")(TO" "DO|FIX" "ME|XX" "X|HA" "CK)(" EDGE "|$)"
  MACHINE_PATH = "(^|[ \t\"'`=(:,])/(work|root|home)/[^ \t]*"
  headings = split("# For:,# Hardware:,# Time:", heading, ",")
}

function report(line, text) { print path ":" line ": " text }

function check_promises(text,    word) {
  while (match(text, PROMISE)) {
    word = substr(text, RSTART, RLENGTH)
    gsub(EDGE, "", word)
    report(FNR, word ": do it, or open an issue")
    # The character after a word may be the one before the next.
    text = substr(text, RSTART + RLENGTH - 1)
  }
}

function check_paths(text,    found) {
  while (match(text, MACHINE_PATH)) {
    found = substr(text, RSTART, RLENGTH)
    report(FNR, substr(found, index(found, "/")) ": a path of one machine")
    text = substr(text, RSTART + RLENGTH)
  }
}

# A call may be cut after its name.
function check_environment(code) {
  code = getenv_before code
  if (code ~ "(^|" EDGE ")(secure_)?getenv[ \t]*\\(")
    report(FNR, "the environment is read only in launcher/ and examples/:" \
           " take a parameter")
  getenv_before = code ~ "(^|" EDGE ")(secure_)?getenv[ \t]*$" ? "getenv" : ""
}

function print_links(text,    target) {
  while (match(text, /\]\([^)# \t]+/)) {
    target = substr(text, RSTART + 2, RLENGTH - 2)
    text = substr(text, RSTART + RLENGTH)
    if (target !~ "^" WORD "+:")
      print "link\t" path "\t" FNR "\t" target
  }
}

FNR == 1 {
  path = substr(FILENAME, 3)  # without ./
  is_environment_free = path ~ /^(runtime|parallel|checkpoint)\//
  is_config = path ~ /^configs\/.*\.textproto$/
  is_page = path ~ /\.md$/
  at_top = 1
  getenv_before = ""
  cpp_begin()
}

{
  check_promises($0)
  check_paths($0)
}
is_environment_free { check_environment(strip($0)) }
is_page { print_links($0) }

!/^#/ { at_top = 0 }
is_config && at_top {
  for (h = 1; h <= headings; ++h)
    if (index($0, heading[h]) == 1) said[path, h] = 1
}

END {
  for (i = 1; i < ARGC; ++i) {
    path = substr(ARGV[i], 3)
    if (path !~ /^configs\/.*\.textproto$/) continue
    for (h = 1; h <= headings; ++h)
      if (!((path, h) in said))
        report(1, "the comment at the top lacks '" heading[h] "'")
  }
}
