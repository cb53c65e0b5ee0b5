"""The client's calls that broadcast. Receiving is `client`'s."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import ConnectionInterrupted
from esframework.interfaces import IContext
from esframework.managers.contacts.contracts import (
    BROADCAST,
    BROADCAST_BLOB,
    REPORT,
    BroadcastBlobBody,
    BroadcastBody,
    BroadcastReport,
    destination_of,
)
from esframework.net.calls import timed_out
from esframework.net.threads import hops_to_reactor
from esframework.plugins.asking import Asking
from esframework.wire.blob_fragments import check_blob, encode_fragments
from esframework.wire.types import MessageType, OnBusy, Priority

FIRST_BLOB_ID: Final = 2**30
"""As the server counts its own: apart from the blobs of custom information."""

_FRAGMENTS_PER_TURN: Final = 16


class BroadcastCalls(Asking):
    """Broadcasts to a group's members, or with `*` to everybody online; the sending device does not get it back."""

    _feature = "contacts"

    def __init__(self, client: IContext) -> None:
        super().__init__(client)
        self._blob_ids = count(FIRST_BLOB_ID)

    @hops_to_reactor
    def broadcast(
        self,
        group_id: str,
        information_type: int,
        content: bytes | None,
        tag: str = "",
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
    ) -> Deferred[BroadcastReport | None]:
        """Broadcast, and fire with the server's report; with None, as soon as it is queued, where a server that is not
        ours makes none.

        With DISCARD, members whose connections are busy are passed over, and counted. Fails with `NotPermitted`, or
        with `NotDelivered`, whose `reason` is NO_SUCH_THING for a group without members and TOO_FAST beyond a limit.
        """
        destination = destination_of(group_id)
        body = self._body(group_id, information_type, content, tag, on_busy)
        if not self._is_served:
            self._client.channel(None).send(MessageType.BROADCAST, body, 0, destination)
            queued: Deferred[BroadcastReport | None] = Deferred()
            queued.callback(None)
            return queued
        asked = self._ask(
            MessageType.BROADCAST, body, answer=MessageType.BROADCAST_REPORT, destination=destination
        )
        return asked.addCallback(REPORT.decode)

    @hops_to_reactor
    def post_broadcast(
        self,
        group_id: str,
        information_type: int,
        content: bytes | None,
        tag: str = "",
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
    ) -> bool:
        """Queue a broadcast and return at once, without a report: False when it was dropped, since the connection to
        the server is busy and `on_busy` is DISCARD."""
        way = self._client.channel(None)
        if on_busy is OnBusy.DISCARD and way.is_busy:
            return False
        body = self._body(group_id, information_type, content, tag, on_busy)
        way.send(MessageType.BROADCAST, body, 0, destination_of(group_id))
        return True

    @hops_to_reactor
    def broadcast_blob(
        self,
        group_id: str,
        information_type: int,
        content: bytes,
        tag: str = "",
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
    ) -> Deferred[BroadcastReport | None]:
        """Broadcast a large content in fragments; each member's `broadcast_received` gets it whole or not at all.

        No faster than the slowest member takes it. Fires as `broadcast`, with a report on the last fragment; fails as
        that does, and with `ConnectionInterrupted`. At most `limits.MAX_BLOB_BYTES`.
        """
        check_blob(content, fragment_size)
        payload = BROADCAST_BLOB.encode(BroadcastBlobBody(bytes(content), tag))
        bodies = encode_fragments(next(self._blob_ids), payload, fragment_size, information_type)
        return Deferred.fromCoroutine(self._send_blob(destination_of(group_id), bodies))

    @staticmethod
    def _body(group_id: str, information_type: int, content: bytes | None, tag: str, on_busy: OnBusy) -> bytes:
        return BROADCAST.encode(
            BroadcastBody(
                action_type_on_channel_is_busy=on_busy,
                content=content,
                group_id=group_id,
                information_type=information_type,
                tag=tag,
            )
        )

    async def _send_blob(self, destination: str, bodies: Iterator[bytes]) -> BroadcastReport | None:
        if not self._is_served:
            await self._send_fragments(destination, bodies, ())
            return None
        # The first fragment asks; the report comes when the last one has been handed on, a refusal at any time.
        asked = self._ask(
            MessageType.BROADCAST_BLOB,
            next(bodies),
            answer=MessageType.BROADCAST_REPORT,
            destination=destination,
            timeout=0,
        )
        outcome: list[Any] = []
        answered: Deferred[None] = Deferred()

        def keep(result: Any) -> None:
            outcome.append(result)
            answered.callback(None)

        asked.addBoth(keep)
        await self._send_fragments(destination, bodies, outcome)
        if not outcome:
            seconds = self._client.options.response_timeout
            await answered.addTimeout(seconds, self._client.clock, lambda _, after: _timed_out(asked, after))
        if isinstance(outcome[0], Failure):
            outcome[0].raiseException()
        return REPORT.decode(outcome[0])

    async def _send_fragments(self, destination: str, bodies: Iterator[bytes], outcome: Sequence[Any]) -> None:
        """Send fragments until all are sent, or the server has refused, which shows in `outcome`."""
        way = self._client.channel(None)
        for number, body in enumerate(bodies, 1):
            turn = way.ready(destination)
            if turn is not None and not await turn:
                raise _interrupted(destination)
            if outcome:
                return
            way.send(MessageType.BROADCAST_BLOB, body, 0, destination, Priority.BULK)
            if way.is_busy and not await way.sent(Priority.BULK):
                raise _interrupted(destination)
            if number % _FRAGMENTS_PER_TURN == 0:
                await deferLater(self._client.clock, 0, lambda: None)
        if not await way.sent(Priority.BULK):
            raise _interrupted(destination)


def _timed_out(asked: Deferred[Any], seconds: float) -> Failure:
    asked.cancel()
    return Failure(timed_out(None, MessageType.BROADCAST_BLOB, seconds))


def _interrupted(destination: str) -> ConnectionInterrupted:
    return ConnectionInterrupted(
        f"the connection was lost while a blob was broadcast to {destination!r}", None, MessageType.BROADCAST_BLOB
    )
