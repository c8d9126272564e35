# SPDX-License-Identifier: Apache-2.0
"""Where a test run keeps its things.

Picture:   <tmp>/virtest-XXXX/<name>-N/    data of one server; always removed
           <logs>/<name>-N.log             kept when something failed, or when VR_LOG_DIR names the folder
           <cache>/                        what took long to get; kept for ever
"""
import atexit
import itertools
import os
import pathlib
import shutil
import tempfile

REPO = pathlib.Path(__file__).resolve().parents[3]
CACHE = pathlib.Path(os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache") / "virald"


class Scratch:
    """The folders of one test run; made on first use."""

    def __init__(self):
        self._root = None
        self._logs = None
        self._numbers = {}
        self.keep_logs = False

    @property
    def root(self):
        if self._root is None:
            self._root = pathlib.Path(tempfile.mkdtemp(prefix="virtest-"))
            atexit.register(self.clean)
        return self._root

    @property
    def logs(self):
        if self._logs is None:
            given = os.environ.get("VR_LOG_DIR")
            self._logs = pathlib.Path(given) if given else self.root.with_name(self.root.name + "-logs")
            self._logs.mkdir(parents=True, exist_ok=True)
            self.keep_logs = self.keep_logs or bool(given)
        return self._logs

    def unique(self, name):
        """name-1, name-2, ..."""
        return f"{name}-{next(self._numbers.setdefault(name, itertools.count(1)))}"

    def folder(self, name):
        """A new empty folder."""
        path = self.root / self.unique(name)
        path.mkdir()
        return path

    def log(self, name):
        """The path of a new log file."""
        return self.logs / f"{self.unique(name + '-log')}.log"

    def clean(self):
        if self._root is not None:
            shutil.rmtree(self._root, ignore_errors=True)
        if self._logs is not None and not self.keep_logs:
            shutil.rmtree(self._logs, ignore_errors=True)


SCRATCH = Scratch()
