"""The files that the rules look at, and how a rule says what it found."""

import dataclasses
import pathlib
import subprocess

LAYERS = ("runtime", "parallel", "checkpoint", "launcher", "examples")
CPP_SUFFIXES = (".h", ".cc", ".cu", ".cuh")


@dataclasses.dataclass(frozen=True)
class Finding:
    path: str
    line: int  # 0: the whole file
    text: str
    warning: bool = False  # shown, but does not fail

    def __str__(self):
        kind = "warning: " if self.warning else ""
        return f"{self.path}:{self.line}: {kind}{self.text}"


class Tree:
    """A source tree: relative paths and their text, read once."""

    def __init__(self, root):
        self.root = pathlib.Path(root)
        self.paths = sorted(p for p in self._list() if self._is_file(p))
        self._texts = {}

    def _list(self):
        """Tracked files and new ones; without git, all of them."""
        listing = subprocess.run(
            ["git", "-C", str(self.root), "ls-files", "-co",
             "--exclude-standard"], capture_output=True, text=True)
        if listing.returncode == 0:
            return set(listing.stdout.splitlines())
        return {str(p.relative_to(self.root)) for p in self.root.rglob("*")}

    def _is_file(self, path):
        full = self.root / path
        return full.is_file() and not full.is_symlink()

    def text(self, path):
        """The text of a file, or None where it is not text."""
        if path not in self._texts:
            data = (self.root / path).read_bytes()
            try:
                binary = b"\0" in data
                self._texts[path] = None if binary else data.decode()
            except UnicodeDecodeError:
                self._texts[path] = None
        return self._texts[path]

    def cpp(self):
        return [p for p in self.paths if p.endswith(CPP_SUFFIXES)]

    def scripts(self, interpreter):
        """Files that begin with a #! line of that interpreter."""
        found = []
        for path in self.paths:
            text = self.text(path)
            if text and text.startswith("#!"):
                if interpreter in text.split("\n", 1)[0]:
                    found.append(path)
        return found
