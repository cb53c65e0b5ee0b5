"""Asking somebody at a terminal, or a program at the other end of a pipe, one question after the other."""

from __future__ import annotations

import os
import termios
from typing import Any, Final

import click
from twisted.internet.defer import DeferredLock

from esframework.cli.chatting.line_screen import LineSource
from esframework.cli.transferring.looks import Look

_ANSWERS: Final = {b"y": True, b"yes": True, b"n": False, b"no": False}


class NobodyAnswers(Exception):
    """The input has ended: nobody can be asked any more."""


class Questioner:
    """Asks on standard error and reads lines of a file descriptor; while it asks, nothing is drawn."""

    def __init__(self, reactor: Any, descriptor: int, look: Look) -> None:
        self._descriptor = descriptor
        self._source = LineSource(reactor, descriptor)
        self._look = look
        self._lock = DeferredLock()
        self._lines: list[bytes] = []

    async def agrees(self, question: str) -> bool | None:
        """Whether the answer is yes or no; None when it is neither: the question says what then happens. Cancelling
        takes it back. Raises `NobodyAnswers`."""
        await self._lock.acquire()
        try:
            with self._look.paused():
                self._forget_what_was_typed_before()
                click.echo(f"{question} ", err=True, nl=False)
                answer = await self._line()
        finally:
            self._lock.release()
        return _ANSWERS.get(answer.strip().lower())

    async def _line(self) -> bytes:
        if not self._lines:
            lines = await self._source.read()
            if lines is None:
                raise NobodyAnswers
            self._lines = lines
        return self._lines.pop(0)

    def _forget_what_was_typed_before(self) -> None:
        # On a terminal an answer is to this question; what comes from a pipe was meant for it beforehand.
        if os.isatty(self._descriptor):
            termios.tcflush(self._descriptor, termios.TCIFLUSH)
            self._lines = []
