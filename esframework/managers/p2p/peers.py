"""The device at the other end of a link, as managers see it, and the lane in which what it sends is handled.

Knows no channel: the link says by which way anything goes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from zope.interface import implementer

from esframework.interfaces import ISender, PausedBy
from esframework.net.channels import STREAMS
from esframework.plugins.lanes import AwaitedLane
from esframework.wire.login_id import Source
from esframework.wire.types import Priority, RequestFailure

if TYPE_CHECKING:
    from esframework.managers.p2p.link import Link

_log = Logger()


@implementer(ISender)
class LinkedPeer:
    """Whoever sent what came by a channel; the same to managers as the sender of what comes by the server."""

    __slots__ = ("_link", "client_type", "login_id", "name")

    def __init__(self, link: Link, login_id: str, client_type: int, name: Source) -> None:
        self._link = link
        self.login_id = login_id
        self.client_type = client_type
        self.name = name

    @property
    def lane(self) -> LinkLane:
        """See `ILink`."""
        return self._link.lane

    @property
    def path_kind(self) -> str:
        """See `ISender`."""
        return self._link.path_kind

    @property
    def is_busy(self) -> bool:
        """See `IChannel`."""
        return self._link.is_busy

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """See `IChannel`."""
        self._link.send(message_type, body, message_id, destination, priority)

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`."""
        return self._link.ready(target)

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`."""
        self._link.gathered(work)

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """See `IChannel`."""
        return self._link.sent(priority)

    def reply(self, message_type: int, body: bytes, message_id: int) -> None:
        """Answer this peer, if there is a way."""
        self._link.reply(message_type, body, message_id)

    def reply_as(self, source: str, message_type: int, body: bytes, message_id: int) -> bool:
        """Clients speak in their own name only."""
        raise NotImplementedError("only a server answers in another's name")

    def request_failed(self, message_id: int, reason: RequestFailure, detail: str) -> bool:
        """Clients say so by an empty answer."""
        return False

    def refuse_body(self, error: Exception) -> None:
        """A malformed body came by a channel: it is counted, the channel stays."""
        if self._link.quiet.admits("malformed_body") is not None:
            _log.info("a message of {peer} by P2P was dropped: {error}", peer=self.login_id, error=str(error))
        self._link.refused("malformed_body")


class LinkLane(AwaitedLane):
    """What comes from one device by channels is handled one after another; who pauses it holds up all its streams.

    What comes by the server has a lane of its own: see `Link` for how one waits for the other.
    """

    def __init__(self) -> None:
        super().__init__()
        self._parties = PausedBy(0)
        self._channels: list[Any] = []

    def add(self, channel: Any) -> None:
        """What the device sends comes by this channel, too."""
        self._channels.append(channel)
        if self._parties:
            self._pause(channel)

    def remove(self, channel: Any) -> None:
        """Nothing comes by this channel any more."""
        self._channels.remove(channel)

    def pause_reading(self, party: PausedBy) -> None:
        """Take nothing more, on behalf of `party`."""
        if not self._parties:
            for channel in self._channels:
                self._pause(channel)
        self._parties |= party

    def resume_reading(self, party: PausedBy) -> None:
        """`party` is ready for more. The model of handlers says so whenever one has finished."""
        if self._parties & party:
            self._parties &= ~party
            if not self._parties:
                for channel in self._channels:
                    for stream in STREAMS:
                        channel.resume(stream)
        self.tell_if_idle()

    def handler_overdue(self) -> None:
        """A handler took too long; it is given up, the device's messages go on."""

    @staticmethod
    def _pause(channel: Any) -> None:
        for stream in STREAMS:
            channel.pause(stream)
