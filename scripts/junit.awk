# awk -f junit.awk REPORT: "0 NAME" (passed), "1 NAME" (failed) or "2 NAME" for
# every test of a ctest run. 2: the test itself says that it cannot run here, by
# its SKIP_RETURN_CODE. One that could not be started has failed. Exits with 1 if
# the report has no tests or breaks off.

# In XML a '<' in a value is written &lt;, so that each begins an element.
BEGIN { RS = "<" }

# The value of an attribute of this element, with &quot; and such resolved.
function attribute(name,    text) {
  if (!match($0, "[ \t\n]" name "=\"[^\"]*\"")) return ""
  text = substr($0, RSTART + length(name) + 3, RLENGTH - length(name) - 4)
  gsub(/&quot;/, "\"", text)
  gsub(/&apos;/, "'", text)
  gsub(/&lt;/, "<", text)
  gsub(/&gt;/, ">", text)
  gsub(/&amp;/, "\\&", text)
  return text
}

function flush() {
  if (name != "") print code, name
  name = ""
}

/^testcase[ \t\n]/ {
  flush()
  ++tests
  name = attribute("name")
  code = attribute("status") == "run" ? 0 : 1
}

/^skipped[ \t\n]/ {
  if (attribute("message") ~ /^SKIP_RETURN_CODE/) code = 2
}

/^\/testsuite>/ { whole = 1 }

END {
  flush()
  exit !(tests && whole)
}
