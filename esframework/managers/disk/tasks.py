"""An upload or download as the program that asked for it sees it: which transfer, and where it leads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.interfaces import IOngoing
from esframework.net.threads import hops_to_reactor


@implementer(IOngoing)
class DiskTransfer:
    """One file or folder on its way to or from the disk. `path` is its path there, `local` its path here; `transfer`
    the `Transfer` of `client.files` that carries it, with all its facts and events."""

    def __init__(self, transfer: Any, path: str, local: Path, is_upload: bool, reactor: Any) -> None:
        self.reactor = reactor
        self.transfer = transfer
        self.path = path
        self.local = local
        self.is_upload = is_upload

    def __repr__(self) -> str:
        way = "to" if self.is_upload else "from"
        return f"<DiskTransfer {way} {self.path!r}: {self.transfer!r}>"

    @hops_to_reactor
    def done(self) -> Deferred[DiskTransfer]:
        """Fires with this when all is there and has its name; fails with `TransferInterrupted`.

        What came of an interrupted one stays: the same call goes on with it.
        """
        done: Deferred[Any] = self.transfer.done()
        return done.addCallback(lambda _: self)

    def progress(self) -> AsyncIterator[Any]:
        """Its progress as it changes; see `Transfer.progress`."""
        progress: AsyncIterator[Any] = self.transfer.progress()
        return progress

    @hops_to_reactor
    def cancel(self, cause: str = "") -> None:
        """Interrupt it; harmless when it is over."""
        self.transfer.cancel(cause)
