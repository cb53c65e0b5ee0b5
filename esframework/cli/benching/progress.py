"""One line on a terminal that says how far a bench is; silent where nobody looks.

Writes to standard error only, so that a report or JSON on standard output stays clean.
"""

from __future__ import annotations

import sys
from typing import TextIO


class Progress:
    """A line that is written over. Off unless `stream` is a terminal."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = sys.stderr if stream is None else stream
        self._shown = 0
        self.is_on = self._stream.isatty()

    def show(self, text: str) -> None:
        """Replace the line."""
        if self.is_on:
            self._stream.write("\r" + text.ljust(self._shown))
            self._stream.flush()
            self._shown = len(text)

    def clear(self) -> None:
        """Take the line away."""
        if self.is_on and self._shown:
            self._stream.write("\r" + " " * self._shown + "\r")
            self._stream.flush()
            self._shown = 0
