"""Trees in use: what is done in each, one change after another, and what it takes of its quota. Knows no right.

A tree is counted when somebody first asks how much is in it, in a thread; from then on changes correct the figures.
"""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import Any, Final, TypeVar

from twisted.internet.defer import DeferredSemaphore

from esframework.filesystem.worker import FileWorker
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.quota import Amount, TreeAccount
from esframework.managers.disk.machine.refusals import NoSuchPath
from esframework.managers.disk.options import DiskOptions
from esframework.managers.disk.storage import Storage

T = TypeVar("T")

_LOOKS_AT_ONCE: Final = 3
"""Threads that those who look at one tree may take at a time: transfers of others need some, too."""

MOST_REMEMBERED: Final = 4096
"""Users' folders of which it is remembered how much is in them, while nothing is done there."""


class Tree:
    """One tree. `owner` is whose it is, None of a public one; `quota` what may be in it. `first`, in a thread, comes
    before all that is done in it, and as often as it fails again."""

    def __init__(
        self,
        storage: Storage,
        owner: str | None,
        quota: Amount,
        reactor: Any,
        is_writable: bool = True,
        first: Callable[[], object] | None = None,
    ) -> None:
        self.storage = storage
        self.owner = owner
        self.quota = quota
        self.is_writable = is_writable
        self.targets: set[tuple[str, ...]] = set()
        """Where uploads under way will be."""
        self.is_over = False
        """Its owner is no more: what is at its place now, if anything, is somebody else's."""
        self._reactor = reactor
        self._worker = FileWorker(reactor)
        self._looking = DeferredSemaphore(_LOOKS_AT_ONCE)
        self._account: TreeAccount | None = None
        self._first = first
        self._is_prepared = False
        self._preparing = Lock()
        self._is_counted = False
        self._has_ended_uploads = False
        self._at_work = 0

    @property
    def is_idle(self) -> bool:
        """Whether nothing is lost when this is forgotten."""
        return not self._at_work and not self.targets and self._first is None

    @property
    def account(self) -> TreeAccount | None:
        """Its figures, if it was counted."""
        return self._account

    async def look(self, work: Callable[[], T]) -> T:
        """Do something that changes nothing, beside changes and a few others who look."""
        await self._looking.acquire()
        try:
            return await self._at(FileWorker(self._reactor), work)
        finally:
            self._looking.release()

    async def change(self, work: Callable[[], tuple[T, Amount]]) -> T:
        """Do something that changes the tree, when all changes before it are done; it tells how much more is there
        then, or less. When it raises, nobody knows that, and all is counted anew when somebody asks."""

        def changing() -> tuple[T, Amount, bool]:
            try:
                result, amount = work()
            except OSError:
                self._is_counted = False
                raise
            return result, amount, self._is_counted

        result, amount, was_counted = await self._at(self._worker, changing)
        if was_counted and self._account is not None:
            self._account.changed(amount)
        return result

    async def counted(self) -> TreeAccount:
        """Its figures; all is counted first, if nobody has asked before."""
        if self._account is None or not self._is_counted:
            found = await self._at(self._worker, self._count)
            if self._account is None:
                self._account = TreeAccount()
            if found is not None:
                self._account.recount(*found)
        return self._account

    def upload_ended(self, names: tuple[str, ...]) -> None:
        """An upload is over, and what is left of it may still be put away."""
        self.targets.discard(names)
        self._has_ended_uploads = True

    @property
    def has_parts(self) -> bool:
        """Whether anything half received may be there."""
        return self._has_ended_uploads or (self._account is not None and self._account.parts != Amount())

    async def recount_parts(self) -> None:
        """Look again what half received uploads take that nobody goes on with."""
        if self._account is not None and self._is_counted and not self.targets:
            self._has_ended_uploads = False
            parts = await self._at(self._worker, self.storage.parts)
            if not self.targets:
                self._account.set_parts(parts)

    def _count(self) -> tuple[Amount, Amount] | None:
        if self._is_counted:
            # Somebody else has asked meanwhile.
            return None
        found = self.storage.measure(()).amount, self.storage.parts()
        self._is_counted = True
        return found

    async def _at(self, worker: FileWorker, work: Callable[[], T]) -> T:
        self._at_work += 1
        try:
            return await worker.run(lambda: self._prepared(work))
        finally:
            self._at_work -= 1

    def _prepared(self, work: Callable[[], T]) -> T:
        if self.is_over:
            raise NoSuchPath("/")
        with self._preparing:
            if self._first is not None:
                self._first()
                self._first = None
            if not self._is_prepared and self.is_writable:
                self.storage.prepare()
            self._is_prepared = True
        try:
            return work()
        except FileNotFoundError:
            # Somebody has removed the tree itself.
            self._is_prepared = False
            raise


class Trees:
    """The trees of one server."""

    def __init__(self, folder: DiskFolder, options: DiskOptions, reactor: Any) -> None:
        self._folder = folder
        self._options = options
        self._reactor = reactor
        self._of_users: dict[str, Tree] = {}
        self._public = {
            name: Tree(folder.public_storage(public), None, Amount(), reactor, public.is_writable)
            for name, public in options.public.items()
        }

    def of(self, user_id: str) -> Tree:
        """The tree of a user."""
        tree = self._of_users.pop(user_id, None)
        if tree is None:
            self._make_room()
            tree = Tree(self._folder.storage_of(user_id), user_id, Amount(), self._reactor)
        # The last one used is the last one forgotten.
        self._of_users[user_id] = tree
        tree.quota = self._quota_of(user_id)
        return tree

    def public(self, name: str) -> Tree | None:
        """The tree of a public folder."""
        return self._public.get(name)

    @property
    def public_names(self) -> list[str]:
        """Of all public folders."""
        return sorted(self._public)

    def in_use(self) -> list[Tree]:
        """Those that are remembered."""
        return [*self._of_users.values(), *self._public.values()]

    async def clear(self, user_id: str) -> None:
        """A user is no more. Whoever has the name next sees nothing of what was there: it is set aside before anything
        else is done, or nothing is. Raises OSError."""
        if user_id in self._of_users:
            self._of_users[user_id].is_over = True
        tree = Tree(
            self._folder.storage_of(user_id),
            user_id,
            Amount(),
            self._reactor,
            first=lambda: self._folder.set_aside(user_id),
        )
        self._of_users[user_id] = tree
        await tree.look(lambda: None)

    def _quota_of(self, user_id: str) -> Amount:
        special = None if self._options.quota_of is None else self._options.quota_of(user_id)
        return Amount(self._options.quota if special is None else special, self._options.entries)

    def _make_room(self) -> None:
        if len(self._of_users) >= MOST_REMEMBERED:
            idle = next((user for user, tree in self._of_users.items() if tree.is_idle), None)
            if idle is not None:
                del self._of_users[idle]


