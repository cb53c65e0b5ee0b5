"""What a P2P channel is to whoever uses it, over UDP or over TCP: the contract of both drivers, and when one is busy.

Knows no manager, no attempt and no user: bytes of three streams go in at one end and come out at the other, in order,
each once, as long as the channel lives. What had not arrived when it ended is for the user to send by another way.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from zope.interface import Attribute, Interface

from esframework import limits

Address: TypeAlias = tuple[str, int]
"""(host, port): an IPv4 or IPv6 address as Python writes it (a link-local one with its scope), and never IPv4 mapped
into IPv6."""

MESSAGES: Final = 0
"""Stream of messages: goes before the others."""

BLOBS: Final = 1
"""Stream of blobs: goes before files."""

FILES: Final = 2
"""Stream of files."""

STREAMS: Final = (MESSAGES, BLOBS, FILES)


class IP2PChannel(Interface):
    """One encrypted path between two ends, which both drivers give.

    All calls may be made from within the callbacks of `IP2PChannelUser`, and come back before these are called again.
    """

    protocol = Attribute("'udp' or 'tcp'.")
    address = Attribute("(host, port) of the other end; another one after `moved`.")
    local_address = Attribute("(host, port) of this end; the host is '' while the system has not told which it is.")
    opened_at = Attribute("The reactor's seconds when the other end showed that it has the keys; None before that.")
    is_open = Attribute("Whether `write` takes bytes: from the beginning until `close`, or until it ended by itself.")
    is_busy = Attribute("Whether more waits than `high_water` says: time to wait for `writable`.")
    round_trip = Attribute("Seconds there and back, smoothed; a guess before anything was measured.")

    def write(stream: int, data: bytes) -> None:
        """Have bytes sent on a stream (0 messages, 1 blobs, 2 files). What is written in one turn of the reactor
        leaves together at its end. Nothing is refused because much waits: see `is_busy`.

        :raises ChannelClosed: when the channel has ended, or was closed. Nothing was taken.
        :raises LocalError: when there is no such stream.
        """

    def waiting(stream: int | None = None) -> int:
        """Bytes of one stream, or of all, that were written and not yet handed to the path."""

    def pause(stream: int) -> None:
        """Take no more of a stream: `received` is not called for it until `resume`, and when the windows are full its
        sender waits. The other streams go on. What is kept back when the channel ends may never be given out, although
        the other end takes it for arrived (over TCP it is waited for, for a few seconds)."""

    def resume(stream: int) -> None:
        """Go on with a stream. What was kept back comes in a later turn, not within this call."""

    def close(code: int = 0, reason: str = "") -> None:
        """End the channel when what was written has arrived, or a few seconds later; then the other end is told why.
        What comes meanwhile is still handed out; `closed` is the last. Harmless when it has ended.

        :param code: of `rudp.events.CloseCode`, or from 64 on of the user's own.
        :param reason: for people; cut at 255 bytes.
        """

    def abort(code: int = 0, reason: str = "") -> None:
        """End the channel now: the other end is told, if it can be, but what waits is forgotten. `closed` comes in a
        later turn. Harmless when it has ended."""

    def facts() -> Mapping[str, int | float | str]:
        """What is known of the path, for diagnostics: `round_trip` (seconds), `bytes_sent`, `bytes_received`,
        `waiting`, and whatever else the protocol counts."""


class IP2PChannelUser(Interface):
    """Who uses a channel; given when it is made. What a callback raises is logged, and ends the channel."""

    def opened(channel: IP2PChannel) -> None:
        """The other end has shown that it has the keys. Once, before everything else; never for a channel that ends
        without that."""

    def received(channel: IP2PChannel, stream: int, data: bytes) -> None:
        """Bytes of a stream, in order, any number at a time. Over UDP the other end learns that they arrived only
        after this call, unless the stream was paused when they came."""

    def writable(channel: IP2PChannel) -> None:
        """The channel was busy, and less than half of that waits now; not told once it was closed."""

    def moved(channel: IP2PChannel, address: Address) -> None:
        """The other end is at another address now, and has answered there."""

    def closed(channel: IP2PChannel, code: int, reason: str, is_remote: bool) -> None:
        """The channel has ended: once, and nothing comes after it. `is_remote`: the other end said so."""


def high_water(rate: float) -> int:
    """Bytes that may wait before a channel is busy, at a path that carries `rate` bytes a second (0: unknown)."""
    if rate <= 0:
        return limits.P2P_BUSY_BYTES
    return max(limits.P2P_LEAST_BUSY_BYTES, min(limits.P2P_BUSY_BYTES, int(rate * limits.P2P_BUSY_TIME)))
