"""The P2P server: tells who shows a token how it is seen, and remembers nothing of it but how much it asked.

The order is: size and kind, token, how often this address and all of them asked. What fails gets no answer, and before
the token was good nothing is kept. An answer is shorter than any request.

Refuses to know sockets, and who the clients are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esframework import limits
from esframework.errors import RendezvousRefused
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.messages import (
    FROM_SECOND_ADDRESS,
    FROM_SECOND_PORT,
    NOWHERE,
    Answer,
    Request,
    decode_request,
    packed_host,
)
from esframework.rudp.rendezvous.tokens import Tokens


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Requests a second: of one address in the long run, and of all together. Of one address, the requests of so many
    seconds may come at once."""

    per_address: float = limits.P2P_REQUESTS_PER_SECOND
    in_all: float = limits.P2P_REQUESTS_IN_ALL
    seconds_at_once: float = limits.P2P_SECONDS_AT_ONCE

    @property
    def at_once(self) -> float:
        """How many requests of one address may come at once."""
        return self.seconds_at_once * self.per_address


class Allowances:
    """How much each address may still ask: a bucket that fills steadily. Addresses are bytes; no more than `most`."""

    def __init__(self, rates: Rates, most: int = limits.P2P_ADDRESSES_COUNTED) -> None:
        self._rates = rates
        self._most = most
        self._levels: dict[bytes, tuple[float, float]] = {}
        self._all = (rates.in_all, 0.0)
        self._tidied_at = 0.0

    def __len__(self) -> int:
        """How many addresses are counted now."""
        return len(self._levels)

    def take(self, address: bytes, now: float) -> None:
        """Count one request; raises RendezvousRefused for one too many."""
        rates = self._rates
        level, since = self._levels.get(address, (rates.at_once, now))
        level = min(rates.at_once, level + (now - since) * rates.per_address)
        if level < 1:
            raise RendezvousRefused("too_often")
        all_level = min(rates.in_all, self._all[0] + (now - self._all[1]) * rates.in_all)
        if all_level < 1:
            raise RendezvousRefused("too_many")
        if address not in self._levels and len(self._levels) >= self._most and not self._tidied(now):
            raise RendezvousRefused("too_many_addresses")
        self._levels[address] = (level - 1, now)
        self._all = (all_level - 1, now)

    def _tidied(self, now: float) -> bool:
        """Forget those who might ask as much as anybody new; whether there is room now. No more than once a second."""
        if now - self._tidied_at >= 1.0:
            self._tidied_at = now
            rates = self._rates
            self._levels = {
                address: (level, since)
                for address, (level, since) in self._levels.items()
                if level + (now - since) * rates.per_address < rates.at_once
            }
        return len(self._levels) < self._most


@dataclass(slots=True)
class Place:
    """Where one P2P server can be asked: `second_port` of the same address (0: none), and another address."""

    second_port: int = 0
    second: Address = NOWHERE


class Answering:
    """One P2P server."""

    def __init__(self, tokens: Tokens, rates: Rates | None = None, most: int = limits.P2P_ADDRESSES_COUNTED) -> None:
        self._tokens = tokens
        self._allowances = Allowances(rates or Rates(), most)

    @property
    def addresses_counted(self) -> int:
        """Of how many addresses it is remembered how much they asked."""
        return len(self._allowances)

    def answer(self, datagram: bytes, source: Address, place: Place, now: float, time: float) -> tuple[bytes, int]:
        """The answer, and the flag that says from where it goes (0: from where the request came in).

        `now` is for counting, `time` is that of the tokens. Over UDP and TCP alike. Raises RendezvousRefused, with the
        reason, for what gets no answer.
        """
        request = decode_request(datagram)
        self._tokens.check(request.token, time)
        self._allowances.take(_counted(source[0]), now)
        if not _can(request, place):
            raise RendezvousRefused("no_second")
        answer = Answer(request.transaction, source, place.second_port, place.second, request.flags)
        return answer.encode(), request.flags

    def admit(self, host: str, now: float) -> None:
        """Count a question of a foreign client by the same measure; raises RendezvousRefused for one too many."""
        self._allowances.take(_counted(host), now)


_NETWORK_SIZE: Final = 8


def _counted(host: str) -> bytes:
    """What a host is counted as: whoever has one address of IPv6 has the 2^64 around it, too."""
    packed = packed_host(host)
    return packed if len(packed) == 4 else packed[:_NETWORK_SIZE]


def _can(request: Request, place: Place) -> bool:
    if request.flags == FROM_SECOND_PORT:
        return place.second_port > 0
    return request.flags != FROM_SECOND_ADDRESS or place.second != NOWHERE
