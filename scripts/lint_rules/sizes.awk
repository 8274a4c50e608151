# Files, functions and parameter lists stay small.
#   awk -f cpp.awk -f sizes.awk ./PATH...

BEGIN {
  FILE_LINES = 400
  FUNCTION_LINES = 60
  PARAMETERS = 6
  limits["README.md"] = 150
  limits["CMakeLists.txt"] = 40
  ROOT_LISTS = 100
}

function report(line, text) { print path ":" line ": " text }

# The limits of the file that has just been read; nothing before the first.
function finish(    base, limit, i) {
  if (path == "") return
  base = path
  sub(/.*\//, "", base)
  limit = path == "CMakeLists.txt" ? ROOT_LISTS : limits[base]
  if (limit && length_of_file > limit)
    report(0, length_of_file " lines, the limit is " limit)
  if (code_lines > FILE_LINES)
    report(0, code_lines " code lines, the limit is " FILE_LINES \
           ": split it by responsibility")
  for (i = 1; i <= found; ++i) {
    if (lines_of[i] > FUNCTION_LINES)
      report(line_of[i], name_of[i] " has " lines_of[i] \
             " lines, the limit is " FUNCTION_LINES)
    if (parameters_of[i] > PARAMETERS)
      report(line_of[i], name_of[i] " takes " parameters_of[i] \
             " parameters, the limit is " PARAMETERS \
             ": gather them in a struct")
  }
}

FNR == 1 {
  finish()
  path = substr(FILENAME, 3)  # without ./
  is_cpp = path ~ /\.(h|cc|cu|cuh)$/
  is_script = path ~ /\.(py|sh|awk)$/ || /^#!/
  code_lines = 0
  cpp_begin()
}

{ length_of_file = FNR }

is_cpp {
  code = strip($0)
  if (code ~ /[^ \t]/) ++code_lines
  find_functions(code, FNR)
}

is_script && /[^ \t]/ && !/^[ \t]*#/ { ++code_lines }

END { finish() }
