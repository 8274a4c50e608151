"""Enough of C++ to count: comments and literals blanked, functions found."""

import dataclasses
import re

_TOKEN = re.compile(
    r"""//[^\n]*|/\*.*?\*/                        # comments
      |R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)" # raw strings
      |"(?:\\.|[^"\\\n])*"                        # strings
      |(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'        # characters, not 1'000
    """, re.DOTALL | re.VERBOSE)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n]*\\\n)*[^\n]*", re.MULTILINE)
_TYPE = re.compile(r"\b(class|struct|union|enum)\b")
_ATTRIBUTE = re.compile(
    r"\b(?:alignas|__attribute__)\s*\([^()]*(?:\([^()]*\))*\)")
_QUALIFIER_AT_END = re.compile(
    r"\b(?:const|final|mutable|noexcept|override|try)\s*$")


def _blank(match):
    text = match.group(0)
    quoted = not text.startswith("/")
    filler = '""' if quoted and len(text) >= 2 else ""
    return filler + "\n" * text.count("\n") if filler else re.sub(
        r"[^\n]", " ", text)


def strip_comments(text):
    """Comments gone, literals emptied; every line keeps its number."""
    return _TOKEN.sub(_blank, text)


def code_lines(text):
    return sum(1 for line in strip_comments(text).split("\n") if line.strip())


@dataclasses.dataclass(frozen=True)
class Function:
    name: str
    line: int
    lines: int  # with code in them, signature included
    parameters: int


_ANGLES = r"<(?:[^<>;]|<(?:[^<>;]|<[^<>;]*>)*>)*>"


def _signature(head):
    """`head` without attributes, template heads and arguments of its names."""
    text = _ATTRIBUTE.sub("", head).strip()
    text = re.sub(r"\btemplate\s*" + _ANGLES, "", text)
    text = text.replace("operator()", "operator_call")
    opening = text.find("(")
    if opening < 0 or "operator" in text[:opening]:
        return text
    return re.sub(_ANGLES, "", text) if "<" in text[:opening] else text


def _parameter_list(head):
    """(name, parameters) of the text before a function's '{', or None."""
    text = _signature(head)
    opening = text.find("(")
    if opening < 0:
        return None
    name = re.search(r"([~\w:<>+\-*/=!\[\]&|^% ]*?[\w>~:+\-*/=!\]&|^%]+)\s*$",
                     text[:opening])
    depth, commas, empty = 0, 0, True
    for c in text[opening + 1:]:
        if c in "([{<":
            depth += 1
        elif c == ")" and depth == 0:
            break
        elif c in ")]}>":
            depth -= 1
        elif c == "," and depth == 0:
            commas += 1
        empty = empty and c.isspace()
    label = name.group(1).split()[-1] if name else "?"
    return label, 0 if empty else commas + 1


def _is_function(head, scope_kinds):
    if any(kind == "function" for kind in scope_kinds):
        return False  # a block or a lambda of a function
    text = _signature(head)
    if not text or "(" not in text or re.search(r"(^|\W)namespace\b", text):
        return False
    before = text[:text.find("(")]
    if re.search(r"[^=!<>]=[^=]|=$", before) and "operator" not in before:
        return False  # an initializer
    return not (_TYPE.search(before) and not re.search(r"\w+\s*$", before))


def _is_member_initializer(head):
    """Whether a '{' after `head` is that of `: member_{...}`."""
    return (re.search(r"\)[^;{}]*[^:]:\s*[^:]", head) is not None
            and re.search(r"[\w>]\s*$", head) is not None
            and _QUALIFIER_AT_END.search(head) is None)


def functions(text):
    """The functions defined in a file, lambdas and local blocks within them."""
    code = _DIRECTIVE.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)),
                          strip_comments(text))
    found, scopes = [], []  # scopes: (kind, head, first line)
    head_start, line, parentheses = 0, 1, 0
    for at, c in enumerate(code):
        if c == "\n":
            line += 1
        elif c == "(":
            parentheses += 1
        elif c == ")":
            parentheses -= 1
        elif c == "{":
            head = code[head_start:at]
            outer = [kind for kind, _, _ in scopes]
            kind = "other"
            if parentheses == 0 and _is_function(head, outer):
                kind = "function"
                if _is_member_initializer(head):
                    kind = "initializer"
            first = line - head.lstrip().count("\n")
            scopes.append((kind, head, first))
            if kind != "initializer":
                head_start = at + 1
        elif c == "}" and scopes:
            kind, head, first = scopes.pop()
            if kind == "function":
                body = code.split("\n")[first - 1:line]
                name, parameters = _parameter_list(head)
                found.append(Function(name, first, sum(
                    1 for row in body if row.strip()), parameters))
            if kind != "initializer":
                head_start = at + 1
        elif c == ";" and parentheses == 0:
            head_start = at + 1
    return found
