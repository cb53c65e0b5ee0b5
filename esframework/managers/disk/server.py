"""The server's half of the network disk: what the application sees of it, and how its parts come together."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from esframework import limits
from esframework.errors import PluginError, StoreError
from esframework.filesystem.worker import FileWorker
from esframework.interfaces import IServerContext, Registrations
from esframework.managers.disk.contracts import (
    DiskEntry,
    DiskInformation,
    DiskPage,
    DiskQuota,
    DiskRemoved,
    DiskShare,
    DiskShares,
)
from esframework.managers.disk.downloads import Downloads
from esframework.managers.disk.events import DiskChange, DiskTask, Question
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.refusals import NotAllowed
from esframework.managers.disk.machine.shares import ShareBook
from esframework.managers.disk.machine.tickets import Tickets
from esframework.managers.disk.membership import Membership
from esframework.managers.disk.operations import DiskOperations
from esframework.managers.disk.options import DiskOptions
from esframework.managers.disk.owners import Owners
from esframework.managers.disk.places import Actor, Places
from esframework.managers.disk.requests import DiskRequests
from esframework.managers.disk.sharing import Sharing
from esframework.managers.disk.trees import Trees
from esframework.managers.disk.uploads import Upload, Uploads
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event, Subscription
from esframework.plugins.quiet import Quiet
from esframework.wire.login_id import Source

T = TypeVar("T")
_log = Logger()

_RECOUNT: Final = 60.0
"""Seconds between two looks at what half received uploads take: some expire."""
_LOAD_AGAIN: Final = 10.0
"""Seconds between two tries to begin: the server that had the folder before may be about to end."""


class ServerDisk:
    """`server.disk` (InIOCP's file manager; the manual's network-disk demo).

    `before_upload(task)` and `before_download(task)` may refuse, by a text, by False or by raising, and may be awaited;
    `after_upload(task)` and `after_download(task)` tell of the end of each, in `task.error` why it failed.
    `changed(change)`: a folder was made, something moved or removed, shared or not any more.

    The permission hook is asked with the path: `disk_read`, `disk_write`, `disk_remove`, `disk_share` (default: all in
    one's own folder, elsewhere what is shared). What is done here is done in a user's name and needs no permission; it
    fails as requests do, with a `DiskRefusal`, an `UnsafePath` or OSError.
    """

    def __init__(self, server: IServerContext, options: DiskOptions, folder: DiskFolder) -> None:
        self._server = server
        self.reactor: Any = server.clock
        self.options = options
        self._folder = folder
        self.before_upload: Question[DiskTask] = Question("disk.before_upload")
        self.after_upload: Event[DiskTask] = Event("disk.after_upload")
        self.before_download: Question[DiskTask] = Question("disk.before_download")
        self.after_download: Event[DiskTask] = Event("disk.after_download")
        self.changed: Event[DiskChange] = Event("disk.changed")
        book, membership = ShareBook(), Membership(server)
        self._trees = Trees(folder, options, server.clock)
        self._owners = Owners(server, folder, self._put_away)
        places = Places(server, self._trees, book, membership, self._owners)
        self._operations = DiskOperations(
            self._trees,
            places,
            book,
            membership,
            self._owners,
            self.changed.fire,
            lambda owner: self._sharing.write_soon(owner),
        )
        self._sharing = Sharing(
            folder, book, places, self._operations, membership, self._owners, server.clock
        )
        self._tickets: Tickets[Any] = Tickets(limits.DISK_TICKET_LIFETIME, limits.MAX_DISK_TRANSFERS)
        self._uploads = Uploads(server.clock, places, self._tickets, self.before_upload, self.after_upload)
        downloads = Downloads(
            server, places, self._operations, self._tickets, self.before_download, self.after_download
        )
        self._requests = DiskRequests(
            server, self._operations, self._sharing, self._uploads, downloads, lambda actor: self._ready(actor)
        )
        self._janitor = FileWorker(server.clock)
        self._is_loading = self._is_loaded = self._is_stopped = False
        self._waiting: list[Deferred[None]] = []
        self._watched: list[Subscription] = []
        self._recount_at = self._load_at = 0.0
        self._quiet = Quiet(server.clock)

    # --- in a user's name ---------------------------------------------------------------------------------------------
    @hops_to_reactor
    def list_folder(
        self, user_id: str, path: str = "/", after: str | None = None, limit: int = limits.DISK_PAGE
    ) -> Deferred[DiskPage]:
        """A page of a folder's entries, by name, behind the name `after`."""
        return self._do(user_id, lambda actor: self._operations.page(actor, path, after, limit))

    @hops_to_reactor
    def information(self, user_id: str, path: str, checksum: str = "") -> Deferred[DiskInformation]:
        """What there is to know of a file or folder; `checksum` is `blake2b`, `blake3` or empty for none."""
        return self._do(user_id, lambda actor: self._operations.information(actor, path, checksum))

    @hops_to_reactor
    def make_folder(self, user_id: str, path: str, *, parents: bool = False) -> Deferred[DiskEntry]:
        """Make a folder; with `parents`, those on the way, too, and one that is there is no error."""
        return self._do(user_id, lambda actor: self._operations.make_folder(actor, path, parents))

    @hops_to_reactor
    def move(self, user_id: str, source: str, target: str, *, replace: bool = False) -> Deferred[DiskEntry]:
        """Give a file or folder another path."""
        return self._do(user_id, lambda actor: self._operations.move(actor, source, target, replace))

    @hops_to_reactor
    def remove(self, user_id: str, path: str, *, recursive: bool = False) -> Deferred[DiskRemoved]:
        """Remove a file or an empty folder; with `recursive`, a folder with all that is in it."""
        return self._do(user_id, lambda actor: self._operations.remove(actor, path, recursive))

    @hops_to_reactor
    def share(
        self, user_id: str, path: str, users: Sequence[str] = (), groups: Sequence[str] = (), *, may_write: bool = False
    ) -> Deferred[DiskShare]:
        """Let others use something of a user's."""
        return self._do(user_id, lambda actor: self._sharing.share(actor, path, users, groups, may_write))

    @hops_to_reactor
    def unshare(
        self, user_id: str, path: str, users: Sequence[str] = (), groups: Sequence[str] = ()
    ) -> Deferred[DiskShare]:
        """Let some of them, or with none named all of them, use it no more; fires with what is left."""
        return self._do(user_id, lambda actor: self._sharing.unshare(actor, path, users, groups))

    @hops_to_reactor
    def shares(
        self, user_id: str, *, by_me: bool, after: str | None = None, limit: int = limits.DISK_PAGE
    ) -> Deferred[DiskShares]:
        """A page of what a user shares, or of what is shared with it."""
        return self._do(user_id, lambda actor: self._sharing.page(actor, by_me, after, limit))

    @hops_to_reactor
    def quota(self, user_id: str, path: str = "/") -> Deferred[DiskQuota]:
        """How much room a user has, and how much of it is used."""
        return self._do(user_id, lambda actor: self._operations.quota(actor, path))

    def _do(self, user_id: str, work: Callable[[Actor], Awaitable[T]]) -> Deferred[T]:
        actor = Actor(user_id, is_server=True)

        async def when_ready() -> T:
            await self._ready(actor)
            return await work(actor)

        return Deferred.fromCoroutine(when_ready())

    # --- what the engine tells ----------------------------------------------------------------------------------------
    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self,
            handlers=self._requests.handlers(),
            logged_off=self._logged_off,
            sweep=self._sweep,
            start=self._start,
            stop=self._stop,
        )

    def _start(self) -> None:
        self._watched = [
            self._server.manager("files").claim(self._uploads.claim),
            self._server.users.connected.subscribe(lambda user: self._owners.forget(user.user_id)),
        ]
        for name, event, heard in (
            ("accounts", "deleted", self._account_deleted),
            ("groups", "dissolved", lambda group_id, *_: self._sharing.group_ended(group_id)),
        ):
            try:
                facade = self._server.manager(name)
            except PluginError:
                # A server may do without; then nobody is deleted, and no group ends.
                continue
            self._watched.append(getattr(facade, event).subscribe(heard))
        self._load()

    def _stop(self) -> None:
        for subscription in self._watched:
            subscription.cancel()
        self._watched = []
        self._is_stopped = True
        self._folder.let_go()

    def _load(self) -> None:
        def loaded(_: None) -> None:
            self._is_loaded = True
            if not self.options.keep_deleted:
                self._clean_up()

        def failed(failure: Any) -> None:
            if self._quiet.admits(failure.getErrorMessage()) is not None:
                _log.error("the network disk is not served: {error}", error=failure.getErrorMessage())

        def go_on(_: None) -> None:
            self._is_loading = False
            if self._is_stopped:
                self._folder.let_go()
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)

        self._is_loading = True
        self._load_at = self._server.clock.seconds() + _LOAD_AGAIN
        held = self._janitor.run(self._hold).addCallback(lambda _: self._sharing.load())
        held.addCallbacks(loaded, failed).addCallback(go_on)

    def _hold(self) -> None:
        if not self._folder.hold():
            text = f"{self._folder} is another server's, which knows by heart what is in it and who shares what"
            raise StoreError(f"{text}; give each server a folder of its own, or end the other one")

    async def _ready(self, actor: Actor) -> None:
        """Return when it is known what is shared, and that the actor's folder is the actor's; raises StoreError when
        that cannot be known."""
        if self._is_loading:
            waiting: Deferred[None] = Deferred()
            self._waiting.append(waiting)
            await waiting
        if not self._is_loaded:
            raise StoreError("what is shared is not known")
        if not await self._owners.check(actor.user_id) and not actor.is_server:
            raise NotAllowed(f"the account {actor.user_id!r} is no more")

    def _logged_off(self, source: Source | None) -> None:
        if source is None:
            return
        self._requests.logged_off(source.login_id)
        for task in self._tickets.of(source.login_id):
            self._give_up(task)

    def _sweep(self, now: float) -> None:
        for task in self._tickets.expire(now):
            self._give_up(task)
        if not self._is_loaded and not self._is_loading and now >= self._load_at:
            self._load()
        if now >= self._recount_at:
            self._recount_at = now + _RECOUNT
            for tree in self._trees.in_use():
                if tree.has_parts:
                    Deferred.fromCoroutine(tree.recount_parts()).addErrback(_not_counted)

    def _give_up(self, task: Any) -> None:
        if isinstance(task, Upload):
            self._uploads.given_up(task)

    def _account_deleted(self, user_id: str) -> None:
        self._owners.forget(user_id)
        Deferred.fromCoroutine(self._put_away(user_id)).addErrback(_not_cleared, user_id)

    async def _put_away(self, user_id: str) -> None:
        """An account is no more: the next of that name sees nothing of what it had. Raises OSError."""
        self._sharing.user_deleted(user_id)
        await self._trees.clear(user_id)
        if not self.options.keep_deleted:
            self._clean_up()

    def _clean_up(self) -> None:
        cleaned = self._janitor.run(self._folder.remove_deleted)
        cleaned.addErrback(lambda failure: _log.failure("files of deleted accounts are left", failure))


def _not_cleared(failure: Any, user_id: str) -> None:
    failure.trap(OSError)
    text = "files of {user!r}, whose account is deleted, are left, and nobody of that name has a disk: {error}"
    _log.error(text, user=user_id, error=failure.getErrorMessage())


def _not_counted(failure: Any) -> None:
    _log.failure("what half received uploads take could not be counted", failure)
