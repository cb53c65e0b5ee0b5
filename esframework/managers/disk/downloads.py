"""Downloads: agreed on by a request, then a transfer that the manager `files` sends. Knows no message type."""

from __future__ import annotations

from typing import Any

from twisted.python.failure import Failure

from esframework.interfaces import IServerContext
from esframework.managers.disk.contracts import DISK, DiskEntry, subject_of
from esframework.managers.disk.events import DiskTask, Question
from esframework.managers.disk.machine.refusals import InvalidPath, NotAllowed
from esframework.managers.disk.machine.tickets import Key, Tickets
from esframework.managers.disk.operations import DiskOperations
from esframework.managers.disk.places import Act, Actor, Place, Places
from esframework.plugins.hooks import Event


class Downloads:
    """Those of one server. `before` may refuse each, `after` is told of its end."""

    def __init__(
        self,
        server: IServerContext,
        places: Places,
        operations: DiskOperations,
        tickets: Tickets[Any],
        before: Question[DiskTask],
        after: Event[DiskTask],
    ) -> None:
        self._server = server
        self._places = places
        self._operations = operations
        self._tickets = tickets
        self._before = before
        self._after = after

    async def begin(self, actor: Actor, path: str, ticket: str) -> DiskEntry:
        """Offer something to a device. Raises a `DiskRefusal`, and what `server.files.send` does."""
        place = await self._places.place(actor, path, Act.READ)
        if not place.names and place.tree.owner is None:
            raise InvalidPath(f"{path} is too large a thing to be sent at once; download what is in it")
        key = (actor.login_id, ticket)
        task = DiskTask(
            user_id=actor.user_id, device=actor.login_id, path=path, is_upload=False, is_folder=False, size=0, files=0
        )
        self._tickets.issue(key, task, self._server.clock.seconds())
        self._tickets.take(key)
        try:
            return await self._send(actor, place, key, task)
        except BaseException:
            self._tickets.close(key)
            raise

    async def _send(self, actor: Actor, place: Place, key: Key, task: DiskTask) -> DiskEntry:
        entry = await self._operations.entry(actor, place)
        task.is_folder, task.size = entry.is_folder, entry.size
        refusal = await self._before.refusal(task)
        if refusal is not None:
            raise NotAllowed(refusal)
        root = place.tree.storage.root
        # What its user calls it, which for a share may be another name.
        name = entry.name or DISK
        transfer = await self._server.manager("files").send(
            actor.address,
            root.joinpath(*place.names),
            name=name,
            subject=subject_of(key[1]),
            beneath=root,
        )
        task.transfer, task.size, task.files = transfer, transfer.size, transfer.files
        transfer.done().addBoth(self._over, key, task)
        return entry

    def _over(self, result: Any, key: Key, task: DiskTask) -> None:
        self._tickets.close(key)
        task.error = result.value if isinstance(result, Failure) else None
        self._after.fire(task)
