"""A client's calls about the disk that move no file: what is asked, and what the answers mean."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.internet.defer import Deferred

from esframework import limits
from esframework.managers.disk import contracts
from esframework.managers.disk.contracts import (
    DISK,
    DiskEntry,
    DiskInformation,
    DiskPage,
    DiskQuota,
    DiskRemoved,
    DiskShare,
    DiskShares,
    EntryBody,
)
from esframework.managers.disk.machine.paths import joined
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.wire.identity import name_list
from esframework.wire.types import MessageType


class DiskCalls(Asking):
    """What `ClientDisk` asks. Paths are absolute, or relative to the current folder.

    Every call fails with a `RequestError`: `NotPermitted`; `NotDelivered`, whose `reason` says NO_SUCH_THING, CONFLICT
    (the name is taken, a folder is not empty), QUOTA_EXCEEDED, INVALID (a name that cannot be), BUSY or STORE_FAILED
    (the server's disk), and TYPE_UNKNOWN_TO_TARGET where the server has no disk; time-out, connection lost.
    """

    _feature = DISK
    _folder = "/"

    # --- the current folder -------------------------------------------------------------------------------------------
    @property
    def folder(self) -> str:
        """The current folder; `/` at first, and the same after a reconnect."""
        return self._folder

    @hops_to_reactor
    def set_folder(self, path: str) -> Deferred[str]:
        """Make another folder the current one; fires with its absolute path. Fails, besides, for what is no folder."""

        def found(page: DiskPage) -> str:
            self._folder = self.absolute(path)
            return self._folder

        return self.list_folder(path, limit=1).addCallback(found)

    def absolute(self, path: str) -> str:
        """The absolute path that a path means, which need not be there. Raises `InvalidPath`."""
        return joined(self._folder, path)

    # --- looking ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def list_folder(
        self, path: str = "", after: str | None = None, limit: int = limits.DISK_PAGE
    ) -> Deferred[DiskPage]:
        """A page of a folder's entries in the order of their names. Go on behind the last one while `has_more`."""
        folder = self.absolute(path)

        def page(body: bytes) -> DiskPage:
            answer = contracts.ENTRIES.decode(body)
            prefix = "" if folder == "/" else folder
            return DiskPage([_entry(f"{prefix}/{row.name}", row) for row in answer.entries], answer.has_more)

        return self._ask_disk(MessageType.DISK_LIST, contracts.ListBody(after, limit, folder)).addCallback(page)

    @hops_to_reactor
    def list_all(self, path: str = "") -> Deferred[list[DiskEntry]]:
        """All entries of a folder, however many pages they take."""

        async def collect() -> list[DiskEntry]:
            entries: list[DiskEntry] = []
            has_more = True
            while has_more:
                after = entries[-1].name if entries else None
                page = await self.list_folder(path, after, limits.MAX_DISK_PAGE)
                entries += page.entries
                has_more = page.has_more and bool(page.entries)
            return entries

        return Deferred.fromCoroutine(collect())

    @hops_to_reactor
    def information(self, path: str, checksum: str = "") -> Deferred[DiskInformation]:
        """What there is to know of a file or folder.

        With `checksum`, `blake2b` or (where the server has it) `blake3`, all of it is read by the server, which takes
        as long as it takes: no time-out counts. Cancelling the Deferred ends that.
        """
        wanted = self.absolute(path)
        request, body = (
            MessageType.DISK_INFORMATION,
            contracts.INFORMATION.encode(contracts.InformationBody(checksum, wanted)),
        )

        def information(body: bytes) -> DiskInformation:
            answer = contracts.INFORMATION_ANSWER.decode(body)
            return DiskInformation(
                entry=_entry(wanted, answer.entry),
                size=answer.size,
                files=answer.files,
                folders=answer.folders,
                algorithm=checksum if answer.checksum else "",
                checksum=answer.checksum,
            )

        asked = self._ask_cancellably(request, body) if checksum else self._ask_ours(request, body)
        return asked.addCallback(information)

    @hops_to_reactor
    def quota(self, path: str = "/") -> Deferred[DiskQuota]:
        """The room for what is put there: of a shared folder, its owner's."""
        asked = self._ask_disk(MessageType.DISK_QUOTA, contracts.PathBody(self.absolute(path)))
        return asked.addCallback(contracts.QUOTA.decode)

    # --- changing -----------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def make_folder(self, path: str, *, parents: bool = False) -> Deferred[DiskEntry]:
        """Make a folder; with `parents`, those on the way, too, and one that is there is no error."""
        wanted = self.absolute(path)
        asked = self._ask_disk(MessageType.DISK_MAKE_FOLDER, contracts.MakeFolderBody(parents, wanted))
        return asked.addCallback(_decoded, wanted)

    @hops_to_reactor
    def rename(self, path: str, name: str, *, replace: bool = False) -> Deferred[DiskEntry]:
        """Give a file or folder another name, in the folder in which it is."""
        wanted = self.absolute(path)
        return self._move(wanted, f"{wanted.rpartition('/')[0]}/{name}", replace)

    @hops_to_reactor
    def move(self, source: str, target: str, *, replace: bool = False) -> Deferred[DiskEntry]:
        """Give a file or folder another path; a target that ends in `/` is a folder in which it keeps its name.

        What is there is replaced only with `replace`: a file by a file, a folder with all that is in it by a folder.
        """
        return self._move(self.absolute(source), self._target(target, source), replace)

    @hops_to_reactor
    def remove(self, path: str, *, recursive: bool = False) -> Deferred[DiskRemoved]:
        """Remove a file or an empty folder; with `recursive`, a folder with all that is in it. It cannot be had
        back."""
        asked = self._ask_disk(MessageType.DISK_REMOVE, contracts.RemoveBody(self.absolute(path), recursive))
        return asked.addCallback(contracts.REMOVED.decode)

    # --- sharing ------------------------------------------------------------------------------------------------------
    @hops_to_reactor
    def share(
        self, path: str, users: Iterable[str] = (), groups: Iterable[str] = (), *, may_write: bool = False
    ) -> Deferred[DiskShare]:
        """Let others use a file or folder of this account's, besides those who may already: see it, or change it, too.

        They find it at `shared_path`, and those in a group for as long as they are members.
        """
        return self._ask_about_share(MessageType.DISK_SHARE, path, users, groups, may_write)

    @hops_to_reactor
    def unshare(self, path: str, users: Iterable[str] = (), groups: Iterable[str] = ()) -> Deferred[DiskShare]:
        """Let some of them use it no more, or with none named all of them; fires with what is left of the share."""
        return self._ask_about_share(MessageType.DISK_UNSHARE, path, users, groups, False)

    @hops_to_reactor
    def shared_by_me(self, after: str | None = None, limit: int = limits.DISK_PAGE) -> Deferred[DiskShares]:
        """A page of what this account shares, behind the shared path `after`."""
        return self._shares(True, after, limit)

    @hops_to_reactor
    def shared_with_me(self, after: str | None = None, limit: int = limits.DISK_PAGE) -> Deferred[DiskShares]:
        """A page of what others share with this account, behind the shared path `after`."""
        return self._shares(False, after, limit)

    # --- asking -------------------------------------------------------------------------------------------------------
    def _ask_disk(self, request: MessageType, body: Any) -> Deferred[Any]:
        return self._ask_ours(request, _CODECS[request].encode(body))

    def _ask_cancellably(self, request: MessageType, body: bytes) -> Deferred[Any]:
        if not self._is_served:
            return self._ask_ours(request, body)
        calls, way = self._client.calls, self._client.channel(None)
        message_id, inner = calls.open(None, request, request, 0)

        def cancel(_: Deferred[Any]) -> None:
            inner.cancel()
            self._client.channel(None).send(
                MessageType.DISK_CANCEL, contracts.CANCEL.encode(contracts.CancelBody(message_id))
            )

        answer: Deferred[Any] = Deferred(cancel)
        way.send(request, body, message_id)
        inner.addCallbacks(answer.callback, answer.errback)
        return answer

    def _move(self, source: str, target: str, replace: bool) -> Deferred[DiskEntry]:
        body = contracts.MoveBody(replace=replace, source=source, target=target)
        return self._ask_disk(MessageType.DISK_MOVE, body).addCallback(_decoded, target)

    def _target(self, target: str, source: str) -> str:
        """An absolute path; a target that ends in `/`, or is empty, is a folder for something of the source's name."""
        if target and not target.endswith("/"):
            return self.absolute(target)
        return self.absolute(f"{target}{source.rstrip('/').rpartition('/')[2]}")

    def _shares(self, by_me: bool, after: str | None, limit: int) -> Deferred[DiskShares]:
        asked = self._ask_disk(MessageType.DISK_SHARES, contracts.ListSharesBody(after, by_me, limit))
        return asked.addCallback(contracts.SHARES.decode)

    def _ask_about_share(
        self, request: MessageType, path: str, users: Iterable[str], groups: Iterable[str], may_write: bool
    ) -> Deferred[DiskShare]:
        body = contracts.ShareBody(
            groups=name_list(groups, "groups"),
            path=self.absolute(path),
            users=name_list(users, "users"),
            may_write=may_write,
        )
        return self._ask_disk(request, body).addCallback(contracts.SHARED.decode)


_CODECS: dict[MessageType, Any] = {
    MessageType.DISK_LIST: contracts.LIST,
    MessageType.DISK_MAKE_FOLDER: contracts.MAKE_FOLDER,
    MessageType.DISK_MOVE: contracts.MOVE,
    MessageType.DISK_REMOVE: contracts.REMOVE,
    MessageType.DISK_UPLOAD: contracts.UPLOAD,
    MessageType.DISK_DOWNLOAD: contracts.DOWNLOAD,
    MessageType.DISK_SHARE: contracts.SHARE,
    MessageType.DISK_UNSHARE: contracts.SHARE,
    MessageType.DISK_SHARES: contracts.LIST_SHARES,
    MessageType.DISK_QUOTA: contracts.PATH,
}


def _decoded(body: bytes, path: str) -> DiskEntry:
    return _entry(path, contracts.ENTRY.decode(body))


def _entry(path: str, row: EntryBody) -> DiskEntry:
    return DiskEntry(
        path=path,
        name=row.name,
        is_folder=row.is_folder,
        size=row.size,
        modified_at=row.modified_at,
        is_executable=row.is_executable,
        may_write=row.may_write,
        is_shared=row.is_shared,
    )
