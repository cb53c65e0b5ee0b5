"""By what a transmission goes to its receiver, and whether it needs the server for that. Knows no file and no frame."""

from __future__ import annotations

from typing import Any, NamedTuple

from esframework.errors import NotLoggedOn
from esframework.interfaces import ILink
from esframework.wire.types import BY_SERVER, ChannelMode, Priority


class Way(NamedTuple):
    """To one device: a channel, and whom frames on it are addressed to (None: whoever is at its end); the generation of
    its protocol, and whether it may be ours."""

    channel: Any
    destination: str | None
    generation: int
    may_be_ours: bool

    def send(self, message_type: int, body: bytes, number: int, priority: Priority = Priority.NORMAL) -> None:
        """One frame."""
        self.channel.send(message_type, body, number, self.destination, priority)

    def say(self, message_type: int, body: bytes, number: int) -> None:
        """One frame, if there is a way."""
        try:
            self.send(message_type, body, number)
        except NotLoggedOn:
            # Whoever has lost its connection says nothing: the transfer is over in a moment.
            return


class Route:
    """The ways of one transmission: to every device of its receiver, and from its answer on to that device.

    `only_by` is the link without whose channel it ends; None of one that may go by the server.
    """

    def __init__(self, ways: list[Way], mode: ChannelMode) -> None:
        self.ways = ways
        channel, destination, *_ = ways[0]
        # Towards the server, and on a server, there is one way.
        self.is_fixed = mode is BY_SERVER and destination is not None
        self.only_by: Any = channel if mode is ChannelMode.BY_P2P_CHANNEL and ILink.providedBy(channel) else None

    @property
    def way(self) -> Way:
        """The one of a transmission that has been answered."""
        return self.ways[0]

    @property
    def channel(self) -> Any:
        """Its channel."""
        return self.ways[0].channel

    def answered(self, sender: Any, is_ours: bool) -> list[Way]:
        """A device has answered: it is the receiver; gives the ways to others."""
        way = self.way
        # A client has one way, to the server, which tells the other devices itself.
        others = [each for each in self.ways if each.channel is not sender] if len(self.ways) > 1 else []
        if self.is_fixed:
            self.ways = [way._replace(destination=sender.login_id, may_be_ours=is_ours)]
        else:
            self.ways = [Way(sender, None, way.generation, is_ours)]
        return others

    def heard_from(self, sender: Any) -> None:
        """The receiver has said something: by what is the way to it now."""
        way = self.ways[0]
        if not self.is_fixed and way.channel is not sender:
            self.ways = [way._replace(channel=sender)]
