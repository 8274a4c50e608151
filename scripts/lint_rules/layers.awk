# Includes follow the declared components, third-party ones stay in wrappers.
#   awk -f layers.awk LIST ./PATH...
# LIST names every file of the tree; the paths are its sources and the
# CMakeLists.txt of its layers.
#
# The build enforces the layers by include roots. This reads the same
# declarations and finds what a compiler cannot: includes by relative path, and
# third-party types that leak through a header.

BEGIN {
  layers = split("runtime parallel checkpoint launcher examples", layer)
  for (i = 1; i <= layers; ++i) rank[layer[i]] = i
  split("SOURCES PROTOS DEPS LIBS PRIVATE_LIBS", words)
  for (i in words) keyword[words[i]] = 1
  split("absl benchmark gflags glog gmock google gtest hwy nlohmann oneapi",
        words)
  for (i in words) third_party[words[i]] = 1
  # Each of these libraries is known to one component only and to no header that
  # others include.
  libraries = split("mpi.h HDF5 oneDNN CUDA", library)
  pattern["mpi.h"] = "^mpi\\.h$"
  pattern["HDF5"] = "^(hdf5|H5[A-Za-z0-9_]+)\\.h$"
  pattern["oneDNN"] = "dnnl"
  pattern["CUDA"] = "^(cuda|nccl|cublas|curand|nvtx)"
}

function report(i, text) { print file[i] ":" line[i] ": " text }

function first_part(path) {
  sub(/\/.*/, "", path)
  return path
}

function component_of(path,    parts) {
  return split(path, parts, "/") > 1 ? parts[1] "/" parts[2] : path
}

function is_ours(first) {
  return first in rank || first == "tests" || first == "benchmarks"
}

# Reads the perdure_component() declarations of one file.
function declare(text,    name, group, words, count, i) {
  while (match(text, /perdure_component\([^)]*\)/)) {
    count = split(substr(text, RSTART + 18, RLENGTH - 19), words)
    text = substr(text, RSTART + RLENGTH)
    name = words[1]
    declared[name] = known[name] = allowed[name, name] = 1
    group = ""
    for (i = 2; i <= count; ++i) {
      if (words[i] in keyword) group = words[i]
      else if (group == "DEPS") known[words[i]] = allowed[name, words[i]] = 1
    }
  }
}

# allowed[a, b]: component a may include b, directly or through others.
function close_dependencies(    a, b, c) {
  for (b in known)
    for (a in known)
      if ((a, b) in allowed)
        for (c in known)
          if ((b, c) in allowed) allowed[a, c] = 1
}

function check_include(i,    name, first, source, from, to) {
  name = included[i]
  first = first_part(name)
  from = component_of(file[i])
  to = component_of(name)
  source = name
  sub(/(\.grpc)?\.pb\.h$/, ".proto", source)
  if (("/" name "/") ~ /\/\.\.\//)
    report(i, "\"" name "\": include from the root of the project, not by a" \
           " relative path")
  else if (is_ours(first) && !quoted[i])
    report(i, "<" name ">: our own headers go in quotes")
  else if (quoted[i] && !is_ours(first) && !(first in third_party))
    report(i, "\"" name "\": not a path from the root of the project (system" \
           " headers go in <>)")
  else if (is_ours(first) && !(source in exists))
    report(i, "\"" name "\": there is no such file")
  else if (is_ours(first) && from in declared && !((from, to) in allowed))
    report(i, "\"" name "\": " from " does not depend on " to)
}

# Whether component a is in a lower layer than b, or beside it and named first.
function is_lower(a, b,    by) {
  by = rank[first_part(a)] - rank[first_part(b)]
  return by < 0 || (by == 0 && a < b)
}

# Only the lowest of the components that use a library may: its wrapper.
function check_wrapper(name,    i, user, wrapper, first_use) {
  wrapper = ""
  for (i = 1; i <= includes; ++i) {
    user = component_of(file[i])
    if (!is_product[i] || included[i] !~ pattern[name]) continue
    if (!(user in first_use)) first_use[user] = i
    if (wrapper == "" || is_lower(user, wrapper)) wrapper = user
  }
  for (user in first_use)
    if (user != wrapper)
      report(first_use[user], name " has its wrapper in " wrapper "; use that")
}

# No header that another component includes brings the library with it.
function check_leaks(name,    i, tainted, grown) {
  grown = 1
  while (grown) {
    grown = 0
    for (i = 1; i <= includes; ++i) {
      if (file[i] !~ /\.(h|cuh)$/ || file[i] in tainted) continue
      if (included[i] ~ pattern[name] || included[i] in tainted) {
        tainted[file[i]] = 1
        grown = 1
      }
    }
  }
  for (i = 1; i <= includes; ++i)
    if (is_product[i] && included[i] in tainted &&
        component_of(included[i]) != component_of(file[i]))
      report(i, "\"" included[i] "\" brings " name \
             " with it: keep it out of public headers")
}

FILENAME == ARGV[1] { exists[$0] = 1; next }

FNR == 1 {
  declare(lists)
  lists = ""
  path = substr(FILENAME, 3)  # without ./
}

path ~ /CMakeLists\.txt$/ { lists = lists $0 "\n"; next }

match($0, /^[ \t]*#[ \t]*include[ \t]+["<][^">]+[">]/) {
  ++includes
  text = substr($0, 1, RLENGTH - 1)
  match(text, /["<]/)
  quoted[includes] = substr(text, RSTART, 1) == "\""
  included[includes] = substr(text, RSTART + 1)
  file[includes] = path
  line[includes] = FNR
  is_product[includes] = first_part(path) in rank
}

END {
  declare(lists)
  close_dependencies()
  for (i = 1; i <= includes; ++i) check_include(i)
  for (l = 1; l <= libraries; ++l) {
    check_wrapper(library[l])
    check_leaks(library[l])
  }
}
