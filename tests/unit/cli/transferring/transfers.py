"""A transfer that is driven by hand, with what the drawing of one asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from twisted.internet.defer import Deferred, DeferredQueue

from esframework.errors import EsError
from esframework.wire.types import FileDisruption


@dataclass
class Step:
    """How far it is."""

    transferred: int
    size: int
    seconds: float
    speed: float = 1_200_000.0
    remaining: float | None = 6.0


class Interrupted(EsError):
    """It ended early."""


@dataclass
class HandDriven:
    """`moves` and `ends` are what happens to it."""

    name: str = "holidays"
    size: int = 10_000_000
    files: int = 1
    is_folder: bool = False
    is_sending: bool = True
    sender: str | None = "alice"
    receiver: str | None = "bob"
    left_by: str | None = None
    id: str = "p1"
    comment: str | None = None
    path: Path | None = None
    is_transferring: bool = False
    state: Any = field(default_factory=lambda: SimpleNamespace(value="offered"))
    is_resumed: bool = False
    skipped: int = 0
    left_out: int = 0
    disruption: FileDisruption | None = None
    cause: str = ""
    error: Exception | None = None
    path_kind: str = "server"
    steps: Any = field(default_factory=DeferredQueue)
    ended: Deferred[None] = field(default_factory=Deferred)

    def moves(self, transferred: int, seconds: float) -> None:
        """So far it is after so many seconds."""
        self.is_transferring = True
        self.state.value = "transferring"
        self.steps.put(Step(transferred, self.size, seconds))

    def ends(self, disruption: FileDisruption | None = None, cause: str = "") -> None:
        """It is whole, or interrupted."""
        self.disruption, self.cause, self.is_transferring = disruption, cause, False
        self.steps.put(None)
        if disruption is None:
            self.ended.callback(None)
        else:
            self.ended.errback(Interrupted(disruption.name))

    async def progress(self) -> AsyncIterator[Step]:
        """As a transfer's."""
        while (step := await self.steps.get()) is not None:
            yield step

    def done(self) -> Deferred[None]:
        """As a transfer's."""
        return self.ended
