"""Files that the server's own application leaves for somebody: copied from this machine's disk to where they are kept.

Knows nothing of transfers.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

from twisted.internet.interfaces import IReactorTime

from esframework import limits
from esframework.errors import InvalidText
from esframework.filesystem.partials import Identity, Partials
from esframework.filesystem.reading import Survey, TreeReader
from esframework.filesystem.worker import FileWorker
from esframework.filesystem.writing import TreeWriter
from esframework.interfaces import IServerContext, StoredFile
from esframework.managers.offline_files.blobs import Blobs
from esframework.managers.offline_files.contracts import is_id
from esframework.managers.offline_files.machine import Arrivals
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.plugins.hooks import Event
from esframework.wire.identity import check_account_name


class Leaving:
    """`now` gives seconds UTC; `kept(file)` is told of each."""

    def __init__(
        self,
        server: IServerContext,
        options: OfflineFilesOptions,
        blobs: Blobs,
        arrivals: Arrivals,
        now: Callable[[], float],
        kept: Event[StoredFile],
    ) -> None:
        self._server = server
        self._options = options
        self._blobs = blobs
        self._arrivals = arrivals
        self._now = now
        self._kept = kept

    async def leave(
        self, target: str, path: Path, comment: str | None, source: str | None, name: str | None, id: str | None
    ) -> StoredFile:
        """See `ServerOfflineFiles.leave`."""
        check_account_name(target)
        if id is not None and not is_id(id):
            raise InvalidText("the id of an offline file is 1 to 128 letters, digits, dots, dashes or underscores")
        store, quota = self._server.stores.offline_files, self._options.quota
        copy, blob = Copy(self._server.clock, path, self._now), uuid4().hex
        survey = await copy.survey()
        usage = await store.usage(target, source)
        quota.check(target, source, survey.size, self._arrivals.beside(usage, target, source))
        self._arrivals.add(blob, target, source, survey.size)
        kept: StoredFile | None = None
        try:
            await copy.write(survey, blob, self._blobs)
            told = _told(survey, id or uuid4().hex, target, source, name or survey.name, comment, blob)
            kept = await store.add(self._options.dated(told, self._now()), quota)
        finally:
            self._arrivals.remove(blob)
            if kept is None or kept.blob != blob:
                await copy.remove(blob, self._blobs)
        assert kept is not None
        if kept.blob == blob:
            self._kept.fire(kept)
        return kept


class Copy:
    """One copy, made in threads, a slice at a time; `survey` comes first. `now` gives seconds UTC."""

    def __init__(self, clock: IReactorTime, path: Path, now: Callable[[], float]) -> None:
        self._worker = FileWorker(clock)
        self._reader = TreeReader(path)
        self._partials = Partials(None, now)

    async def survey(self) -> Survey:
        """What there is to be copied. Raises OSError or `SourceRefused`."""
        return await self._worker.run(self._reader.survey)

    async def write(self, survey: Survey, blob: str, blobs: Blobs) -> None:
        """Copy it; it is on the disk itself when this returns. Raises OSError or `SourceChanged`."""
        place = blobs.place(blob)
        identity = Identity(
            sender="",
            origin=str(place),
            size=survey.size,
            modified_at=survey.modified_at,
            is_folder=survey.is_folder,
        )
        writer = TreeWriter(self._partials, identity, place, name=survey.name, lifetime=0, sync=True)
        try:
            await self._worker.run(lambda: blobs.make(blob))
            await self._worker.run(lambda: self._begin(writer))
            while await self._worker.run(lambda: self._go_on(writer)):
                continue
            await self._worker.run(lambda: writer.finish(replace=False))
        except BaseException:
            await self._worker.run(writer.discard)
            raise
        finally:
            await self._worker.run(self._reader.close)

    async def remove(self, blob: str, blobs: Blobs) -> None:
        """Nothing of it stays. Raises OSError."""
        await self._worker.run(lambda: blobs.remove(blob))

    def _begin(self, writer: TreeWriter) -> None:
        self._reader.start(None)
        writer.open(None)

    def _go_on(self, writer: TreeWriter) -> bool:
        items = self._reader.read(limits.FILE_SLICE)
        writer.write(items)
        return bool(items)


def _told(
    survey: Survey, id: str, target: str, source: str | None, name: str, comment: str | None, blob: str
) -> StoredFile:
    return StoredFile(
        id=id,
        target=target,
        source=source,
        source_device=None,
        name=name,
        is_folder=survey.is_folder,
        size=survey.size,
        files=survey.files,
        modified_at=survey.modified_at,
        comment=comment,
        blob=blob,
        received_at=0.0,
        expires_at=0.0,
    )
