"""Sharing: who may use what of somebody's folder, kept so that it survives a restart. Knows no message type.

Users who are deleted, and groups that end, lose what was shared with them: the next of that name is somebody else.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.filesystem.worker import FileWorker
from esframework.managers.disk.contracts import DiskShare, DiskShares
from esframework.managers.disk.events import DiskChange, Operation
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.pages import page_of
from esframework.managers.disk.machine.paths import SHARED, owner_name, text_of
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath
from esframework.managers.disk.machine.shares import Right, Share, ShareBook
from esframework.managers.disk.membership import Membership
from esframework.managers.disk.operations import DiskOperations
from esframework.managers.disk.owners import Owners
from esframework.managers.disk.places import Act, Actor, Places
from esframework.wire.identity import check_account_name
from esframework.wire.types import EVERYBODY

_log = Logger()


class Sharing:
    """The shares of one server; `load` comes first."""

    def __init__(
        self,
        folder: DiskFolder,
        book: ShareBook,
        places: Places,
        operations: Any,
        membership: Membership,
        owners: Owners,
        reactor: Any,
    ) -> None:
        self._folder = folder
        self._book = book
        self._places = places
        self._operations: DiskOperations = operations
        self._membership = membership
        self._owners = owners
        self._worker = FileWorker(reactor)

    def load(self) -> Deferred[None]:
        """Read what was written down. Fails with StoreError for what cannot be understood, and with OSError."""
        return self._worker.run(self._folder.read_shares).addCallback(self._book.load)

    def write(self, owner: str) -> Deferred[None]:
        """Write down a user's shares; fires when they are on the disk."""
        shares, ends = self._book.of(owner), self._folder.ends_of(owner)
        return self._worker.run(lambda: self._folder.write_shares(owner, shares, ends))

    def write_soon(self, owner: str) -> None:
        """The same, where nobody waits: after a move, whose shares are written anew with the next change if not now."""
        self.write(owner).addErrback(lambda failure: _log.failure("shares of {owner!r}", failure, owner=owner))

    # --- what users do ------------------------------------------------------------------------------------------------
    async def share(
        self, actor: Actor, path: str, users: Sequence[str], groups: Sequence[str], may_write: bool
    ) -> DiskShare:
        """Let others use something. Raises `InvalidPath`, `NoSuchPath` for nothing there and for no such group, ..."""
        place = await self._places.place(actor, path, Act.SHARE)
        entry = await self._operations.entry(actor, place)
        if len(users) + len(groups) > limits.MAX_SHARED_WITH:
            raise InvalidPath(f"{len(users) + len(groups)} are named; at most {limits.MAX_SHARED_WITH} may be")
        for user in users:
            check_account_name(user)
            # It is noted who has the name now: the next one is not meant.
            await self._owners.check(user)
        for group in groups:
            if group == EVERYBODY:
                raise InvalidPath(f"{group!r} is no group: something is shared with those who are named")
            if not await self._membership.exists(group):
                raise NoSuchPath(f"group {group!r} that anybody is in")
        if place.tree.is_over:
            raise NoSuchPath(path)
        before = self._book.at(actor.user_id, place.names)
        right = Right.WRITE if may_write else Right.READ
        share = self._book.share(actor.user_id, place.names, users, groups, right)
        await self._written(share.owner, share, before)
        self._operations.tell(DiskChange(Operation.SHARE, actor.user_id, entry.path))
        return _for_owner(share)

    async def unshare(self, actor: Actor, path: str, users: Sequence[str], groups: Sequence[str]) -> DiskShare:
        """Let some of them, or with none named all of them, use it no more."""
        place = await self._places.place(actor, path, Act.SHARE)
        before = self._book.at(actor.user_id, place.names)
        left = self._book.unshare(actor.user_id, place.names, users, groups)
        await self._written(actor.user_id, left, before)
        self._operations.tell(DiskChange(Operation.UNSHARE, actor.user_id, path))
        return _for_owner(left or Share(actor.user_id, place.names[-1], place.names, {}, {}))

    async def page(self, actor: Actor, by_me: bool, after: str | None, limit: int) -> DiskShares:
        """What one shares, or what is shared with one, by the path under which others see it."""
        if by_me:
            rows = [_for_owner(share) for share in self._book.of(actor.user_id)]
        else:
            shares = await self._operations.given(actor.user_id)
            groups = await self._membership.of(actor.user_id, {group for share in shares for group in share.groups})
            rows = [_for_others(share, share.right_of(actor.user_id, groups)) for share in shares]
        limit = max(1, min(limit, limits.DISK_PAGE))
        return DiskShares(*page_of(rows, lambda row: row.shared_path, after, limit))

    # --- who is no more -----------------------------------------------------------------------------------------------
    def user_deleted(self, user_id: str) -> None:
        """Its shares end, and what was shared with it."""
        for owner in self._book.forget_user(user_id):
            self.write_soon(owner)

    def group_ended(self, group_id: str) -> None:
        """What was shared with it ends."""
        for owner in self._book.forget_group(group_id):
            self.write_soon(owner)

    # --- inside -------------------------------------------------------------------------------------------------------
    async def _written(self, owner: str, now: Share | None, before: Share | None) -> None:
        """Shares count when they are on the disk; what cannot be written is taken back."""
        try:
            await self.write(owner)
        except BaseException:
            self._book.restore(now, before)
            raise


def _for_owner(share: Share) -> DiskShare:
    def named(rights: Any, right: Right) -> list[str]:
        return sorted(name for name, given in rights.items() if given is right)

    return DiskShare(
        owner=share.owner,
        path=text_of(share.path),
        shared_path=_shared_path(share),
        users=named(share.users, Right.READ),
        groups=named(share.groups, Right.READ),
        writing_users=named(share.users, Right.WRITE),
        writing_groups=named(share.groups, Right.WRITE),
        may_write=True,
    )


def _for_others(share: Share, right: Right) -> DiskShare:
    return DiskShare(
        owner=share.owner,
        path="",
        shared_path=_shared_path(share),
        users=[],
        groups=[],
        writing_users=[],
        writing_groups=[],
        may_write=right >= Right.WRITE,
    )


def _shared_path(share: Share) -> str:
    return f"/{SHARED}/{owner_name(share.owner)}/{share.name}"
