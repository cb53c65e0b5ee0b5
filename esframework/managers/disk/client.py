"""The client's half of the network disk: what a program asks, and its uploads and downloads.

A transfer is agreed on under a ticket that this end chooses, and carried by `client.files`, which keeps what is needed
to go on with it later: an upload or download that was interrupted is asked for again by the same call.
"""

from __future__ import annotations

import os
from pathlib import Path
from secrets import token_hex
from typing import Any, NamedTuple

from twisted.internet.defer import Deferred

from esframework.errors import DestinationExists
from esframework.filesystem.reading import Survey, TreeReader
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IClientContext, Registrations
from esframework.managers.disk import contracts
from esframework.managers.disk.asking import DiskCalls
from esframework.managers.disk.contracts import subject_of, ticket_of
from esframework.managers.disk.tasks import DiskTransfer
from esframework.net.threads import hops_to_reactor
from esframework.wire.types import MessageType


class _Expected(NamedTuple):
    """A download that was asked for; `offered` fires with its transfer."""

    local: Path
    replace: bool
    offered: Deferred[Any]


class ClientDisk(DiskCalls):
    """`client.disk` (InIOCP's file client).

    Paths on the disk: `/` is this account's folder, `/shared/OWNER/NAME` what others share with it, `/public/NAME` what
    is offered to all.
    """

    _client: IClientContext

    def __init__(self, client: IClientContext) -> None:
        super().__init__(client)
        self._expected: dict[str, _Expected] = {}
        client.manager("files").claim(self._claim)

    @hops_to_reactor
    def upload(
        self,
        local: str | os.PathLike[str],
        path: str = "",
        *,
        replace: bool = False,
        follow_links: bool = False,
        parameters: Any = None,
    ) -> Deferred[DiskTransfer]:
        """Upload a file or folder; a `path` that ends in `/`, or is empty, is a folder in which it keeps its name.

        Fires when it is agreed on and offered; `await transfer.done()` waits until it is there. What is at the path
        already is replaced only with `replace`. What was interrupted goes on by the same call, also after either
        program has restarted. `parameters` are the `SendingParameters`. Fails with a `RequestError` (QUOTA_EXCEEDED
        before anything is sent), OSError, `SourceRefused`.
        """
        return Deferred.fromCoroutine(self._upload(Path(local), path, replace, follow_links, parameters))

    @hops_to_reactor
    def download(
        self, path: str, local: str | os.PathLike[str] = ".", *, replace: bool = False
    ) -> Deferred[DiskTransfer]:
        """Download a file or folder; into `local`, if that is a folder that is there, else to it.

        Fires when it has begun; `await transfer.done()` waits until it is here. A file that is here already is replaced
        only with `replace`. What was interrupted goes on by the same call, also after either program has restarted.
        Fails with a `RequestError`, `DestinationExists`, OSError.
        """
        return Deferred.fromCoroutine(self._download(self.absolute(path), Path(local), replace))

    # --- uploads ------------------------------------------------------------------------------------------------------
    async def _upload(self, local: Path, path: str, replace: bool, follow_links: bool, parameters: Any) -> DiskTransfer:
        reader = TreeReader(local, follow_links=follow_links)
        survey: Survey = await FileWorker(self.reactor).run(reader.survey)
        target, ticket = self._target(path, reader.path.name), token_hex(16)
        body = contracts.UploadBody(
            files=survey.files,
            folders=survey.folders,
            is_folder=survey.is_folder,
            path=target,
            replace=replace,
            size=survey.size,
            ticket=ticket,
        )
        await self._ask_disk(MessageType.DISK_UPLOAD, body)
        transfer = await self._client.manager("files").send(
            None, reader.path, parameters=parameters, follow_links=follow_links, subject=subject_of(ticket)
        )
        return DiskTransfer(transfer, target, reader.path, True, self.reactor)

    # --- downloads ----------------------------------------------------------------------------------------------------
    async def _download(self, path: str, local: Path, replace: bool) -> DiskTransfer:
        target = await FileWorker(self.reactor).run(lambda: _local_target(local, path, replace))
        ticket = token_hex(16)
        expected = self._expected[ticket] = _Expected(target, replace, Deferred())
        try:
            await self._ask_disk(MessageType.DISK_DOWNLOAD, contracts.DownloadBody(path, ticket))
            # The offer came before the answer: whoever sends it waits for that.
            transfer = await expected.offered
        finally:
            self._expected.pop(ticket, None)
        return DiskTransfer(transfer, path, target, False, self.reactor)

    def _claim(self, offer: Any) -> bool:
        """The server offers what was asked for."""
        ticket = ticket_of(offer.subject)
        if ticket is None or offer.source is not None:
            return False
        expected = self._expected.pop(ticket, None)
        if expected is None:
            offer.refuse("nobody waits for it any more")
            return True
        offer.accept(expected.local, replace=expected.replace)
        expected.offered.callback(offer.transfer)
        return True

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        requests = (
            MessageType.DISK_LIST,
            MessageType.DISK_INFORMATION,
            MessageType.DISK_MAKE_FOLDER,
            MessageType.DISK_MOVE,
            MessageType.DISK_REMOVE,
            MessageType.DISK_UPLOAD,
            MessageType.DISK_DOWNLOAD,
            MessageType.DISK_SHARE,
            MessageType.DISK_UNSHARE,
            MessageType.DISK_SHARES,
            MessageType.DISK_QUOTA,
        )
        return Registrations(facade=self, handlers=self._answerers(requests))


def _local_target(local: Path, path: str, replace: bool) -> Path:
    """Where it is to be; in a thread. Raises DestinationExists before anything is sent."""
    target = local.absolute()
    if target.is_dir():
        target = target / (path.rpartition("/")[2] or contracts.DISK)
    if not replace and os.path.lexists(target):
        raise DestinationExists(str(target), "is there already; replace=True (--replace) replaces it")
    return target
