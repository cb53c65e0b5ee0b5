"""The server's half: `server.offline_files`. What is kept is `keeping`'s business, how it is handed over `handing`'s,
what has no owner any more `cleaning`'s, and what clients ask `requests`'."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, fail

from esframework import limits
from esframework.errors import NotKept, PluginError
from esframework.interfaces import IServerContext, Registrations, StoredFile
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.cleaning import Cleaning
from esframework.managers.offline_files.contracts import FileOutcome
from esframework.managers.offline_files.handing import Handing
from esframework.managers.offline_files.keeping import Keeping
from esframework.managers.offline_files.leaving import Leaving
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.managers.offline_files.requests import Requests
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.wire.login_id import Source
from esframework.wire.types import RequestFailure


class ServerOfflineFiles:
    """`server.offline_files` (manual, technique 02).

    Events: `kept(file)`: it is on the disk and recorded; `settled(file, outcome)`: its receiver has it, or does not
    want it, and it is gone; `expired(count)`; `refused(source, target, reason)`: a file was not kept.
    """

    def __init__(self, server: IServerContext, now: Callable[[], float]) -> None:
        self._server = server
        self.reactor = server.clock
        self.kept: Event[StoredFile] = Event("offline_files.kept")
        self.settled: Event[StoredFile, FileOutcome] = Event("offline_files.settled")
        self.expired: Event[int] = Event("offline_files.expired")
        self.refused: Event[str, str, RequestFailure] = Event("offline_files.refused")
        options: OfflineFilesOptions = server.options.offline_files
        self._now = now
        folder = options.folder if options.enabled else None
        blobs = None if folder is None else Blobs(folder)
        self._keeping = Keeping(server, options, blobs, now, self.kept, self.refused)
        self._handing: Handing | None = None
        self._leaving: Leaving | None = None
        self._cleaning: Cleaning | None = None
        if blobs is not None:
            self._handing = Handing(server, blobs, options.retry, now, self.settled)
            self._leaving = Leaving(server, options, blobs, self._keeping.arrivals, now, self.kept)
            self._cleaning = Cleaning(server, blobs, self._keeping.arrivals, now, self.expired)
        self._requests = Requests(server, self._keeping, self._handing)
        self._is_watching = False

    # --- for applications ---------------------------------------------------------------------------------------------
    @property
    def is_enabled(self) -> bool:
        """Whether files for absent users are kept."""
        return self._handing is not None

    @hops_to_reactor
    def leave(
        self,
        target: str,
        path: str | os.PathLike[str],
        comment: str | None = None,
        *,
        source: str | None = None,
        name: str | None = None,
        id: str | None = None,
    ) -> Deferred[StoredFile]:
        """Leave a file or folder of this machine for a user, online or not, whoever that is; `source` None is the
        server. It is copied: what becomes of `path` afterwards does not matter.

        Fires with its record when it is on the disk and recorded. The same `id` of the same source for the same target
        is kept once; None makes one. `name` is what the receiver sees instead of the path's own. Fails with OSError,
        `SourceRefused` or `SourceChanged` for what cannot be read, `FileQuotaExceeded`, `StoreError`, `ComeBackLater`,
        `InvalidUserId`, `InvalidText`, or `NotKept` where nothing is kept; nothing stays then.
        """
        if self._leaving is None:
            text = "this server keeps no files: OfflineFilesOptions.folder says where it could"
            return fail(NotKept(text, RequestFailure.NOT_ALLOWED))
        return Deferred.fromCoroutine(self._leaving.leave(target, Path(path), comment, source, name, id))

    @hops_to_reactor
    def waiting(
        self, user_id: str, after: int = 0, limit: int = limits.OFFLINE_PAGE
    ) -> Deferred[list[StoredFile]]:
        """Up to `limit` files that are kept for a user, behind the number `after`. Fails with `StoreError` or
        `ComeBackLater`."""
        found: Deferred[list[StoredFile]] = self._server.stores.offline_files.waiting(user_id, after, limit)
        return found

    @hops_to_reactor
    def left_by(
        self, user_id: str, after: int = 0, limit: int = limits.OFFLINE_PAGE
    ) -> Deferred[list[StoredFile]]:
        """Up to `limit` files that a user has left for others; as `waiting`."""
        found: Deferred[list[StoredFile]] = self._server.stores.offline_files.left_by(user_id, after, limit)
        return found

    @hops_to_reactor
    def purge(self, user_id: str | None, older_than: float | None = None) -> Deferred[int]:
        """Delete what is kept for a user (None: for everybody) and came before `older_than` (seconds UTC; None: all).

        Fires with how many files that were; their contents go soon after. Fails as `waiting`.
        """
        purging: Deferred[int] = self._server.stores.offline_files.purge(user_id, older_than)
        return purging.addCallback(self._purged)

    def _purged(self, count: int) -> int:
        if self._cleaning is not None:
            self._cleaning.soon()
        return count

    # --- for the engine -----------------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        self._server.manager("files").claim(self._keeping.claim)
        handing = self._handing
        if handing is not None:
            self.kept.subscribe(lambda file: handing.stirred(file.target))
        return Registrations(
            facade=self,
            handlers=self._requests.handlers(),
            logged_on=self._logged_on,
            logged_off=self._logged_off,
            sweep=self._sweep,
            start=self._start,
            stop=self._stop,
        )

    def _start(self) -> None:
        if self._cleaning is None:
            return
        self._cleaning.soon()
        if self._is_watching:
            return
        try:
            accounts = self._server.manager("accounts")
        except PluginError:
            # A server may do without accounts of its own; then none is deleted.
            return
        self._is_watching = True
        accounts.deleted.subscribe(lambda user_id: self._purged(0))

    def _stop(self) -> None:
        if self._cleaning is not None:
            self._cleaning.stop()

    def _logged_on(self, sender: Any) -> None:
        if self._handing is not None and not sender.is_ours:
            # It has no way to say when it is ready (manual: at SomeOneConnected).
            self._handing.ready(sender)

    def _logged_off(self, source: Source | None) -> None:
        if source is not None and self._handing is not None:
            self._handing.left(source)

    def _sweep(self, now: float) -> None:
        if self._handing is not None:
            self._handing.sweep(now)
        if self._cleaning is not None:
            self._cleaning.sweep(now)
