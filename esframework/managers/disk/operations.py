"""What can be done on the disk, but for uploads and downloads: each by a user, or by the server on a user's behalf.

Everything fails with a `DiskRefusal`, with `UnsafePath` for a name that no file may have, and with OSError.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import count
from typing import Final, TypeVar

from esframework import limits
from esframework.managers.disk.checksums import Checksums
from esframework.managers.disk.contracts import DiskEntry, DiskInformation, DiskPage, DiskQuota, DiskRemoved
from esframework.managers.disk.events import DiskChange, Operation
from esframework.managers.disk.machine.pages import page_of
from esframework.managers.disk.machine.paths import PUBLIC, SHARED, Area, Location, owner_name
from esframework.managers.disk.machine.quota import Amount
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath, NotAllowed
from esframework.managers.disk.machine.shares import Right, Share, ShareBook
from esframework.managers.disk.membership import Membership
from esframework.managers.disk.owners import Owners
from esframework.managers.disk.places import Act, Actor, Place, Places
from esframework.managers.disk.storage import Found, Measure
from esframework.managers.disk.trees import Tree, Trees

T = TypeVar("T")
_OPERATION: Final = "operation"
"""What is reserved under this name and a number is so until one change is made."""


class DiskOperations:
    """`changed` is told of each change; `shares_changed(owner)` writes down the shares of a user."""

    def __init__(
        self,
        trees: Trees,
        places: Places,
        book: ShareBook,
        membership: Membership,
        owners: Owners,
        changed: Callable[[DiskChange], None],
        shares_changed: Callable[[str], object],
    ) -> None:
        self._trees = trees
        self._places = places
        self._book = book
        self._membership = membership
        self._owners = owners
        self.tell = changed
        self._shares_changed = shares_changed
        self._checksums = Checksums()
        self._numbers = count()

    # --- questions ----------------------------------------------------------------------------------------------------
    async def page(self, actor: Actor, path: str, after: str | None, limit: int) -> DiskPage:
        """A page of a folder's entries."""
        limit = max(1, min(limit, limits.MAX_DISK_PAGE))
        location = await self._places.location(actor, path)
        if location.area is not Area.OWN and location.name is None:
            entries = await self._made_by_the_disk(actor, location)
            return DiskPage(*page_of(entries, lambda entry: entry.name, after, limit))
        place = await self._places.place(actor, path, Act.READ)
        storage = place.tree.storage
        found, has_more = await place.tree.look(lambda: storage.page(place.names, after, limit))
        shared = self._shared_paths(actor, place)
        entries = [self._entry(place, each, place.names + (each.name,) in shared) for each in found]
        if place.path == "/":
            entries, is_cut = page_of([*entries, *self._doors()], lambda entry: entry.name, after, limit)
            has_more |= is_cut
        return DiskPage(entries, has_more)

    async def information(
        self, actor: Actor, path: str, algorithm: str, cancelled: Callable[[], bool] = lambda: False
    ) -> DiskInformation:
        """What there is to know of a file or folder; with an `algorithm`, its checksum."""
        location = await self._places.location(actor, path)
        if location.area is not Area.OWN and location.name is None:
            entry = await self._list_itself(actor, location, path)
            return DiskInformation(entry=entry, size=0, files=0, folders=0, algorithm="", checksum=b"")
        place = await self._places.place(actor, path, Act.READ)
        entry = await self.entry(actor, place)
        if not algorithm:
            files = 0 if entry.is_folder else 1
            return DiskInformation(entry=entry, size=entry.size, files=files, folders=0, algorithm="", checksum=b"")
        found = await self._checksums.of(place.tree, place.names, entry.is_folder, algorithm, cancelled)
        return DiskInformation(
            entry=entry,
            size=found.size,
            files=found.files,
            folders=found.folders,
            algorithm=algorithm,
            checksum=found.digest,
        )

    async def quota(self, actor: Actor, path: str) -> DiskQuota:
        """The room for what is put there."""
        place = await self._places.place(actor, path, Act.READ)
        tree = place.tree
        on_disk = await tree.look(lambda: tree.storage.free)
        if tree.owner is None:
            # Nobody counts what the operator puts there.
            return DiskQuota(
                used=0, parts=0, reserved=0, allowed=0, free=on_disk, entries=0, allowed_entries=0
            )
        account = await tree.counted()
        used, reserved, allowed = account.used, account.reserved, tree.quota
        left = on_disk if not allowed.bytes else min(on_disk, allowed.bytes - used.bytes)
        return DiskQuota(
            used=max(0, account.kept.bytes),
            parts=max(0, account.parts.bytes),
            reserved=max(0, reserved.bytes),
            allowed=allowed.bytes,
            free=max(0, left),
            entries=max(0, account.kept.entries + account.parts.entries),
            allowed_entries=allowed.entries,
        )

    async def entry(self, actor: Actor, place: Place) -> DiskEntry:
        """The entry of a place."""
        found = await place.tree.look(lambda: place.tree.storage.find(place.names))
        folder, _, name = place.path.rpartition("/")
        is_shared = place.names in self._shared_paths(actor, place)
        return _entry(folder, _renamed(found, name), place.right, is_shared)

    # --- changes ------------------------------------------------------------------------------------------------------
    async def make_folder(self, actor: Actor, path: str, parents: bool) -> DiskEntry:
        """Make a folder."""
        place = await self._places.place(actor, path, Act.WRITE)
        tree, names = place.tree, place.names
        if not names:
            raise InvalidPath(f"{path} is there already: it is where everything begins")

        def make() -> tuple[int, Amount]:
            made = tree.storage.make_folder(names, parents)
            return made, Amount(0, made)

        missing = await tree.look(lambda: tree.storage.missing(names))
        if await self._change_with_room(tree, Amount(0, missing if parents else min(missing, 1)), make):
            self.tell(DiskChange(Operation.MAKE_FOLDER, actor.user_id, path))
        return await self.entry(actor, place)

    async def move(self, actor: Actor, source: str, target: str, replace: bool) -> DiskEntry:
        """Give something another name or place; its shares follow within one's own folder, and end elsewhere."""
        old = await self._places.place(actor, source, Act.REMOVE)
        new = await self._places.place(actor, target, Act.WRITE)
        for place in old, new:
            if place.is_root:
                raise NotAllowed(f"{place.path} stays where it is and what it is; only what is in it can be moved")
        if old.tree is new.tree:
            replaced = await self._move_within(old, new, replace)
        else:
            replaced = await self._move_across(old, new, replace)
        if old.names != new.names or old.tree is not new.tree:
            self._shares_move(old, new, replaced)
            self.tell(DiskChange(Operation.MOVE, actor.user_id, source, target))
        return await self.entry(actor, new)

    async def remove(self, actor: Actor, path: str, recursive: bool) -> DiskRemoved:
        """Remove a file or folder."""
        place = await self._places.place(actor, path, Act.REMOVE)
        if place.is_root:
            raise NotAllowed(f"{path} cannot be removed; only what is in it can")
        tree, names = place.tree, place.names

        def remove() -> tuple[Measure, Amount]:
            removed = tree.storage.remove(names, recursive)
            return removed, Amount() - removed.amount

        removed = await tree.change(remove)
        if tree.owner is not None and self._book.removed(tree.owner, names):
            self._shares_changed(tree.owner)
        self.tell(DiskChange(Operation.REMOVE, actor.user_id, path))
        return DiskRemoved(removed.files, removed.folders, removed.size)

    # --- inside -------------------------------------------------------------------------------------------------------
    async def _move_within(self, old: Place, new: Place, replace: bool) -> Measure:
        storage = old.tree.storage

        def move() -> tuple[Measure, Amount]:
            replaced = storage.move(old.names, storage, new.names, replace)
            return replaced, Amount() - replaced.amount

        return await old.tree.change(move)

    async def _move_across(self, old: Place, new: Place, replace: bool) -> Measure:
        source, target = old.tree, new.tree
        moved = await source.look(lambda: source.storage.measure(old.names))
        if source.owner is not None:
            await source.counted()

        def move() -> tuple[Measure, Amount]:
            replaced = source.storage.move(old.names, target.storage, new.names, replace)
            return replaced, moved.amount - replaced.amount

        replaced = await self._change_with_room(target, moved.amount, move)
        if source.account is not None:
            source.account.changed(Amount() - moved.amount)
        return replaced

    async def _change_with_room(self, tree: Tree, amount: Amount, work: Callable[[], tuple[T, Amount]]) -> T:
        """Do a change for which there is room, and which nobody else has that room for meanwhile."""
        if tree.owner is None or amount == Amount():
            return await tree.change(work)
        account = await tree.counted()
        # No blank in it: no upload's has none.
        ticket = f"{_OPERATION}-{next(self._numbers)}"
        account.reserve(ticket, amount, tree.quota)
        try:
            return await tree.change(work)
        finally:
            account.release(ticket)

    def _shares_move(self, old: Place, new: Place, replaced: Measure) -> None:
        changed: set[str] = set()
        if new.tree.owner is not None and replaced.amount != Amount():
            # What was shared there is gone.
            changed |= {new.tree.owner} if self._book.removed(new.tree.owner, new.names) else set()
        if old.tree.owner is not None:
            is_kept = old.tree is new.tree
            has_moved = (
                self._book.moved(old.tree.owner, old.names, new.names)
                if is_kept
                else self._book.removed(old.tree.owner, old.names)
            )
            changed |= {old.tree.owner} if has_moved else set()
        for owner in changed:
            self._shares_changed(owner)

    def _shared_paths(self, actor: Actor, place: Place) -> set[tuple[str, ...]]:
        """Paths that the actor shares, of a place in its own tree."""
        if place.tree.owner != actor.user_id:
            return set()
        return {share.path for share in self._book.of(actor.user_id)}

    def _entry(self, place: Place, found: Found, is_shared: bool) -> DiskEntry:
        return _entry("" if place.path == "/" else place.path, found, place.right, is_shared)

    # --- folders that the disk makes ----------------------------------------------------------------------------------
    def _doors(self) -> Iterable[DiskEntry]:
        yield _made("/" + SHARED)
        if self._trees.public_names:
            yield _made("/" + PUBLIC)

    async def _list_itself(self, actor: Actor, location: Location, path: str) -> DiskEntry:
        if location.owner is not None and not await self.given(actor.user_id, location.owner):
            raise NoSuchPath(path)
        return _made(path)

    async def _made_by_the_disk(self, actor: Actor, location: Location) -> list[DiskEntry]:
        """What is in `/public`, `/shared` and `/shared/OWNER`."""
        if location.area is Area.PUBLIC:
            return [_made(f"/{PUBLIC}/{name}") for name in self._trees.public_names]
        shares = await self.given(actor.user_id, location.owner)
        if location.owner is None:
            owners = sorted({owner_name(share.owner) for share in shares})
            return [_made(f"/{SHARED}/{owner}") for owner in owners]
        folder = f"/{SHARED}/{owner_name(location.owner)}"
        if not shares:
            raise NoSuchPath(folder)
        tree = self._trees.of(location.owner)
        groups = await self._membership.of(actor.user_id, {group for share in shares for group in share.groups})

        def find() -> list[tuple[Share, Found]]:
            found = []
            for share in shares:
                try:
                    found.append((share, tree.storage.find(share.path)))
                except NoSuchPath:
                    # Somebody has removed it at the server's machine.
                    continue
            return found

        return [
            _entry(folder, _renamed(each, share.name), share.right_of(actor.user_id, groups), False)
            for share, each in await tree.look(find)
        ]

    async def given(self, user_id: str, owner: str | None = None) -> list[Share]:
        """What others share with a user, or one of them does."""
        groups = await self._membership.of(user_id, self._book.groups())
        # What is found to be nobody's any more is not in the book then.
        for each in {share.owner for share in self._book.given_to(user_id, groups) if owner in (None, share.owner)}:
            await self._owners.check(each)
        return [share for share in self._book.given_to(user_id, groups) if owner in (None, share.owner)]


def _entry(folder: str, found: Found, right: Right, is_shared: bool) -> DiskEntry:
    return DiskEntry(
        path=f"{folder}/{found.name}",
        name=found.name,
        is_folder=found.is_folder,
        size=found.size,
        modified_at=found.modified_at,
        is_executable=found.is_executable,
        may_write=right >= Right.WRITE,
        is_shared=is_shared,
    )


def _made(path: str) -> DiskEntry:
    """A folder that is on no disk."""
    found = Found(path.rpartition("/")[2], True, 0, 0, False)
    return _entry(path.rpartition("/")[0], found, Right.READ, False)


def _renamed(found: Found, name: str) -> Found:
    return Found(name, found.is_folder, found.size, found.modified_at, found.is_executable)
