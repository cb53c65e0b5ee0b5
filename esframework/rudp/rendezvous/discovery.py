"""How this end of a UDP socket is seen, whether UDP works at all, and what the NAT between does (RFC 4787's words).

    1  the server is asked, again and again until it answers or 5 s are over: that is the address to be told to others
    2  if wanted, and before anything was sent there: does an answer come in from the server's second port, and from its
       second address? That is the filtering
    3  the second port and the second address are asked: is one seen as the same? That is the mapping

One address of the server tells a mapping that depends on the port from one that does not, which is what matters to hole
punching; a second one tells which depends on the address alone.

Refuses to know the socket; several of these, for several servers and for IPv4 and IPv6, share one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import inf

from esframework import limits
from esframework.errors import RendezvousRefused
from esframework.rudp.paths import Address
from esframework.rudp.rendezvous.messages import (
    FROM_SECOND_ADDRESS,
    FROM_SECOND_PORT,
    NOWHERE,
    TRANSACTION_SIZE,
    Answer,
    Request,
    decode_answer,
)


class Behaviour(Enum):
    """Of a mapping: what of the other end makes it another one. Of filtering: what must have been sent to before."""

    ENDPOINT_INDEPENDENT = "endpoint-independent"
    ADDRESS_DEPENDENT = "address-dependent"
    ADDRESS_AND_PORT_DEPENDENT = "address-and-port-dependent"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of asking one server. `reflexive` None: UDP does not work, towards this server at least.

    `round_trip` is in seconds. Without `has_two_addresses`, a mapping that depends on the address alone was taken for
    an endpoint-independent one, and a filtering that depends on nothing for one that depends on the address.
    """

    server: Address
    reflexive: Address | None = None
    mapping: Behaviour = Behaviour.UNKNOWN
    filtering: Behaviour = Behaviour.UNKNOWN
    round_trip: float | None = None
    has_two_addresses: bool = False

    @property
    def works(self) -> bool:
        """Whether UDP comes back from the server."""
        return self.reflexive is not None


class _Question:
    """One request, until its answer has come or its time is up."""

    def __init__(self, request: Request, server: Address, repeats: Sequence[float], give_up: float, now: float) -> None:
        self.transaction = request.transaction
        self.answer: Answer | None = None
        self.first_at = now
        self._datagram = (request.encode(), server)
        self._due = [now + delay for delay in reversed(repeats)]
        self._last_sent_at = now
        self._give_up_at = now + give_up

    def deadline(self) -> float:
        """When there is something to do."""
        if self.answer is not None:
            return inf
        return min(self._due[-1], self._give_up_at) if self._due else self._give_up_at

    def is_over(self, now: float) -> bool:
        return self.answer is not None or now >= self._give_up_at

    def due(self, now: float) -> Iterator[tuple[bytes, Address]]:
        sends = False
        while self._due and self._due[-1] <= now:
            self._due.pop()
            sends = True
        if sends and not self.is_over(now):
            self._last_sent_at = now
            yield self._datagram

    def answered(self, answer: Answer, now: float) -> float:
        """Take the answer; the round trip, which is that of the last request at least."""
        self.answer = answer
        return now - self._last_sent_at


class Discovery:
    """Asks one P2P server. `reflexive` is there as soon as it is known, `findings` when everything is.

    `token` is from the application server; `random(n)` gives n random bytes. `tests_filtering` is of use only for a
    socket that has not sent to the server before.
    """

    def __init__(
        self,
        server: Address,
        token: bytes,
        random: Callable[[int], bytes],
        now: float,
        *,
        tests_filtering: bool = False,
    ) -> None:
        self.server = server
        self.reflexive: Address | None = None
        self.findings: Findings | None = None
        self._token = token
        self._random = random
        self._tests_filtering = tests_filtering
        self._answer: Answer | None = None
        self._round_trip: float | None = None
        self._filtering: dict[int, _Question] = {}
        self._mapping: dict[int, _Question] = {}
        self._first = self._ask(server, 0, limits.RENDEZVOUS_REPEATS, limits.RENDEZVOUS_TIMEOUT, now)
        self._open = [self._first]
        self._step: Callable[[float], None] = self._asked

    def receive(self, datagram: bytes, now: float) -> bool:
        """Take what came by the socket; False when it is no answer to this one's questions."""
        try:
            answer = decode_answer(datagram)
        except RendezvousRefused:
            return False
        for question in self._open:
            if question.transaction == answer.transaction:
                if question.answer is None:
                    round_trip = question.answered(answer, now)
                    if question is self._first:
                        self.reflexive, self._round_trip = answer.seen, round_trip
                    self._go_on(now)
                return True
        return False

    def datagrams_to_send(self, now: float) -> list[tuple[bytes, Address]]:
        """What is to be sent now."""
        self._go_on(now)
        return [datagram for question in self._open for datagram in question.due(now)]

    def next_timer(self) -> float | None:
        """When to call `datagrams_to_send` again, unless something is received before; None when all is known."""
        if self.findings is not None:
            return None
        return min(question.deadline() for question in self._open)

    # --- the steps --------------------------------------------------------------------------------------------------
    def _go_on(self, now: float) -> None:
        while self.findings is None and all(question.is_over(now) for question in self._open):
            self._step(now)

    def _asked(self, now: float) -> None:
        answer = self._answer = self._first.answer
        if answer is None:
            self._open = []
            self.findings = Findings(self.server)
        elif self._tests_filtering and (answer.second_port or answer.second != NOWHERE):
            if answer.second_port:
                self._filtering[FROM_SECOND_PORT] = self._test(self.server, FROM_SECOND_PORT, now)
            if answer.second != NOWHERE:
                self._filtering[FROM_SECOND_ADDRESS] = self._test(self.server, FROM_SECOND_ADDRESS, now)
            self._begin(self._filtering, self._filtering_known)
        else:
            self._filtering_known(now)

    def _filtering_known(self, now: float) -> None:
        answer = self._answer
        assert answer is not None
        if answer.second_port:
            self._mapping[FROM_SECOND_PORT] = self._test((self.server[0], answer.second_port), 0, now)
        if answer.second != NOWHERE:
            self._mapping[FROM_SECOND_ADDRESS] = self._test(answer.second, 0, now)
        self._begin(self._mapping, self._mapping_known)

    def _mapping_known(self, now: float) -> None:
        answer = self._answer
        assert answer is not None
        self.findings = Findings(
            self.server,
            self.reflexive,
            self._mapping_found(),
            self._filtering_found(),
            self._round_trip,
            answer.second != NOWHERE,
        )

    def _mapping_found(self) -> Behaviour:
        seen = {which: question.answer.seen for which, question in self._mapping.items() if question.answer is not None}
        if seen.get(FROM_SECOND_PORT, self.reflexive) != self.reflexive:
            return Behaviour.ADDRESS_AND_PORT_DEPENDENT
        if seen.get(FROM_SECOND_ADDRESS, self.reflexive) != self.reflexive:
            # Unless the second port was heard of, another mapping for another address may depend on the port, too.
            return Behaviour.ADDRESS_DEPENDENT if FROM_SECOND_PORT in seen else Behaviour.ADDRESS_AND_PORT_DEPENDENT
        return Behaviour.ENDPOINT_INDEPENDENT if seen else Behaviour.UNKNOWN

    def _filtering_found(self) -> Behaviour:
        came = {which for which, question in self._filtering.items() if question.answer is not None}
        if not self._filtering:
            return Behaviour.UNKNOWN
        if FROM_SECOND_ADDRESS in came:
            return Behaviour.ENDPOINT_INDEPENDENT
        if FROM_SECOND_PORT in came:
            return Behaviour.ADDRESS_DEPENDENT
        asked_port = FROM_SECOND_PORT in self._filtering
        return Behaviour.ADDRESS_AND_PORT_DEPENDENT if asked_port else Behaviour.UNKNOWN

    # --- asking -----------------------------------------------------------------------------------------------------
    def _begin(self, questions: dict[int, _Question], then: Callable[[float], None]) -> None:
        self._open = list(questions.values())
        self._step = then

    def _test(self, server: Address, flags: int, now: float) -> _Question:
        give_up = (self._round_trip or 0.0) + limits.NAT_TEST_TIMEOUT
        return self._ask(server, flags, limits.NAT_TEST_REPEATS, give_up, now)

    def _ask(self, server: Address, flags: int, repeats: Sequence[float], give_up: float, now: float) -> _Question:
        request = Request(self._random(TRANSACTION_SIZE), self._token, flags)
        return _Question(request, server, repeats, give_up, now)
