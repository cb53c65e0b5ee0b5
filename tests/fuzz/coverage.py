"""Which lines of the package an input reaches: one that reaches new ones is worth changing further."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

PACKAGE = str(Path(__file__).resolve().parents[2] / "esframework")

Line = tuple[str, int]


class Reached:
    """`with Reached() as lines:` fills the set of (file, line) that were run in the package."""

    def __init__(self) -> None:
        self._lines: set[Line] = set()
        self._before: Callable[..., Any] | None = None

    def __enter__(self) -> set[Line]:
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self._lines

    def __exit__(self, *exception: object) -> None:
        sys.settrace(self._before)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Any:
        return self._line if frame.f_code.co_filename.startswith(PACKAGE) else None

    def _line(self, frame: FrameType, event: str, argument: Any) -> Any:
        self._lines.add((frame.f_code.co_filename, frame.f_lineno))
        return self._line
