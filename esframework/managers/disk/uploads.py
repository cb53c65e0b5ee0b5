"""Uploads: agreed on by a request, then a transfer that the manager `files` receives, then put in their place.

Room is reserved from the agreement on. What is half received waits in a folder of its own beside the tree, where nobody
sees it, and goes on when the same is uploaded again. Knows no message type.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework.managers.disk.contracts import UploadBody, ticket_of
from esframework.managers.disk.events import DiskTask, Question
from esframework.managers.disk.machine.quota import Amount
from esframework.managers.disk.machine.refusals import Conflict, InvalidPath, NoSuchPath, NotAllowed, QuotaExceeded
from esframework.managers.disk.machine.tickets import Key, Tickets
from esframework.managers.disk.places import Act, Actor, Place, Places
from esframework.managers.disk.storage import Found, check_depth
from esframework.managers.disk.trees import Tree
from esframework.plugins.hooks import Event

_log = Logger()


@dataclass(slots=True, eq=False)
class Upload:
    """One upload, from the agreement to its end. `staging` is the name under which it is received."""

    key: Key
    actor: Actor
    place: Place
    staging: str
    amount: Amount
    replaced: Amount
    replace: bool
    task: DiskTask
    is_placed: bool = False

    @property
    def tree(self) -> Tree:
        """Where it will be."""
        return self.place.tree

    @property
    def ticket(self) -> str:
        """Under which its room is reserved: no two devices can choose the same."""
        return f"{self.key[0]} {self.key[1]}"


class Uploads:
    """Those of one server. `before` may refuse each, `after` is told of its end."""

    def __init__(
        self,
        clock: Any,
        places: Places,
        tickets: Tickets[Any],
        before: Question[DiskTask],
        after: Event[DiskTask],
    ) -> None:
        self._clock = clock
        self._places = places
        self._tickets = tickets
        self._before = before
        self._after = after
        self._open: set[Upload] = set()

    # --- agreeing -----------------------------------------------------------------------------------------------------
    async def agree(self, actor: Actor, asked: UploadBody) -> None:
        """Let a device upload something. Raises a `DiskRefusal`, `UnsafePath` or OSError, and then reserves nothing."""
        place = await self._places.place(actor, asked.path, Act.WRITE)
        if not place.names:
            raise InvalidPath(f"{asked.path} is where everything begins; name a file or folder in it")
        staging = blake2b(f"{actor.user_id}\0{asked.path}".encode(), digest_size=16).hexdigest()
        task = DiskTask(
            user_id=actor.user_id,
            device=actor.login_id,
            path=asked.path,
            is_upload=True,
            is_folder=asked.is_folder,
            size=asked.size,
            files=asked.files,
        )
        amount = Amount(asked.size, max(asked.files, 0) + max(asked.folders, 0))
        key = (actor.login_id, asked.ticket)
        upload = Upload(key, actor, place, staging, amount, Amount(), asked.replace, task)
        self._tickets.issue(key, upload, self._clock.seconds())
        try:
            await self._prepare(upload)
        except BaseException:
            self._tickets.close(key)
            raise

    async def _prepare(self, upload: Upload) -> None:
        tree, names = upload.tree, upload.place.names
        if names in tree.targets:
            raise Conflict(f"an upload to {upload.place.path} is under way already")
        # Before anything is waited for, so that no second one comes in between.
        tree.targets.add(names)
        try:
            upload.replaced, part = await tree.look(lambda: self._look(upload))
            await self._reserve(upload, part)
            self._open.add(upload)
            refusal = await self._before.refusal(upload.task)
            if refusal is not None:
                self._release(upload, part)
                raise NotAllowed(refusal)
            if self._tickets.find(upload.key) is not upload:
                self._release(upload, part)
                raise NotAllowed("the device has left")
        except BaseException:
            tree.targets.discard(names)
            self._open.discard(upload)
            raise

    def _look(self, upload: Upload) -> tuple[Amount, Amount]:
        """What will be replaced, and what of it was received before; in a thread."""
        storage, place = upload.tree.storage, upload.place
        storage.check_new(place.names)
        if place.names[:-1] and not storage.find(place.names[:-1]).is_folder:
            raise InvalidPath(f"{place.path} would be in a file")
        found = self._found(upload)
        part = storage.part_of(upload.staging)
        if found is None:
            return Amount(), part
        if found.is_folder != upload.task.is_folder:
            raise Conflict(f"{place.path} is there; a file replaces only a file, a folder only a folder")
        if place.is_root and found.is_folder:
            raise NotAllowed(f"{place.path} stays what it is; only what is in it can be replaced")
        if not upload.replace:
            raise Conflict(f"there is something at {place.path} already; replace=True (--replace) replaces it")
        return storage.measure(place.names).amount, part

    @staticmethod
    def _found(upload: Upload) -> Found | None:
        try:
            return upload.tree.storage.find(upload.place.names)
        except NoSuchPath:
            return None

    async def _reserve(self, upload: Upload, part: Amount) -> None:
        tree = upload.tree
        on_disk = await tree.look(lambda: tree.storage.free)
        if upload.amount.bytes - part.bytes > on_disk - self._expected():
            raise QuotaExceeded(f"{upload.amount.bytes} bytes do not fit on the server's disk")
        if tree.owner is not None:
            account = await tree.counted()
            # What goes on with a part that is larger than what was asked for takes what that takes.
            amount = upload.amount.at_least(part)
            account.reserve(upload.ticket, amount, tree.quota, replaced=upload.replaced, part=part)

    def _expected(self) -> int:
        """Bytes that uploads under way will yet take of the server's disk."""
        return sum(each.amount.bytes - getattr(each.task.transfer, "transferred", 0) for each in self._open)

    @staticmethod
    def _release(upload: Upload, part: Amount) -> None:
        if upload.tree.account is not None:
            upload.tree.account.release(upload.ticket, part)

    # --- the transfer -------------------------------------------------------------------------------------------------
    def claim(self, offer: Any) -> bool:
        """An offer has come in: take it if it was agreed on."""
        ticket = ticket_of(offer.subject)
        if ticket is None or offer.source is None:
            return False
        upload = self._tickets.take((offer.source.login_id, ticket))
        if not isinstance(upload, Upload):
            offer.refuse("no upload to the disk was agreed on under this ticket, or too long ago")
            return True
        task = upload.task
        if offer.is_folder != task.is_folder or offer.size > task.size or offer.files > task.files:
            self._begin_to_end(upload, InvalidPath("what was offered is not what was agreed on"))
            offer.refuse("it has changed since the upload was agreed on; begin anew")
            return True
        task.transfer = offer.transfer
        offer.transfer.done().addBoth(self._over, upload)
        offer.accept(
            upload.tree.storage.uploads / upload.staging,
            replace=True,
            before_kept=lambda path: self._place(upload),
            most_entries=upload.amount.entries,
        )
        return True

    def _place(self, upload: Upload) -> Deferred[None]:
        return Deferred.fromCoroutine(self._put_in_its_place(upload))

    async def _put_in_its_place(self, upload: Upload) -> None:
        """It is whole: give it its name, if that is still right. What this raises is told to its sender."""
        tree, staging = upload.tree, upload.staging
        try:
            # What one may do, and where the path leads, may have changed in the meantime.
            place = await self._places.place(upload.actor, upload.place.path, Act.WRITE)
            if place.tree is not tree or place.names != upload.place.names:
                raise NotAllowed(f"{upload.place.path} is somewhere else now")
            await tree.change(lambda: self._rename(upload))
            upload.is_placed = True
        except BaseException:
            if not tree.is_over:
                await tree.look(lambda: tree.storage.discard(staging))
            raise

    def _rename(self, upload: Upload) -> tuple[None, Amount]:
        storage, names = upload.tree.storage, upload.place.names
        received = storage.received(upload.staging)
        if received.files + received.folders > upload.amount.entries:
            raise QuotaExceeded("more files and folders came than were agreed on")
        check_depth(names, received)
        replaced = storage.receive(upload.staging, names, upload.replace)
        return None, received.amount - replaced.amount

    def _over(self, result: Any, upload: Upload) -> None:
        """The transfer is over, however."""
        self._begin_to_end(upload, result.value if isinstance(result, Failure) else None)

    def _begin_to_end(self, upload: Upload, error: BaseException | None) -> None:
        ending = Deferred.fromCoroutine(self._settle(upload, error))
        ending.addErrback(lambda failure: _log.failure("an upload could not be ended in order", failure))

    async def _settle(self, upload: Upload, error: BaseException | None) -> None:
        tree = upload.tree
        part = Amount()
        try:
            if upload.is_placed:
                # Its sender may not know it, but it is there.
                error = None
            elif not tree.is_over:
                await tree.look(lambda: tree.storage.discard(upload.staging))
                part = await tree.look(lambda: tree.storage.part_of(upload.staging))
        finally:
            self._end(upload, error, part)

    def _end(self, upload: Upload, error: BaseException | None, part: Amount) -> None:
        self._release(upload, part)
        self._open.discard(upload)
        upload.tree.upload_ended(upload.place.names)
        self._tickets.close(upload.key)
        upload.task.error = error
        self._after.fire(upload.task)

    # --- those that do not come ---------------------------------------------------------------------------------------
    def given_up(self, upload: Upload) -> None:
        """No transfer began in time, or its device has left before."""
        self._begin_to_end(upload, NotAllowed("no transfer began"))
