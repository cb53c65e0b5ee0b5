"""What a server passes on between clients that want a channel, and what it keeps from them."""

from __future__ import annotations

from esframework import ClientEngine, ClientOptions, ServerEngine
from esframework.limits import P2P_ANSWER_TIMEOUT, P2P_LONGEST_OFFER
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.contracts import (
    ACQUAINTANCE,
    ANSWER,
    MORE_CANDIDATES,
    OFFER,
    REFUSAL,
    AcquaintanceBody,
    AnswerBody,
    CandidateBody,
    MoreCandidatesBody,
    OfferBody,
    RefusalBody,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import BY_SERVER, MessageType
from tests.peers import Recorder

SESSION = b"s" * 16
OPTIONS = ClientOptions(p2p=ClientP2POptions(server="10.9.9.9:9901", map_ports=False))
"""With a P2P server that never answers; without one there would be no P2P in this network."""


class People:
    """A server, alice and bob; what comes to each is heard as frames."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.network = network
        self.server: ServerEngine = network.server(Recorder())
        self.alice: ClientEngine = network.run(network.client("alice", options=OPTIONS))
        self.bob: ClientEngine = network.run(network.client("bob", options=OPTIONS))

    def hear(self, client: ClientEngine, message_type: int) -> list[bytes]:
        heard: list[bytes] = []
        client.dispatcher.handlers[message_type] = lambda sender, message_id, body: heard.append(bytes(body))
        return heard

    def say(self, client: ClientEngine, target: str, message_type: int, body: bytes, message_id: int = 1) -> None:
        client.channel(target, BY_SERVER).send(message_type, body, message_id, target)
        self.network.advance(0.1)

    def offer(self, candidates: list[CandidateBody] | None = None) -> None:
        body = OfferBody(candidates or [], [], 6, 1, 1, 3, bytes(32), SESSION)
        self.say(self.alice, "bob", MessageType.P2P_OFFER, OFFER.encode(body))

    def answer(self) -> None:
        body = AnswerBody([], "", 6, 1, 1, 3, bytes(16), bytes(32), SESSION, 0)
        self.say(self.bob, "alice", MessageType.P2P_ANSWER, ANSWER.encode(body))


def many(number: int = 1000) -> list[CandidateBody]:
    return [CandidateBody("203.0.113.1", "host", each, "udp") for each in range(number)]


@simulated
async def test_both_ends_get_the_same_secret_which_is_of_their_attempt_alone(network: MemoryNetwork) -> None:
    people = People(network)
    offers = people.hear(people.bob, MessageType.P2P_OFFER)
    answers = people.hear(people.alice, MessageType.P2P_ANSWER)
    people.offer()
    people.answer()
    secret = OFFER.decode(offers[0]).secret
    assert len(secret) == 32
    assert ANSWER.decode(answers[0]).secret == secret
    back = people.hear(people.alice, MessageType.P2P_OFFER)
    body = OFFER.encode(OfferBody([], [], 6, 1, 1, 3, bytes(32), b"t" * 16))
    people.say(people.bob, "alice", MessageType.P2P_OFFER, body)
    assert OFFER.decode(back[0]).secret != secret


@simulated
async def test_an_answer_to_no_offer_makes_nobody_an_acquaintance(network: MemoryNetwork) -> None:
    people = People(network)
    told = people.hear(people.bob, MessageType.P2P_ACQUAINTANCE)
    answers = people.hear(people.alice, MessageType.P2P_ANSWER)
    people.answer()
    assert answers == []
    assert people.server.refusals.counts["p2p_answer_to_no_offer"] == 1
    await people.alice.close()
    network.advance(1)
    assert told == []


@simulated
async def test_an_offer_is_answered_once_and_not_for_ever(network: MemoryNetwork) -> None:
    people = People(network)
    people.hear(people.bob, MessageType.P2P_OFFER)
    answers = people.hear(people.alice, MessageType.P2P_ANSWER)
    people.offer()
    people.answer()
    people.answer()
    assert len(answers) == 1
    people.offer()
    network.advance(3 * P2P_ANSWER_TIMEOUT)
    people.answer()
    assert len(answers) == 1
    assert people.server.refusals.counts["p2p_answer_to_no_offer"] == 2


@simulated
async def test_those_who_have_a_channel_hear_of_each_others_devices(network: MemoryNetwork) -> None:
    people = People(network)
    people.hear(people.bob, MessageType.P2P_OFFER)
    told = people.hear(people.bob, MessageType.P2P_ACQUAINTANCE)
    people.offer()
    people.answer()
    await people.alice.close()
    network.advance(1)
    assert len(told) == 1


@simulated
async def test_nobody_hears_of_somebody_by_saying_that_there_is_a_channel(network: MemoryNetwork) -> None:
    people = People(network)
    told = people.hear(people.bob, MessageType.P2P_ACQUAINTANCE)
    say = ACQUAINTANCE.encode(AcquaintanceBody(0, True, "alice"))
    for _ in range(2):
        people.bob.channel(None).send(MessageType.P2P_ACQUAINTANCE, say)
    await people.alice.close()
    network.advance(1)
    assert told == []


@simulated
async def test_both_hear_of_each_other_when_both_say_so_and_not_again_and_again(network: MemoryNetwork) -> None:
    people = People(network)
    told = people.hear(people.bob, MessageType.P2P_ACQUAINTANCE)
    for client, other in ((people.bob, "alice"), (people.alice, "bob"), (people.alice, "bob")):
        body = ACQUAINTANCE.encode(AcquaintanceBody(0, True, other))
        client.channel(None).send(MessageType.P2P_ACQUAINTANCE, body)
        network.advance(0.1)
    assert [ACQUAINTANCE.decode(body) for body in told] == [AcquaintanceBody(1, True, "alice")]


@simulated
async def test_who_was_blocked_while_away_is_told_when_it_says_that_there_is_a_channel(network: MemoryNetwork) -> None:
    people = People(network)
    told = people.hear(people.alice, MessageType.P2P_ACQUAINTANCE)
    people.server.router.refuse_from("bob", frozenset({"alice"}))
    for client, other in ((people.bob, "alice"), (people.alice, "bob")):
        body = ACQUAINTANCE.encode(AcquaintanceBody(0, True, other))
        client.channel(None).send(MessageType.P2P_ACQUAINTANCE, body)
        network.advance(0.1)
    assert [ACQUAINTANCE.decode(body).is_admitted for body in told] == [False]


@simulated
async def test_offers_with_thousands_of_addresses_are_read_by_nobody(network: MemoryNetwork) -> None:
    people = People(network)
    offers = people.hear(people.bob, MessageType.P2P_OFFER)
    people.offer(many(33))
    assert len(offers) == 1
    people.offer(many())
    assert len(offers) == 1
    assert people.server.refusals.counts["p2p_offer_too_long"] == 1


@simulated
async def test_a_client_reads_nothing_of_what_is_too_long_for_it(network: MemoryNetwork) -> None:
    people = People(network)
    more = MORE_CANDIDATES.encode(MoreCandidatesBody(many(), SESSION))
    refusal = REFUSAL.encode(RefusalBody("no " * P2P_LONGEST_OFFER, SESSION))
    people.say(people.alice, "bob", MessageType.P2P_MORE_CANDIDATES, more)
    people.say(people.alice, "bob", MessageType.P2P_REFUSAL, refusal)
    assert people.bob.p2p.refused["too_long"] == 2


@simulated
async def test_names_of_attempts_that_are_none_are_not_kept(network: MemoryNetwork) -> None:
    people = People(network)
    offers = people.hear(people.bob, MessageType.P2P_OFFER)
    body = OFFER.encode(OfferBody([], [], 6, 1, 1, 3, bytes(32), bytes(4000)))
    people.say(people.alice, "bob", MessageType.P2P_OFFER, body)
    assert offers == []
    assert people.server.refusals.counts["p2p_offer_malformed"] == 1


@simulated
async def test_what_attempts_do_not_take_is_counted_during_and_after_them(network: MemoryNetwork) -> None:
    people = People(network)
    people.hear(people.bob, MessageType.P2P_ANSWER)
    connecting = people.alice.p2p.connect("bob").addErrback(lambda _: None)
    network.advance(1)
    ((_, session), _), *_ = people.bob.p2p._signalling._meetings.items()
    loopback = [CandidateBody("0.0.0.0", "host", 1, "udp")]
    more = MORE_CANDIDATES.encode(MoreCandidatesBody(loopback, session[-16:]))
    people.say(people.alice, "bob", MessageType.P2P_MORE_CANDIDATES, more)
    during = people.bob.p2p.refused
    assert sum(during.values()) >= 1
    network.advance(60)
    assert people.bob.p2p._signalling._meetings == {}
    assert people.bob.p2p.refused == during
    assert connecting.called
