"""What must not stand in any file, and what must stand in a config."""

import ast
import re
import subprocess

from cpp import strip_comments
from tree import Finding

_PROMISE = re.compile(r"\b(" + "|".join(
    ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")) + r")\b")
_MACHINE_PATH = re.compile(r"(?:^|[\s\"'`=(:,])(/(?:work|root|home)/\S*)")
_GETENV = re.compile(r"\b(?:secure_)?getenv\s*\(")
_ENVIRONMENT_FREE = ("runtime/", "parallel/", "checkpoint/")
_LINK = re.compile(r"\]\((?!\w+:|#)([^)#\s]+)")
_CONFIG_HEADINGS = ("# For:", "# Hardware:", "# Time:")


def _lines(pattern, text):
    for match in pattern.finditer(text):
        yield text.count("\n", 0, match.start(match.lastindex or 0)) + 1, match


def _text_findings(path, text):
    for line, match in _lines(_PROMISE, text):
        yield Finding(path, line, f"{match.group(1)}: do it, or open an issue")
    for line, match in _lines(_MACHINE_PATH, text):
        yield Finding(path, line, f"{match.group(1)}: a path of one machine")
    if path.startswith(_ENVIRONMENT_FREE):
        for line, _ in _lines(_GETENV, strip_comments(text)):
            yield Finding(path, line, "the environment is read only in "
                          "launcher/ and examples/: take a parameter")


def _config_findings(path, text):
    head = []
    for row in text.split("\n"):
        if not row.startswith("#"):
            break
        head.append(row)
    for heading in _CONFIG_HEADINGS:
        if not any(row.startswith(heading) for row in head):
            yield Finding(path, 1, f"the comment at the top lacks '{heading}'")


def _link_findings(tree, path, text):
    for line, match in _lines(_LINK, text):
        target = (tree.root / path).parent / match.group(1)
        if not target.exists():
            yield Finding(path, line, f"the link {match.group(1)} leads "
                          "nowhere")


def _syntax_findings(tree):
    for path in tree.scripts("bash"):
        check = subprocess.run(["bash", "-n", str(tree.root / path)],
                               capture_output=True, text=True)
        if check.returncode != 0:
            yield Finding(path, 0, check.stderr.strip())
    for path in tree.paths:
        if path.endswith(".py"):
            try:
                ast.parse(tree.text(path) or "")
            except SyntaxError as error:
                yield Finding(path, error.lineno or 0, str(error))


def check(tree):
    for path in tree.paths:
        text = tree.text(path)
        if text is None:
            continue
        yield from _text_findings(path, text)
        if path.startswith("configs/") and path.endswith(".textproto"):
            yield from _config_findings(path, text)
        if path.endswith(".md"):
            yield from _link_findings(tree, path, text)
    yield from _syntax_findings(tree)
