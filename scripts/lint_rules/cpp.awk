# Enough of C++ to count: comments and literals emptied line by line, functions
# found. A library: sizes.awk and words.awk are run together with it.
#
# POSIX awk (mawk, gawk): no \b, \w, {n} in the regular expressions.

function cpp_begin() {
  mode = ""  # "", comment, string, raw: what the last line left open
  raw_end = ""
  directive = 0
  scopes = head_lines = parentheses = in_function = 0
  head = ""
  rows[0] = 0  # rows[n]: lines with code among the first n
  found = 0    # functions; of each its name, line, lines, parameters:
}

# What the open comment or literal leaves of `line`. skip_open() has reached its
# end if mode is "" afterwards.
function skip_open(line,    at) {
  if (mode == "string") {
    if (match(line, /^([^"\\]|\\.)*"/)) {
      mode = ""
      return substr(line, RLENGTH + 1)
    }
    if (line !~ /\\$/) mode = ""
    return ""
  }
  at = index(line, mode == "comment" ? "*/" : raw_end)
  if (!at) return ""
  line = substr(line, at + (mode == "comment" ? 2 : length(raw_end)))
  mode = ""
  return line
}

# `line` without its comments, its literals empty. To be called for every line
# of a file, in order.
function strip(line,    out) {
  out = ""
  if (mode != "") {
    line = skip_open(line)
    if (mode != "") return ""
  }
  while (match(line, /["'\/]/)) {
    out = out substr(line, 1, RSTART - 1)
    line = substr(line, RSTART)
    if (line ~ /^\/\//) return out
    if (line ~ /^\/\*/) {
      mode = "comment"
      out = out " "
      line = skip_open(substr(line, 3))
    } else if (out ~ /R$/ && match(line, /^"[^()\\ \t"]*\(/)) {
      mode = "raw"
      raw_end = ")" substr(line, 2, RLENGTH - 2) "\""
      out = substr(out, 1, length(out) - 1) "\"\""
      line = skip_open(substr(line, RLENGTH + 1))
    } else if (match(line, /^"([^"\\]|\\.)*"/) ||
               # A character, but not the ' of 1'000.
               (out !~ /[0-9a-fA-F]$/ && match(line, /^'([^'\\]|\\.)+'/))) {
      out = out "\"\""
      line = substr(line, RLENGTH + 1)
    } else if (line ~ /^"([^"\\]|\\.)*\\$/) {
      mode = "string"
      return out "\"\""
    } else {
      out = out substr(line, 1, 1)
      line = substr(line, 2)
    }
  }
  return out line
}

# `text` without its first match at RSTART, RLENGTH.
function without_match(text) {
  return substr(text, 1, RSTART - 1) substr(text, RSTART + RLENGTH)
}

# The text before a function's '{' without attributes, template heads and the
# template arguments of its names.
function signature(text,    angles, opening, before) {
  angles = "<([^<>;]|<([^<>;]|<[^<>;]*>)*>)*>"
  while (match(text, /(alignas|__attribute__)[ \t\n]*\([^()]*(\([^()]*\))*\)/))
    text = without_match(text)
  while (match(text, "template[ \t\n]*" angles)) text = without_match(text)
  gsub(/operator\(\)/, "operator_call", text)
  sub(/^[ \t\n]+/, "", text)
  opening = index(text, "(")
  before = substr(text, 1, opening - 1)
  if (opening && before !~ /operator/ && before ~ /</) gsub(angles, "", text)
  return text
}

# Whether a '{' after `text` opens a function; in_function counts those around.
function is_function(text,    before) {
  if (in_function) return 0  # a block or a lambda of a function
  text = signature(text)
  if (text !~ /\(/ || text ~ /(^|[^A-Za-z0-9_])namespace([^A-Za-z0-9_]|$)/)
    return 0
  before = substr(text, 1, index(text, "(") - 1)
  if (before !~ /operator/ && before ~ /[^=!<>]=[^=]|=$/)
    return 0  # an initializer
  return !(before ~ /(^|[^A-Za-z0-9_])(class|struct|union|enum)([^A-Za-z0-9_]|$)/ &&
           before !~ /[A-Za-z0-9_][ \t\n]*$/)
}

# Whether a '{' after `text` is that of `: member_{...}`.
function is_member_initializer(text) {
  return text ~ /\)[^;{}]*[^:]:[ \t\n]*[^:]/ &&
         text ~ /[A-Za-z0-9_>][ \t\n]*$/ &&
         text !~ /(^|[^A-Za-z0-9_])(const|final|mutable|noexcept|override|try)[ \t\n]*$/
}

function function_name(text) {
  text = substr(text, 1, index(text, "(") - 1)
  if (!match(text, /[A-Za-z0-9_~:<>+*\/=!\[\]&|^%-]+[ \t\n]*$/)) return "?"
  text = substr(text, RSTART)
  sub(/[ \t\n]+$/, "", text)
  return text
}

function count_parameters(text,    at, c, depth, commas, empty) {
  depth = commas = 0
  empty = 1
  for (at = index(text, "(") + 1; at <= length(text); ++at) {
    c = substr(text, at, 1)
    if (c == ")" && depth == 0) break
    if (c ~ /[(\[{<]/) ++depth
    if (c ~ /[)\]}>]/) --depth
    if (c == "," && depth == 0) ++commas
    if (c !~ /[ \t\n]/) empty = 0
  }
  return empty ? 0 : commas + 1
}

function open_scope(line,    kind, start, lines) {
  kind = "other"
  if (parentheses == 0 && is_function(head))
    kind = is_member_initializer(head) ? "initializer" : "function"
  start = head
  sub(/^[ \t\n]+/, "", start)
  ++scopes
  kinds[scopes] = kind
  heads[scopes] = head
  firsts[scopes] = line - gsub(/\n/, "\n", start)
  if (kind == "function") ++in_function
}

function close_scope(line,    kind, text) {
  kind = kinds[scopes]
  if (kind == "function") {
    --in_function
    ++found
    text = signature(heads[scopes])
    name_of[found] = function_name(text)
    line_of[found] = firsts[scopes]
    lines_of[found] = rows[line] - rows[firsts[scopes] - 1]
    parameters_of[found] = count_parameters(text)
  }
  --scopes
  return kind
}

# Looks for functions in line number `line`, whose stripped text is `code`.
function find_functions(code, line,    c, kind) {
  if (directive || code ~ /^[ \t]*#/) {
    directive = code ~ /\\$/
    code = ""
  }
  rows[line] = rows[line - 1] + (code ~ /[^ \t]/)
  while (match(code, /[(){};]/)) {
    c = substr(code, RSTART, 1)
    head = head substr(code, 1, RSTART - 1)
    code = substr(code, RSTART + 1)
    if (c == "(") ++parentheses
    if (c == ")") --parentheses
    kind = "initializer"  # the head goes on
    if (c == "{") {
      open_scope(line)
      kind = kinds[scopes]
    } else if (c == "}" && scopes > 0) {
      kind = close_scope(line)
    } else if (c == ";" && parentheses == 0) {
      kind = "other"
    }
    head = kind == "initializer" ? head c : ""
  }
  head = head code "\n"
}
