"""Takes away what has expired, and contents that belong to nothing: of records that were deleted, of crashes, of
transfers that broke off and will not be gone on with."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import StoreClosed
from esframework.filesystem.partials import Partial
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IServerContext
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.machine import Arrivals
from esframework.plugins.hooks import Event
from esframework.plugins.quiet import Quiet

_log = Logger()


class Cleaning:
    """Looks once in a while, or `soon`. `now` gives seconds UTC; `expired(count)` is told of what has."""

    def __init__(
        self,
        server: IServerContext,
        blobs: Blobs,
        arrivals: Arrivals,
        now: Callable[[], float],
        expired: Event[int],
    ) -> None:
        self._server = server
        self._blobs = blobs
        self._arrivals = arrivals
        self._now = now
        self._expired = expired
        self._next = 0.0
        self._is_running = False
        self._worker = FileWorker(server.clock)
        self._quiet = Quiet(server.clock)

    def soon(self) -> None:
        """Look at the next sweep."""
        self._next = 0.0

    def stop(self) -> None:
        """The server ends: another may have the folder."""
        self._blobs.let_go()

    def sweep(self, now: float) -> None:
        """Look when it is time."""
        if now >= self._next and not self._is_running:
            self._next = now + limits.OFFLINE_FILE_SWEEP
            self._is_running = True
            Deferred.fromCoroutine(self._clean()).addErrback(self._failed).addBoth(self._ended)

    async def _clean(self) -> None:
        count = await self._server.stores.offline_files.expire(self._now())
        if count:
            _log.info("{count} offline files have expired", count=count)
            self._expired.fire(count)
        if not await self._worker.run(self._blobs.hold):
            if self._quiet.admits("held") is not None:
                text = "{folder} is another server's, which knows what is in it: nothing of it is deleted here"
                _log.error(text, folder=str(self._blobs.folder))
            return
        # What is on its way before the names are read is left alone, and so is what begins meanwhile; what was recorded
        # in between is known.
        coming = self._arrivals.keys
        names = await self._worker.run(self._blobs.names)
        partials: list[Partial] = await self._server.manager("files").resumables()
        coming |= self._arrivals.keys | self._note_broken(partials)
        unclear = [name for name in names if name not in coming]
        known = await self._server.stores.offline_files.known(unclear)
        for name in unclear:
            if name not in known:
                _log.debug("content {name} belongs to nothing", name=name)
                await self._worker.run(lambda blob=name: self._blobs.remove(blob))  # type: ignore[misc]

    def _note_broken(self, partials: list[Partial]) -> frozenset[str]:
        """Which blobs senders may go on with, besides how much that is of each sender."""
        sizes: dict[str | None, int] = {}
        blobs = set()
        for partial in partials:
            blob = self._blobs.blob_of(partial.destination)
            if blob is not None and blob not in self._arrivals:
                blobs.add(blob)
                sender = partial.identity.sender
                sizes[sender] = sizes.get(sender, 0) + partial.position.received
        self._arrivals.recount(sizes)
        return frozenset(blobs)

    def _failed(self, failure: Failure) -> None:
        # Whoever closes the server does not wait for this; the next one that opens looks again.
        if not failure.check(StoreClosed) and self._quiet.admits(type(failure.value).__name__) is not None:
            _log.error("offline files could not be tidied up: {error}", error=failure.getErrorMessage())

    def _ended(self, _: Any) -> None:
        self._is_running = False
