"""What peers may ask of a server about messages that wait, and what it refuses."""

from __future__ import annotations

import pytest

from esframework.machines.greeting import OWN_CLIENT
from esframework.managers.offline.contracts import ACKNOWLEDGEMENT, SUMMARIES, WAITING, AcknowledgementBody, WaitingBody
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.peers import FramePeer, record
from tests.unit.managers.offline.parts import keeping_server

OURS = (
    MessageType.OFFLINE_READY,
    MessageType.OFFLINE_ACKNOWLEDGEMENT,
    MessageType.OFFLINE_WAITING,
    MessageType.OFFLINE_DISCARD,
)


def our_peer(network: MemoryNetwork, login_id: str = "bob") -> FramePeer:
    """A peer that calls itself one of ours, and is played by hand."""
    peer = FramePeer(network, login_id, authorized_user=f"{OWN_CLIENT}1.0").online()
    peer.take()
    return peer


@pytest.mark.parametrize("message_type", OURS)
@simulated
async def test_foreign_clients_are_not_answered_in_words_that_they_do_not_know(
    network: MemoryNetwork, message_type: int
) -> None:
    server = keeping_server(network)
    await server.offline.leave("bob", 1, b"x")
    peer = FramePeer(network, "bob").online()
    peer.send(message_type, b"", 7)
    assert peer.take() == [] and peer.is_connected
    assert server.refusals.counts["unknown_type"] == 1


@pytest.mark.parametrize("message_type", OURS[1:])
@simulated
async def test_a_malformed_body_ends_its_sender(network: MemoryNetwork, message_type: int) -> None:
    keeping_server(network)
    peer = our_peer(network)
    peer.send(message_type, b"\xff" * 7, 7)
    assert not peer.is_connected


@simulated
async def test_acknowledgements_of_what_was_never_given_delete_nothing(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    kept = await server.offline.leave("bob", 1, b"x")
    peer = our_peer(network)
    body = ACKNOWLEDGEMENT.encode(AcknowledgementBody([kept.number, -5, 2**62], [kept.number]))
    peer.send(MessageType.OFFLINE_ACKNOWLEDGEMENT, body)
    assert len(await server.offline.waiting("bob")) == 1
    peer.send(MessageType.OFFLINE_READY, b"", 3)
    our_peer(network, "mallory").send(MessageType.OFFLINE_ACKNOWLEDGEMENT, body)
    assert len(await server.offline.waiting("bob")) == 1
    peer.send(MessageType.OFFLINE_ACKNOWLEDGEMENT, body)
    assert await server.offline.waiting("bob") == []
    assert [frame.message_type for frame in peer.take()] == [
        MessageType.OFFLINE_READY,
        MessageType.OFFLINE_MESSAGE,
        MessageType.OFFLINE_CAUGHT_UP,
    ]


@simulated
async def test_a_page_of_summaries_fits_the_longest_message(network: MemoryNetwork) -> None:
    server = keeping_server(network, messages=0)
    for number in range(300):
        await server.offline.leave("bob", 1, b"x", id=f"{number:0120}")
    peer = our_peer(network)
    peer.send(MessageType.OFFLINE_WAITING, WAITING.encode(WaitingBody(0)), 9)
    [answer] = peer.take()
    page = SUMMARIES.decode(answer.body)
    assert (answer.message_id, page.is_last, len(page.messages)) == (9, False, 200)
    peer.send(MessageType.OFFLINE_WAITING, WAITING.encode(WaitingBody(page.messages[-1].number)), 10)
    page = SUMMARIES.decode(peer.take()[0].body)
    assert (page.is_last, len(page.messages)) == (True, 100)


@simulated
async def test_a_server_of_short_messages_has_short_pages(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_message=4096))
    for number in range(5):
        await server.offline.leave("bob", 1, b"x", id=f"{number:0120}")
    client = await network.client("bob")
    assert len(await client.offline.waiting()) == 5


@simulated
async def test_no_user_can_hand_over_messages_to_another(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    bob = await network.client("bob")
    caught_up = record(bob.offline.caught_up)
    mallory = our_peer(network, "mallory")
    mallory.send(MessageType.OFFLINE_MESSAGE, b"", to="bob")
    mallory.send(MessageType.OFFLINE_CAUGHT_UP, b"", to="bob")
    assert bob.connected and caught_up == []
    assert server.refusals.counts["type_not_relayable"] == 2
