"""Includes follow the declared components, third-party ones stay in wrappers.

The build enforces the layers by include roots. This reads the same
declarations and finds what a compiler cannot: includes by relative path, and
third-party types that leak through a header.
"""

import re

from tree import CPP_SUFFIXES, LAYERS, Finding

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]',
                      re.MULTILINE)
_COMPONENT = re.compile(r"perdure_component\(\s*(\S+)(.*?)\)", re.DOTALL)
_KEYWORDS = ("SOURCES", "PROTOS", "DEPS", "LIBS", "PRIVATE_LIBS")
_OURS = LAYERS + ("tests", "benchmarks")
_QUOTED_THIRD_PARTY = ("absl", "benchmark", "gflags", "glog", "gmock",
                       "google", "gtest", "hwy", "nlohmann", "oneapi")
# Each of these libraries is known to one component only and to no header that
# others include.
_WRAPPED = {
    "mpi.h": re.compile(r"^mpi\.h$"),
    "HDF5": re.compile(r"^(hdf5|H5\w+)(_hl)?\.h$"),
    "oneDNN": re.compile(r"dnnl"),
    "CUDA": re.compile(r"^(cuda|nccl|cublas|curand|nvtx)"),
}


def includes(text):
    """(line, quoted, name) of every include."""
    for match in _INCLUDE.finditer(text):
        line = text.count("\n", 0, match.start()) + 1
        yield line, match.group(1) == '"', match.group(2)


def components(tree):
    """name -> the components that it may include, itself among them."""
    direct = {}
    for path in tree.paths:
        if not path.endswith("CMakeLists.txt"):
            continue
        if path.split("/")[0] not in LAYERS:
            continue
        for name, body in _COMPONENT.findall(tree.text(path)):
            words, group, deps = body.split(), None, []
            for word in words:
                group = word if word in _KEYWORDS else group
                if group == "DEPS" and word != "DEPS":
                    deps.append(word)
            direct[name] = deps
    closed = {}

    def close(name):
        if name not in closed:
            closed[name] = {name}
            for dependency in direct.get(name, ()):
                closed[name] |= close(dependency)
        return closed[name]

    for name in direct:
        close(name)
    return closed


def component_of(path):
    return "/".join(path.split("/")[:2])


def _include_findings(tree, path, visible):
    paths = set(tree.paths)
    for line, quoted, name in includes(tree.text(path)):
        first = name.split("/")[0]
        if ".." in name.split("/"):
            yield Finding(path, line, f'"{name}": include from the root of the '
                          "project, not by a relative path")
        elif first in _OURS and not quoted:
            yield Finding(path, line, f"<{name}>: our own headers go in quotes")
        elif quoted and first not in _OURS + _QUOTED_THIRD_PARTY:
            yield Finding(path, line, f'"{name}": not a path from the root of '
                          "the project (system headers go in <>)")
        elif first in _OURS:
            source = re.sub(r"\.pb\.h$", ".proto", name)
            if source not in paths:
                yield Finding(path, line, f'"{name}": there is no such file')
            elif visible is not None and component_of(name) not in visible:
                yield Finding(path, line, f'"{name}": {component_of(path)} '
                              f"does not depend on {component_of(name)}")


def _tainted_headers(tree, library):
    """Headers that pull `library` in, directly or through another one."""
    pattern = _WRAPPED[library]
    tainted, grown = set(), True
    headers = [p for p in tree.cpp() if p.endswith((".h", ".cuh"))]
    while grown:
        grown = False
        for path in headers:
            names = [name for _, _, name in includes(tree.text(path))]
            if path not in tainted and any(
                    pattern.search(n) or n in tainted for n in names):
                tainted.add(path)
                grown = True
    return tainted


def _wrapper_findings(tree):
    product = [p for p in tree.cpp() if p.split("/")[0] in LAYERS]
    for library, pattern in _WRAPPED.items():
        users = {}
        for path in product:
            for line, _, name in includes(tree.text(path)):
                if pattern.search(name):
                    users.setdefault(component_of(path), (path, line))
        lowest_first = sorted(users, key=lambda component: (
            LAYERS.index(component.split("/")[0]), component))
        for component in lowest_first[1:]:
            yield Finding(*users[component], f"{library} has its wrapper in "
                          f"{lowest_first[0]}; use that")
        tainted = _tainted_headers(tree, library)
        for path in product:
            for line, _, name in includes(tree.text(path)):
                if name in tainted and component_of(name) != component_of(path):
                    yield Finding(path, line, f'"{name}" brings {library} with '
                                  "it: keep it out of public headers")


def check(tree):
    allowed = components(tree)
    for path in tree.paths:
        if path.endswith(CPP_SUFFIXES):
            visible = allowed.get(component_of(path))
            yield from _include_findings(tree, path, visible)
    yield from _wrapper_findings(tree)
