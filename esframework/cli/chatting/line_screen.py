"""Standard input and output as a screen of lines, for people and for scripts. Knows no engine and no chat."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import click
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReadDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework.cli.information import facts_of, line_of

_READ_SIZE = 64 * 1024


class LineScreen:
    """A `Screen` of lines: what was sent and asked for on standard output, the rest on standard error.

    As JSON everything goes to standard output, one object a line. `broken(error)` is called when nobody reads the
    output any more.
    """

    def __init__(self, as_json: bool, broken: Callable[[OSError], None]) -> None:
        self._as_json = as_json
        self._broken = broken

    def information(
        self,
        source: str | None,
        information_type: int,
        content: bytes | None,
        *,
        group: str | None = None,
        sent_at: float | None = None,
    ) -> None:
        """Somebody sent something."""
        if self._as_json:
            self._object(facts_of(source, information_type, content, group, sent_at))
        else:
            self._line(line_of(source, information_type, content, group, sent_at))

    def answer(self, text: str, /, **facts: object) -> None:
        """What the user asked for."""
        if self._as_json:
            self._object(facts)
        else:
            self._line(text)

    def note(self, text: str, /, **facts: object) -> None:
        """Something happened, or failed."""
        if self._as_json:
            self._object(facts)
        else:
            self._line(text, to_stderr=True)

    def complaint(self, text: str, /, **facts: object) -> None:
        """Something failed."""
        self.note(text, **facts, cause=text)

    def _object(self, facts: dict[str, Any]) -> None:
        self._line(json.dumps(facts, ensure_ascii=False))

    def _line(self, text: str, to_stderr: bool = False) -> None:
        try:
            click.echo(text, err=to_stderr)
        except BrokenPipeError as error:
            self._broken(error)


@implementer(IReadDescriptor)
class LineSource:
    """Lines of a file descriptor: of a pipe, a file or a terminal. Reads only while somebody waits for lines."""

    def __init__(self, reactor: Any, descriptor: int) -> None:
        self._reactor = reactor
        self._descriptor = descriptor
        self._waiting: Deferred[list[bytes] | None] | None = None
        self._rest = b""
        self._at_end = False

    def read(self) -> Deferred[list[bytes] | None]:
        """The lines that are there, without their ends; waits for some, and fires None at the end of the input."""
        self._waiting = Deferred(lambda _: self._stop())
        waiting = self._waiting
        if self._at_end:
            self._answer(None)
        else:
            self._reactor.addReader(self)
        return waiting

    def fileno(self) -> int:
        """Part of IReadDescriptor."""
        return self._descriptor

    def logPrefix(self) -> str:
        """Part of IReadDescriptor."""
        return "lines"

    def doRead(self) -> None:
        """Part of IReadDescriptor: there is something, or the end."""
        try:
            data = os.read(self._descriptor, _READ_SIZE)
        except OSError:
            # A terminal that is gone says so by an error.
            data = b""
        if not data:
            self._at_end = True
            self._answer([self._rest] if self._rest else None)
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines:
            self._answer(lines)

    def connectionLost(self, reason: Failure) -> None:
        """Part of IReadDescriptor: the descriptor cannot be read."""
        self._at_end = True
        self._answer(None)

    def _answer(self, lines: list[bytes] | None) -> None:
        self._stop()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(lines)

    def _stop(self) -> None:
        self._reactor.removeReader(self)
