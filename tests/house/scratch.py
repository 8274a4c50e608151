"""A tree of files made for one test, and where the project is."""

import pathlib
import tempfile
import unittest

PROJECT = pathlib.Path(__file__).resolve().parents[2]


class ScratchTest(unittest.TestCase):
    def setUp(self):
        directory = tempfile.TemporaryDirectory(prefix="perdure_house_")
        self.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)

    def write(self, path, text):
        full = self.root / path
        full.parent.mkdir(parents=True, exist_ok=True)
        full.write_text(text)
        return full
