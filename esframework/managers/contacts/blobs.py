"""Broadcasts of blobs at the server: admitted with the first fragment, then passed on piece by piece, never joined here
unless somebody listens. Knows fragments by their place; who may and how fast is `broadcasting`'s."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from twisted.internet.task import deferLater
from twisted.logger import Logger

from esframework.errors import MalformedBody
from esframework.interfaces import IAudience, IServerContext, Multicast
from esframework.machines.blobs import BlobAssembler
from esframework.managers.contacts.broadcasting import Broadcasting
from esframework.managers.contacts.contracts import (
    BROADCAST_BLOB,
    BroadcastBlobBody,
    BroadcastReport,
    destination_of,
    group_of,
)
from esframework.managers.contacts.machine import BlobTable
from esframework.plugins.quiet import Quiet
from esframework.wire.blob_fragments import decode_fragment, encode_fragments, fragment_place
from esframework.wire.types import MessageType, Priority, RequestFailure

_log = Logger()
FIRST_BLOB_ID: Final = 2**30
"""Ids of broadcast blobs: the same sender's other blobs count from 1, and some receivers keep all in one table."""

_FRAGMENTS_PER_TURN: Final = 16


@dataclass(slots=True)
class _Blob:
    """A client's blob on its way; until its group's members are known, its pieces wait here."""

    sender: Any
    destination: str
    message_id: int
    audience: IAudience | None = None
    waiting: list[bytes] = field(default_factory=list)


class BlobBroadcasts:
    """The blobs that are being broadcast. `listened` decides whether `broadcast_received` is fired for clients'."""

    def __init__(self, server: IServerContext, broadcasting: Broadcasting) -> None:
        self._server = server
        self._clock = server.clock
        self._broadcasting = broadcasting
        self._blobs: BlobTable[_Blob] = BlobTable()
        self._heard = BlobAssembler()
        self._quiet = Quiet(server.clock)
        self._ids = count(FIRST_BLOB_ID)
        self.listened = False

    # --- from clients -----------------------------------------------------------------------------------------------
    def addressed(self, sender: Any, destination: str, message_id: int, body: bytes) -> None:
        """A 705."""
        number, index, is_last = fragment_place(body)
        now = self._clock.seconds()
        if index == 0:
            self._begin(sender, destination, message_id, number, body, is_last)
            return
        blob = self._blobs.next(sender.login_id, number, index, now)
        if blob is None or blob.destination != destination:
            # What follows a refused or forgotten piece.
            self._server.refuse("broadcast_fragment_dropped")
        else:
            self._piece(blob, number, body, is_last)

    def to_server(self, sender: Any, message_id: int, body: bytes) -> None:
        """A 705 that names no group."""
        text = "a blob's group is named in the header: '_' and its id"
        self._broadcasting.refuse(sender, message_id, RequestFailure.INVALID, "broadcast_without_group", text)

    def sweep(self, now: float) -> None:
        """Forget blobs that will not be finished."""
        self._blobs.expire(now)
        self._heard.expire(now)

    def forget(self, login_id: str) -> None:
        """A device is gone: its blobs will not be finished."""
        self._blobs.forget(login_id)
        self._heard.forget(login_id)

    def _begin(
        self, sender: Any, destination: str, message_id: int, number: int, body: bytes, is_last: bool
    ) -> None:
        broadcasting, group_id = self._broadcasting, group_of(destination)
        self._blobs.end(sender.login_id, number)
        if not broadcasting.may(sender, message_id, group_id):
            return
        blob = _Blob(sender, destination, message_id)
        if not self._blobs.begin(sender.login_id, number, blob, self._clock.seconds()):
            text = "too many of this sender's blobs are unfinished"
            broadcasting.refuse(sender, message_id, RequestFailure.BUSY, "broadcast_blobs", text)
            return

        def go_on(audience: IAudience) -> None:
            waiting, blob.waiting = blob.waiting, []
            broadcasting.let_go(sum(map(_weight, waiting)))
            if self._blobs.get(sender.login_id, number) is not blob:
                return
            if not broadcasting.admits(sender, message_id, group_id, audience):
                self._blobs.end(sender.login_id, number)
                return
            blob.audience = audience
            self._pass_on(blob, number, body, is_last)
            for piece in waiting:
                self._pass_on(blob, number, piece, fragment_place(piece)[2])

        broadcasting.with_members(sender, message_id, group_id, len(body), go_on)

    def _piece(self, blob: _Blob, number: int, body: bytes, is_last: bool) -> None:
        if blob.audience is not None:
            self._broadcasting.rates.use(self._broadcasting.limited(blob.sender), blob.audience.reach)
            self._pass_on(blob, number, body, is_last)
        elif self._broadcasting.hold(_weight(body)):
            blob.waiting.append(body)
        else:
            self._blobs.end(blob.sender.login_id, number)
            self._server.refuse("broadcast_busy")

    def _pass_on(self, blob: _Blob, number: int, body: bytes, is_last: bool) -> None:
        sender = blob.sender
        if self.listened and self._broadcasting.received:
            self._listen(blob, body)
        result = self._multicast(sender, blob.destination, body, blob.audience)
        if is_last:
            self._blobs.end(sender.login_id, number)
            self._broadcasting.report(sender, blob.message_id, result)

    def _listen(self, blob: _Blob, body: bytes) -> None:
        fragment = decode_fragment(body)
        try:
            payload = self._heard.add(blob.sender.login_id, fragment, self._clock.seconds())
            whole = None if payload is None else BROADCAST_BLOB.decode(payload)
        except MalformedBody as error:
            if self._quiet.admits(blob.sender.name) is not None:
                _log.info("a blob of {name} is not heard here: {error}", name=blob.sender.name, error=str(error))
            return
        if whole is not None:
            self._broadcasting.received.fire(
                blob.sender.name, group_of(blob.destination), fragment.information_type, whole.message, whole.tag
            )

    # --- from the server --------------------------------------------------------------------------------------------
    async def broadcast(
        self, group_id: str, information_type: int, content: bytes, tag: str, fragment_size: int
    ) -> BroadcastReport:
        """Send a blob in the server's name, no faster than the slowest member takes it.

        Raises `NoSuchGroup`, and EncodeError for a content that is too long.
        """
        payload = BROADCAST_BLOB.encode(BroadcastBlobBody(content, tag))
        audience = await self._broadcasting.members(group_id)
        destination = destination_of(group_id)
        result = Multicast(0, 0, ())
        bodies = encode_fragments(next(self._ids), payload, fragment_size, information_type)
        for number, body in enumerate(bodies, 1):
            result = self._multicast(None, destination, body, audience)
            if result.slowest is not None:
                await result.slowest.sent(Priority.BULK)
            if number % _FRAGMENTS_PER_TURN == 0:
                await deferLater(self._clock, 0, lambda: None)
        return BroadcastReport(result.reached, result.busy, len(result.absent))

    def _multicast(self, sender: Any, destination: str, body: bytes, audience: Any) -> Multicast:
        result: Multicast = self._server.router.multicast(
            sender, destination, MessageType.BROADCAST_BLOB, body, audience, priority=Priority.BULK
        )
        self._broadcasting.delivered += result.reached
        return result


def _weight(body: bytes) -> int:
    # What a small piece costs in memory counts, too, so that empty fragments cannot pile up for nothing.
    return len(body) + 64
