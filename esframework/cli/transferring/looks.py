"""How transfers are shown: on a terminal as bars or lines, for scripts as objects, or not at all.

Draws what it is told of; asks no transfer for anything, and knows no engine.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, Final

import click

from esframework.cli.transferring.figures import (
    completed_line,
    direction_of,
    facts_of,
    interrupted_line,
    progress_facts,
    progress_line,
    title_of,
)

_LINE_EVERY: Final = 2.0
"""Seconds between two lines of progress for people."""

_OBJECT_EVERY: Final = 1.0
"""The same for scripts."""


def look_for(*, as_json: bool, quiet: bool) -> Look:
    """The look that suits where standard error leads: bars on a terminal (with the extra `terminal`, lines without),
    else a line at the end of each transfer; `quiet` shows what fails only."""
    if as_json:
        return Objects(with_progress=not quiet)
    if quiet:
        return Look()
    if not sys.stderr.isatty():
        return Results()
    if find_spec("rich") is None:
        return Lines()
    from esframework.cli.transferring.bars import Bars

    return Bars()


class Look:
    """Shows nothing but complaints: `--quiet`, and what the other looks begin with.

    Use it in a `with` block. Each transfer is begun, perhaps shown, and then completed or interrupted; one that is gone
    on with later is begun anew.
    """

    def __enter__(self) -> Look:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Leave the terminal as it was."""

    def begin(self, transfer: Any) -> None:
        """There is a transfer; it may still wait for an answer."""

    def start(self, transfer: Any) -> None:
        """Bytes flow from now on."""

    def show(self, transfer: Any, progress: Any) -> None:
        """Some have flowed."""

    def complete(self, transfer: Any, seconds: float) -> None:
        """It is whole; bytes have flowed for so long."""

    def interrupt(self, transfer: Any) -> None:
        """It ended early; what that means is for the program to say."""

    def note(self, text: str, /, **facts: object) -> None:
        """Something happened."""

    def complain(self, text: str, /, **facts: object) -> None:
        """Something failed."""
        click.echo(f"esframework: {text}", err=True)

    def fail(self, transfer: Any) -> None:
        """It was interrupted, and that is how it stays."""
        self.complain(interrupted_line(transfer), **facts_of(transfer), event="failed")

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Draw nothing meanwhile: something is asked."""
        yield


class Results(Look):
    """A line at the end of each transfer on standard output; notes on standard error."""

    def complete(self, transfer: Any, seconds: float) -> None:
        """Say so."""
        self._result(completed_line(transfer, seconds))

    def note(self, text: str, /, **facts: object) -> None:
        """Say so."""
        click.echo(text, err=True)

    def _result(self, text: str) -> None:
        click.echo(text)


class Lines(Results):
    """Besides, lines of progress on standard error: for a terminal without `rich`."""

    def __init__(self) -> None:
        self._shown_at: dict[str, float] = {}

    def begin(self, transfer: Any) -> None:
        """Say whose answer is awaited."""
        if transfer.is_sending and not transfer.is_transferring:
            self.note(f"{title_of(transfer)} {direction_of(transfer)}: waiting for an answer")

    def show(self, transfer: Any, progress: Any) -> None:
        """A line now and then."""
        if progress.seconds - self._shown_at.get(transfer.id, 0.0) >= _LINE_EVERY:
            self._shown_at[transfer.id] = progress.seconds
            self.note(progress_line(transfer, progress))

    def complete(self, transfer: Any, seconds: float) -> None:
        """Say so."""
        self._shown_at.pop(transfer.id, None)
        super().complete(transfer, seconds)

    def interrupt(self, transfer: Any) -> None:
        """Nothing more of it."""
        self._shown_at.pop(transfer.id, None)


class Objects(Look):
    """One JSON object a line on standard output: each has an `event`."""

    def __init__(self, *, with_progress: bool) -> None:
        self._with_progress = with_progress
        self._shown_at: dict[str, float] = {}

    def begin(self, transfer: Any) -> None:
        """There is a transfer."""
        self._tell("offered", **facts_of(transfer))

    def start(self, transfer: Any) -> None:
        """Started or resumed, as the events of the engine are."""
        event = "resumed" if transfer.is_resumed else "started"
        facts = {"skipped": transfer.skipped, "way": transfer.path_kind}
        self._tell(event, id=transfer.id, name=transfer.name, **facts)

    def show(self, transfer: Any, progress: Any) -> None:
        """An object now and then."""
        if self._with_progress and progress.seconds - self._shown_at.get(transfer.id, 0.0) >= _OBJECT_EVERY:
            self._shown_at[transfer.id] = progress.seconds
            facts = {**progress_facts(progress), "way": transfer.path_kind}
            self._tell("progress", id=transfer.id, name=transfer.name, **facts)

    def complete(self, transfer: Any, seconds: float) -> None:
        """It is whole."""
        self._shown_at.pop(transfer.id, None)
        path = None if transfer.path is None else str(transfer.path)
        facts = {**facts_of(transfer), "path": path, "skipped": transfer.skipped, "left_out": transfer.left_out}
        facts["way"] = transfer.path_kind
        self._tell("completed", **facts, seconds=round(seconds, 3))

    def interrupt(self, transfer: Any) -> None:
        """With the reason's name in lower case."""
        self._shown_at.pop(transfer.id, None)
        reason = None if transfer.disruption is None else transfer.disruption.name.lower()
        self._tell("interrupted", id=transfer.id, name=transfer.name, reason=reason, cause=transfer.cause)

    def note(self, text: str, /, **facts: object) -> None:
        """What has an `event` is told."""
        if "event" in facts:
            self._object(facts)

    def complain(self, text: str, /, **facts: object) -> None:
        """With the text for people as its `cause`."""
        self._object({"event": "failed", **facts, "cause": text})

    def _tell(self, event: str, **facts: object) -> None:
        self._object({"event": event, **facts})

    def _object(self, facts: dict[str, Any]) -> None:
        # A path of this system need not be Unicode; JSON must.
        text = json.dumps(facts, ensure_ascii=False).encode("utf-8", "backslashreplace").decode()
        click.echo(text)
