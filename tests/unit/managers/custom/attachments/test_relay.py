"""What a server does with attachments between clients."""

from __future__ import annotations

from dataclasses import replace

import pytest
from twisted.internet.defer import Deferred

from esframework import Information, limits
from esframework.errors import NotDelivered, TargetAbsent
from esframework.managers.custom.attachments.contracts import (
    GRANT,
    OFFER,
    WITHDRAWAL,
    GrantBody,
    OfferBody,
    encode_piece,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType, RequestFailure
from tests.consumers import Collector, Taker
from tests.peers import FramePeer, record

OURS = "esframework-python/test"


@simulated
async def test_filters_and_monitors_see_the_information_and_never_the_pieces(network: MemoryNetwork) -> None:
    server = network.server(Taker(lambda _: Collector(network.reactor)))
    bob = Taker(lambda _: Collector(network.reactor))
    await network.client("bob", handler=bob)
    alice = await network.client("alice")
    seen = record(server.custom.information_received)
    server.custom.filters.add(lambda information: replace(information, content=b"changed"))
    await alice.custom.send_attached("bob", 7, b"body", b"attachment")
    await alice.custom.send_attached(None, 7, b"body", b"attachment")
    assert [what for _, what in seen] == [
        Information("alice", "bob", 7, b"body", "attached"),
        Information("alice", None, 7, b"body", "attached"),
    ]
    assert bob.contents == server.handler.contents == [b"changed"]


@simulated
async def test_what_a_filter_drops_is_not_offered(network: MemoryNetwork) -> None:
    server = network.server(Taker(None))
    bob = Taker(None)
    await network.client("bob", handler=bob)
    alice = await network.client("alice")
    server.custom.filters.add(lambda information: None)
    with pytest.raises(NotDelivered) as caught:
        await alice.custom.send_attached("bob", 7, b"body", b"attachment")
    assert caught.value.reason == RequestFailure.DROPPED_BY_FILTER
    assert bob.information == bob.offers == []


@simulated
async def test_an_offer_says_how_many_devices_of_ours_got_it(network: MemoryNetwork) -> None:
    network.server()
    bobs = [FramePeer(network, f"{n}#bob", generation=7, authorized_user=OURS).online() for n in (1, 2)]
    FramePeer(network, "3#bob", generation=7).online()
    alice = FramePeer(network, "4#alice", generation=7, authorized_user=OURS).online()
    alice.send(MessageType.ATTACHMENT_OFFERED, OFFER.encode(OfferBody(b"", 99, 7, "", 1)), 5, "bob")
    for bob in bobs:
        (offer,) = bob.take(MessageType.ATTACHMENT_OFFERED)
        assert OFFER.decode(offer.body).devices == 2


@simulated
async def test_a_malformed_offer_ends_its_sender_and_reaches_nobody(network: MemoryNetwork) -> None:
    network.server()
    bob = FramePeer(network, "bob", authorized_user=OURS).online()
    mallory = FramePeer(network, "mallory", authorized_user=OURS).online()
    bob.take()
    mallory.send(MessageType.ATTACHMENT_OFFERED, b"\xff" * 40, 5, "bob")
    assert not mallory.is_connected and bob.take() == []


@simulated
async def test_a_client_of_another_make_never_sees_any_of_it(network: MemoryNetwork) -> None:
    network.server()
    foreign = FramePeer(network, "foreign").online()
    mallory = FramePeer(network, "mallory", authorized_user=OURS).online()
    mallory.say("foreign")
    foreign.take()
    for message_type in range(1060, 1067):
        mallory.send(message_type, OFFER.encode(OfferBody(b"", 0, 7, "", 1)), 5, "foreign")
    assert foreign.take() == []


@simulated
async def test_a_receiver_whose_sender_is_gone_hears_of_it_and_loses_nothing_else(network: MemoryNetwork) -> None:
    network.server()
    deciding: Deferred[Collector] = Deferred()
    bob = await network.client("bob", handler=Taker(deciding))
    failed = record(bob.custom.attachment_failed)
    alice = FramePeer(network, "alice", authorized_user=OURS).online()
    alice.send(MessageType.ATTACHMENT_OFFERED, OFFER.encode(OfferBody(b"", 0, 7, "", 1)), 5, "bob")
    alice.stranger.transport.loseConnection()
    network.settle()
    deciding.callback(Collector(network.reactor))
    network.settle()
    assert len(failed) == 1 and "is gone" in str(failed[0][2])


@simulated
async def test_who_grants_to_nobody_is_told_under_the_others_number(network: MemoryNetwork) -> None:
    network.server()
    bob = FramePeer(network, "bob", authorized_user=OURS).online()
    bob.take()
    bob.send(MessageType.ATTACHMENT_GRANTED, GRANT.encode(GrantBody(5)), 8, "alice")
    (frame,) = bob.take()
    assert (frame.message_type, frame.message_id, frame.source) == (MessageType.ATTACHMENT_WITHDRAWN, 8, "alice")
    assert "target absent" in WITHDRAWAL.decode(frame.body).cause


@simulated
async def test_who_sends_pieces_to_nobody_is_told(network: MemoryNetwork) -> None:
    network.server()
    alice = FramePeer(network, "alice", authorized_user=OURS).online()
    alice.take()
    alice.send(MessageType.ATTACHMENT_PIECE, encode_piece(0, b"x"), 8, "bob")
    assert [(frame.message_type, frame.message_id) for frame in alice.take()] == [(MessageType.REQUEST_FAILED, 8)]


@simulated
async def test_a_receiver_that_leaves_while_it_decides_fails_it_at_the_next_question(network: MemoryNetwork) -> None:
    network.server()
    bob = await network.client("bob", handler=Taker(Deferred(lambda _: None)))
    alice = await network.client("alice")
    sent = alice.custom.send_attached("bob", 1, None, b"x", timeout=0)
    network.settle()
    await bob.close()
    with pytest.raises(TargetAbsent):
        await sent


@simulated
async def test_a_sender_that_is_gone_in_the_middle_is_found_out_soon(network: MemoryNetwork) -> None:
    network.server()
    consumer = Collector(network.reactor)
    await network.client("bob", handler=Taker(consumer))
    alice = FramePeer(network, "alice", authorized_user=OURS).online()
    alice.send(MessageType.ATTACHMENT_OFFERED, OFFER.encode(OfferBody(b"", 0, 7, "", -1)), 5, "bob")
    alice.send(MessageType.ATTACHMENT_PIECE, encode_piece(0, b"x"), 5, "bob")
    alice.stranger.transport.loseConnection()
    network.advance(limits.ATTACHMENT_ASK_INTERVAL + 1)
    assert len(consumer.errors) == 1
