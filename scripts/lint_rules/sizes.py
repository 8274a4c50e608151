"""Files, functions and parameter lists stay small."""

import cpp
from tree import Finding

FILE_LINES = 400
FUNCTION_LINES = 60
PARAMETERS = 6
LIMITS_BY_NAME = {"README.md": 150, "CMakeLists.txt": 40}
ROOT_LISTS = 100


def _script_lines(text):
    rows = (row.strip() for row in text.split("\n"))
    return sum(1 for row in rows if row and not row.startswith("#"))


def _cpp_findings(path, text):
    lines = cpp.code_lines(text)
    if lines > FILE_LINES:
        yield Finding(path, 0, f"{lines} code lines, the limit is {FILE_LINES}:"
                      " split it by responsibility")
    for function in cpp.functions(text):
        if function.lines > FUNCTION_LINES:
            yield Finding(path, function.line, f"{function.name} has "
                          f"{function.lines} lines, the limit is "
                          f"{FUNCTION_LINES}")
        if function.parameters > PARAMETERS and not path.startswith("tests/"):
            yield Finding(path, function.line, f"{function.name} takes "
                          f"{function.parameters} parameters, the limit is "
                          f"{PARAMETERS}: gather them in a struct",
                          warning=True)


def check(tree):
    for path in tree.cpp():
        yield from _cpp_findings(path, tree.text(path))
    for path in tree.paths:
        text = tree.text(path)
        if text is None:
            continue
        name = path.rsplit("/", 1)[-1]
        limit = LIMITS_BY_NAME.get(name)
        if path == "CMakeLists.txt":
            limit = ROOT_LISTS
        lines = text.count("\n")
        if limit and lines > limit:
            yield Finding(path, 0, f"{lines} lines, the limit is {limit}")
        if path.endswith((".py", ".sh")) or text.startswith("#!"):
            lines = _script_lines(text)
            if lines > FILE_LINES:
                yield Finding(path, 0, f"{lines} code lines, the limit is "
                              f"{FILE_LINES}")
