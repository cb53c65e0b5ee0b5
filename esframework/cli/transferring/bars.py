"""Transfers as bars on a terminal, all that are under way below each other. Needs the extra `terminal`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.text import Text

from esframework.cli.transferring.figures import (
    completed_line,
    direction_of,
    extent_of,
    figures_of,
    percent_of,
    title_of,
    way_of,
)
from esframework.cli.transferring.looks import Look

_DRAWN_EVERY: Final = 0.1
"""Seconds between two drawings of a bar: faster is not seen, and costs the transfer."""

_LONGEST_TITLE: Final = 40
"""Characters of a name, so that there is room for the figures."""


@dataclass(slots=True)
class _Row:
    """What a bar shows. `drawn_at` is in the transfer's own seconds."""

    title: str
    size: int
    figures: str
    transferred: int = 0
    drawn_at: float = -_DRAWN_EVERY
    task: TaskID | None = None


class Bars(Look):
    """Bars on standard error; what is said stands above them."""

    def __init__(self, console: Console | None = None) -> None:
        # No markup: what others have sent is text and nothing else.
        self._console = console or Console(stderr=True, highlight=False, markup=False, emoji=False)
        self._rows: dict[str, _Row] = {}
        self._progress: Progress | None = None
        self._is_paused = False

    def close(self) -> None:
        """Take the bars away, and show the cursor again."""
        progress, self._progress = self._progress, None
        if progress is not None:
            progress.stop()

    def begin(self, transfer: Any) -> None:
        """A bar that is empty."""
        waits = transfer.is_sending and not transfer.is_transferring
        figures = f"{extent_of(transfer)}, waiting for an answer" if waits else extent_of(transfer)
        row = _Row(f"{_shortened(title_of(transfer))} {direction_of(transfer)}", transfer.size, figures)
        self._rows[transfer.id] = row
        self._draw(row)

    def start(self, transfer: Any) -> None:
        """What was there already is in the bar."""
        row = self._rows[transfer.id]
        row.transferred, row.figures = transfer.skipped, extent_of(transfer)
        self._draw(row)

    def show(self, transfer: Any, progress: Any) -> None:
        """Draw it, if it has not been drawn just now."""
        row = self._rows[transfer.id]
        if progress.seconds - row.drawn_at >= _DRAWN_EVERY:
            row.drawn_at, row.transferred = progress.seconds, progress.transferred
            row.figures = f"{percent_of(progress)}, {figures_of(progress)}{way_of(transfer)}"
            self._draw(row)

    def complete(self, transfer: Any, seconds: float) -> None:
        """A line in place of the bar; on standard output, as without a terminal."""
        self._remove(transfer)
        if sys.stdout.isatty():
            self._say(completed_line(transfer, seconds))
        else:
            click.echo(completed_line(transfer, seconds))

    def interrupt(self, transfer: Any) -> None:
        """No bar any more."""
        self._remove(transfer)

    def note(self, text: str, /, **facts: object) -> None:
        """Above the bars."""
        self._say(text)

    def complain(self, text: str, /, **facts: object) -> None:
        """Above the bars."""
        self._say(f"esframework: {text}")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Without bars."""
        self.close()
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False
            for row in self._rows.values():
                self._draw(row)

    def _draw(self, row: _Row) -> None:
        if self._is_paused:
            return
        progress = self._progress
        if progress is None:
            # A new one each time: one that was stopped would wipe out as many lines as it had, when it starts again.
            progress = self._progress = self._new_progress()
            for other in self._rows.values():
                other.task = None
            progress.start()
        if row.task is None:
            # A bar without an end would move for ever; what is empty is whole at once.
            row.task = progress.add_task(row.title, total=max(row.size, 1), figures="")
        progress.update(row.task, completed=row.transferred, figures=row.figures)
        progress.refresh()

    def _remove(self, transfer: Any) -> None:
        row = self._rows.pop(transfer.id, None)
        if row is not None and row.task is not None and self._progress is not None:
            self._progress.remove_task(row.task)
        if not self._rows:
            self.close()

    def _say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _new_progress(self) -> Progress:
        return Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=None),
            TextColumn("{task.fields[figures]}", markup=False),
            console=self._console,
            auto_refresh=False,
            transient=True,
            # Standard output may lead elsewhere.
            redirect_stdout=False,
            redirect_stderr=False,
            expand=True,
        )


def _shortened(title: str) -> str:
    return title if len(title) <= _LONGEST_TITLE else f"{title[: _LONGEST_TITLE - 1]}…"
