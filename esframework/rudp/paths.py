"""By which address the other end is reached: the one in use, and one that it seems to have moved to.

Who sends from a new address is asked there (RFC 9000, section 9) and gets no more than three times what came from it
until the answer is back; all else goes by the old address until then. Refuses to know what else travels.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TypeAlias

from esframework.limits import rudp as limits

Address: TypeAlias = tuple[str, int]


class Paths:
    """`address` is where packets go. `random(n)` gives n random bytes."""

    def __init__(self, address: Address, random: Callable[[int], bytes]) -> None:
        self.address = address
        self._random = random
        self._candidate: Address | None = None
        self._challenge = b""
        self._allowed = 0
        self._ask_at = inf
        self._give_up_at = inf
        self._responses: list[tuple[bytes, Address]] = []

    @property
    def deadline(self) -> float:
        """When `questions` has something to say, or `inf`."""
        return self._ask_at

    @property
    def has_responses(self) -> bool:
        """Whether `responses` has something to say."""
        return bool(self._responses)

    def came(self, address: Address, size: int, is_newest: bool, now: float) -> None:
        """An authentic packet came from an address other than the one in use."""
        if address == self._candidate:
            self._allowed += limits.AMPLIFICATION * size
        elif is_newest and self._candidate is None:
            self._begin(address, limits.AMPLIFICATION * size, now)

    def ask(self, address: Address, now: float) -> None:
        """The other end may be at this address, in place of any other that is being asked."""
        if address != self.address:
            self._begin(address, limits.ASKED_BYTES, now)

    def _begin(self, address: Address, allowed: int, now: float) -> None:
        self._candidate = address
        self._challenge = self._random(8)
        self._allowed = allowed
        self._ask_at = now
        self._give_up_at = now + limits.PATH_TIMEOUT

    def challenged(self, data: bytes, address: Address) -> None:
        """The other end asks whether this end is where it sent to; the answer goes back to where that came from."""
        if len(self._responses) < limits.MAX_PATH_RESPONSES:
            self._responses.append((data, address))

    def responses(self) -> list[tuple[bytes, Address]]:
        """Answers to challenges, each to be sent once."""
        responses, self._responses = self._responses, []
        return responses

    def question(self, size: int, now: float, again_after: float) -> tuple[bytes, Address] | None:
        """A challenge that is due, if a datagram of `size` may go there; it is due again `again_after` later."""
        candidate = self._candidate
        if candidate is None or now < self._ask_at:
            return None
        if now >= self._give_up_at:
            self._candidate = None
            self._ask_at = inf
            return None
        self._ask_at = min(now + again_after, self._give_up_at)
        if size > self._allowed:
            return None
        self._allowed -= size
        return self._challenge, candidate

    def responded(self, data: bytes) -> bool:
        """An answer came; whether packets go by the new address from now on."""
        if self._candidate is None or data != self._challenge:
            return False
        self.address = self._candidate
        self._candidate = None
        self._ask_at = inf
        return True
