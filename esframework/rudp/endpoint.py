"""Everything that comes by one UDP socket, handed to whom it is for; and what all of them have to send.

    first byte    for
    0 to 3        the rendezvous: returned
    DATA          the channel whose index it names; nobody, if there is none
    PROBE         the attempts to open channels: returned
    others        nobody

What is for nobody is counted and forgotten: it makes this end neither answer nor remember. Refuses to know the socket,
and what the rendezvous and attempts do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from esframework.rudp.connection import CLOSED, Connection
from esframework.rudp.events import Event
from esframework.rudp.packet import DATA, OVERHEAD, PROBE
from esframework.rudp.paths import Address

LAST_OF_RENDEZVOUS: Final = 3

_INDEX = slice(4, 8)


class Endpoint:
    """Channels by their index, which this end chooses at random. `random(n)` gives n random bytes.

    `refused` says how many datagrams were for nobody, and why.
    """

    def __init__(self, random: Callable[[int], bytes]) -> None:
        self.refused: dict[str, int] = {}
        self._random = random
        self._connections: dict[bytes, Connection] = {}
        # Channels to which something happened, since what they send and what they tell was taken.
        self._touched: dict[bytes, Connection] = {}
        self._telling: dict[bytes, Connection] = {}
        # When each channel wants to be called. The least of a thousand numbers is found in 15 us, of a hundred in 2:
        # less than keeping them in order costs, as they change with each packet.
        self._due: dict[bytes, float] = {}

    def __len__(self) -> int:
        """How many channels there are, those among them that are being closed."""
        return len(self._connections)

    @property
    def is_touched(self) -> bool:
        """Whether `events` or `datagrams_to_send` may have something."""
        return bool(self._touched or self._telling)

    def new_index(self) -> int:
        """An index that no channel here has; to be told to the other end."""
        index = self._random(4)
        while index in self._connections:
            index = self._random(4)
        return int.from_bytes(index)

    def add(self, index: int, connection: Connection) -> None:
        """Have a channel get what comes for `index`, until it is closed or removed."""
        self._connections[index.to_bytes(4)] = connection
        self.touch(index)

    def remove(self, index: int) -> None:
        """Forget a channel."""
        for channels in (self._connections, self._touched, self._telling, self._due):
            channels.pop(index.to_bytes(4), None)

    def receive_batch(self, datagrams: Iterable[tuple[bytes, Address]], now: float) -> list[tuple[bytes, Address]]:
        """Take what was read together; what is for the rendezvous and for attempts comes back."""
        batches: dict[bytes, list[tuple[bytes, Address]]] = {}
        others: list[tuple[bytes, Address]] = []
        connections = self._connections
        for item in datagrams:
            datagram = item[0]
            kind = datagram[0] if datagram else -1
            if kind == DATA:
                index = datagram[_INDEX]
                if index in batches:
                    batches[index].append(item)
                elif index in connections and len(datagram) >= OVERHEAD:
                    batches[index] = [item]
                else:
                    self._refuse("unknown_channel")
            elif kind == PROBE or 0 <= kind <= LAST_OF_RENDEZVOUS:
                others.append(item)
            else:
                self._refuse("unknown_kind")
        for index, batch in batches.items():
            connection = connections[index]
            connection.receive_batch(batch, now)
            self._touched[index] = self._telling[index] = connection
        return others

    def touch(self, index: int) -> None:
        """Something was written to a channel, or it was closed."""
        key = index.to_bytes(4)
        if key in self._connections:
            self._touched[key] = self._telling[key] = self._connections[key]

    def events(self) -> list[tuple[int, Event]]:
        """What happened since the last call, each with its channel's index."""
        telling, self._telling = self._telling, {}
        return [(int.from_bytes(index), event) for index, one in telling.items() for event in one.events()]

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        """What leaves now, of all channels to which something happened since the last call."""
        out: list[tuple[bytes, Address]] = []
        touched, self._touched = self._touched, {}
        for index, connection in touched.items():
            out += connection.datagrams_to_send(now)
            self._note_due(index, connection)
            if connection.state == CLOSED:
                self._connections.pop(index, None)
        return out

    def refused_by_system(self, size: int, address: Address, now: float) -> None:
        """The system would not send a datagram of this size to an address."""
        for index, connection in self._connections.items():
            if connection.address == address:
                connection.refused_by_system(size, now)
                self._touched[index] = connection

    def next_timer(self) -> float | None:
        """When to call `on_timer`, as of the last `datagrams_to_send`; None while no channel waits for anything."""
        return min(self._due.values(), default=None)

    def on_timer(self, now: float) -> None:
        """The time has come for some of them."""
        for index in [index for index, when in self._due.items() if when <= now]:
            connection = self._connections[index]
            connection.on_timer(now)
            self._touched[index] = self._telling[index] = connection

    def _note_due(self, index: bytes, connection: Connection) -> None:
        when = connection.next_timer()
        if when is None:
            self._due.pop(index, None)
        else:
            self._due[index] = when

    def _refuse(self, reason: str) -> None:
        self.refused[reason] = self.refused.get(reason, 0) + 1
