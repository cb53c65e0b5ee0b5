"""Progress: one line that is written over on a terminal, and nothing anywhere else."""

from __future__ import annotations

import io

from esframework.cli.benching.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_is_written_where_nobody_looks() -> None:
    stream = io.StringIO()
    progress = Progress(stream)
    progress.show("1 s: 5 a second")
    progress.clear()
    assert stream.getvalue() == ""


def test_a_shorter_line_leaves_nothing_of_a_longer_one() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress.show("12345")
    progress.show("1")
    assert terminal.getvalue() == "\r12345\r1    "


def test_the_line_is_taken_away_at_the_end() -> None:
    terminal = Terminal()
    progress = Progress(terminal)
    progress.show("123")
    progress.clear()
    progress.clear()
    assert terminal.getvalue() == "\r123\r   \r"
