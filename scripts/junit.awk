# awk -f junit.awk REPORT: "0 NAME" or "1 NAME" for every test of a ctest run.
# A test that was skipped, or could not be started, counts as failed. Exits with 1
# if the report has no tests or breaks off.

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

/^testcase[ \t\n]/ {
  ++tests
  print (attribute("status") == "run" ? 0 : 1), attribute("name")
}

/^\/testsuite>/ { whole = 1 }

END { exit !(tests && whole) }
