"""A channel by UDP as its user sees it: `IP2PChannel` over a `rudp.Connection`.

Tells its user what happened, and its driver when something is to be sent. Refuses to know sockets and other channels.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from twisted.logger import Logger
from zope.interface import implementer

from esframework import limits
from esframework.errors import LocalError
from esframework.net.channels import STREAMS, Address, IP2PChannel, IP2PChannelUser, high_water
from esframework.rudp.connection import Connection
from esframework.rudp.events import CloseCode, Closed, Event, Opened, PathMoved
from esframework.rudp.streams import StreamData, StreamReset

_log = Logger()


class ChannelDriver(Protocol):
    """What a channel needs of whoever owns the socket."""

    def seconds(self) -> float:
        """The time now."""

    def touch(self, index: int) -> None:
        """Something was written to a channel, or it was closed."""

    def local_address(self, towards: Address) -> Address:
        """From where datagrams to an address leave."""

    def watch(self, channel: UdpChannel) -> None:
        """A channel is busy: `tell_writable` is to be called when it no longer is."""


@implementer(IP2PChannel)
class UdpChannel:
    """See `IP2PChannel`. `connection` is for its driver; `index` is this end's."""

    protocol = "udp"

    __slots__ = ("connection", "index", "opened_at", "_user", "_driver", "_local", "_was_busy")

    def __init__(self, connection: Connection, index: int, user: IP2PChannelUser, driver: ChannelDriver) -> None:
        self.connection = connection
        self.index = index
        self.opened_at: float | None = None
        self._user: IP2PChannelUser | None = user
        self._driver = driver
        self._local: Address | None = None
        self._was_busy = False

    # --- IP2PChannel ------------------------------------------------------------------------------------------------
    @property
    def address(self) -> Address:
        return self.connection.address

    @property
    def local_address(self) -> Address:
        if self._local is None:
            self._local = self._driver.local_address(self.connection.address)
        return self._local

    @property
    def is_open(self) -> bool:
        return self.connection.takes_bytes

    @property
    def is_busy(self) -> bool:
        unsent = self.connection.streams.unsent
        return unsent > limits.P2P_LEAST_BUSY_BYTES and unsent > self._high_water()

    @property
    def round_trip(self) -> float:
        return self.connection.round_trip

    def write(self, stream: int, data: bytes) -> None:
        if stream not in STREAMS:
            raise LocalError(f"a channel has the streams {STREAMS}, and no stream {stream}")
        self.connection.write(stream, data)
        self._driver.touch(self.index)
        if not self._was_busy and self.is_busy:
            self._was_busy = True
            self._driver.watch(self)

    def waiting(self, stream: int | None = None) -> int:
        streams = self.connection.streams
        return streams.unsent if stream is None else streams.unsent_of(stream)

    def pause(self, stream: int) -> None:
        self.connection.streams.pause(stream)

    def resume(self, stream: int) -> None:
        self.connection.streams.resume(stream)
        self._driver.touch(self.index)

    def close(self, code: int = 0, reason: str = "") -> None:
        self.connection.finish(code, reason, self._driver.seconds())
        self._driver.touch(self.index)

    def abort(self, code: int = 0, reason: str = "") -> None:
        self.connection.close(code, reason, self._driver.seconds())
        self._driver.touch(self.index)

    def facts(self) -> Mapping[str, int | float | str]:
        return self.connection.facts(self._driver.seconds())

    # --- the driver's side ------------------------------------------------------------------------------------------
    def tell(self, event: Event) -> None:
        """Tell the user what happened; what it raises is logged and ends the channel."""
        user = self._user
        if user is None:
            return
        if isinstance(event, StreamData):
            self._tell_data(user, event)
        elif isinstance(event, Opened):
            self.opened_at = self._driver.seconds()
            self._call(user.opened, self)
        elif isinstance(event, Closed):
            self._user = None
            self._call(user.closed, self, event.code, event.reason, event.is_remote)
        elif isinstance(event, PathMoved):
            self._local = None
            self._call(user.moved, self, event.address)
        elif isinstance(event, StreamReset):
            self._end_broken(event.stream)

    @property
    def has_room(self) -> bool:
        """Whether less than half of what makes it busy waits."""
        return 2 * self.connection.streams.unsent < self._high_water()

    def tell_writable(self) -> None:
        """Tell the user that a channel which was busy has room."""
        self._was_busy = False
        if self._user is not None and self.is_open:
            self._call(self._user.writable, self)

    def _tell_data(self, user: IP2PChannelUser, event: StreamData) -> None:
        if event.stream not in STREAMS or event.is_last:
            self._end_broken(event.stream)
        else:
            self._call(user.received, self, event.stream, event.data)

    def _end_broken(self, stream: int) -> None:
        self.abort(CloseCode.PROTOCOL, f"the streams of a channel are {STREAMS} and do not end: not so stream {stream}")

    def _call(self, callback: Callable[..., object], *arguments: object) -> None:
        try:
            callback(*arguments)
        except Exception:
            _log.failure("P2P channel: its user raised in {name}", name=getattr(callback, "__name__", str(callback)))
            self.abort(CloseCode.FAILED, "the program that uses the channel has failed")

    def _high_water(self) -> int:
        return high_water(self.connection.congestion.rate)
