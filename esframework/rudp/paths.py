"""By which address the other end is reached: the one in use, one that it seems to have moved to, and earlier ones.

Who sends from a new address is asked there (RFC 9000, section 9) and gets no more than three times what came from it
until the answer is back; all else goes by the old address until then. When nothing comes by the one in use, the other
end is looked for at those by which it was reached earlier, and at a few that it named. Refuses to know what else
travels.
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
        # Where the other end was reached, latest last; and while it is looked for there: by the challenge.
        self._earlier: dict[Address, None] = {}
        self._searched: dict[bytes, Address] = {}
        self._search_at = inf
        self._search_until = inf

    @property
    def deadline(self) -> float:
        """When `questions` has something to say, or `inf`."""
        return min(self._ask_at, self._search_at)

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

    def remember(self, address: Address) -> None:
        """The other end was or may be at this address: it is looked for there when nothing comes by the one in use."""
        self._earlier.pop(address, None)
        self._earlier[address] = None
        while len(self._earlier) > limits.EARLIER_ADDRESSES:
            del self._earlier[next(iter(self._earlier))]

    def search(self, now: float) -> None:
        """Ask for the other end at all earlier addresses, for a while."""
        self._searched = {self._random(8): address for address in self._earlier if address != self.address}
        if self._searched:
            self._search_at = now
            self._search_until = now + limits.PATH_TIMEOUT

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

    def questions(self, size: int, now: float, again_after: float) -> list[tuple[bytes, Address]]:
        """Challenges that are due, where a datagram of `size` may go; they are due again `again_after` later."""
        questions: list[tuple[bytes, Address]] = []
        if now >= self._ask_at:
            self._ask(questions, size, now, again_after)
        if now >= self._search_at:
            if now >= self._search_until:
                self._end_search()
            else:
                self._search_at = min(now + again_after, self._search_until)
                questions += self._searched.items()
        return questions

    def responded(self, data: bytes) -> bool:
        """An answer came; whether packets go by another address from now on."""
        if self._candidate is not None and data == self._challenge:
            address = self._candidate
            self._candidate = None
            self._ask_at = inf
        elif data in self._searched:
            address = self._searched[data]
        else:
            return False
        self._end_search()
        if address == self.address:
            return False
        self.remember(self.address)
        self.address = address
        return True

    def _ask(self, questions: list[tuple[bytes, Address]], size: int, now: float, again_after: float) -> None:
        if self._candidate is None or now >= self._give_up_at:
            self._candidate = None
            self._ask_at = inf
            return
        self._ask_at = min(now + again_after, self._give_up_at)
        if size <= self._allowed:
            self._allowed -= size
            questions.append((self._challenge, self._candidate))

    def _end_search(self) -> None:
        self._searched = {}
        self._search_at = inf
