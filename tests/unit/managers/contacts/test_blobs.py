"""Blobs that are broadcast: whole or not at all, in pieces that are passed on, as fast as the slowest member."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import ClientEngine, MessageType
from esframework.errors import ConnectionInterrupted, EncodeError, NoSuchGroup, NotDelivered, NotPermitted
from esframework.managers.contacts.contracts import BroadcastReport
from esframework.managers.contacts.options import ContactsOptions
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, record
from tests.unit.managers.contacts.house import Book, fragments, online

BLOB = MessageType.BROADCAST_BLOB


def book(*members: str) -> Book:
    return Book(groups={"chess": list(members or ("alice", "bob", "carol"))})


def send_fragments(peer: FramePeer, bodies: list[bytes], to: str = "_chess") -> None:
    for body in bodies:
        peer.send(BLOB, body, to=to)


async def listening(network: MemoryNetwork, name: str) -> tuple[ClientEngine, list[tuple[Any, ...]]]:
    client = await network.client(name)
    return client, record(client.contacts.broadcast_received)


@simulated
async def test_a_blob_reaches_every_member_whole(network: MemoryNetwork) -> None:
    network.server(contacts=book())
    alice, told = await listening(network, "alice")
    bob, bob_told = await listening(network, "bob")
    carol = FramePeer(network, "carol").online()
    content = bytes(range(256)) * 1000
    assert await alice.contacts.broadcast_blob("chess", 5, content, "t") == BroadcastReport(2, 0, 0)
    network.settle()
    assert bob_told == [("broadcast_received", "alice", "chess", 5, content, "t")]
    assert told == []
    frames = carol.take(BLOB)
    assert {(frame.source, frame.target, frame.message_id) for frame in frames} == {("alice", "_chess", 0)}


@simulated
async def test_one_that_is_empty_or_fits_a_fragment_is_one_fragment(network: MemoryNetwork) -> None:
    network.server(contacts=book())
    alice = await network.client("alice")
    _, told = await listening(network, "bob")
    for content in (b"", b"x"):
        assert (await alice.contacts.broadcast_blob("chess", 5, content)).reached == 1
    network.settle()
    assert [each[4] for each in told] == [b"", b"x"]


@simulated
async def test_foreign_blobs_are_heard_too_and_several_at_once_are_told_apart(network: MemoryNetwork) -> None:
    network.server(contacts=book())
    _, told = await listening(network, "alice")
    bob, carol = online(network, "bob", "carol")
    pairs = zip(fragments(b"from bob" * 5), fragments(b"from carol"[:8] * 5), strict=True)
    for one, other in pairs:
        send_fragments(bob, [one])
        send_fragments(carol, [other])
    network.settle()
    assert [(each[1], each[4]) for each in told] == [("bob", b"from bob" * 5), ("carol", b"from car" * 5)]


@simulated
async def test_to_everybody_and_by_the_server(network: MemoryNetwork) -> None:
    server = network.server(contacts=book())
    alice, told = await listening(network, "alice")
    bob, bob_told = await listening(network, "bob")
    await alice.contacts.broadcast_blob("*", 5, b"1" * 100_000)
    assert await server.contacts.broadcast_blob("chess", 6, b"2" * 1_000_000, "t") == BroadcastReport(2, 0, 1)
    network.settle()
    assert [each[1:4] for each in bob_told] == [("alice", "*", 5), (None, "chess", 6)]
    assert [each[1:4] for each in told] == [(None, "chess", 6)]


@simulated
async def test_the_server_sends_no_faster_than_its_slowest_member_takes(network: MemoryNetwork) -> None:
    server = network.server(contacts=book(), options=ServerOptions(high_water=10_000, write_timeout=0))
    slow, told = await listening(network, "bob")
    network.stop_reading(slow)
    sending = server.contacts.broadcast_blob("chess", 5, bytes(2_000_000))
    network.advance(10)
    assert not sending.called
    assert server.users.find_all("bob")[0].outgoing.size < 200_000
    network.go_on_reading(slow)
    assert (await sending).reached == 1
    network.settle()
    assert len(told) == 1


@simulated
async def test_our_client_waits_for_a_slow_member_and_goes_on_with_all_else(network: MemoryNetwork) -> None:
    server = network.server(contacts=book(), options=ServerOptions(high_water=10_000, write_timeout=0))
    alice = await network.client("alice")
    slow, told = await listening(network, "bob")
    network.stop_reading(slow)
    sending = alice.contacts.broadcast_blob("chess", 5, bytes(2_000_000))
    network.advance(10)
    assert not sending.called
    assert server.users.find_all("bob")[0].outgoing.size < 500_000
    assert await alice.basic.is_user_online("bob")
    network.go_on_reading(slow)
    assert (await sending).reached == 1
    network.settle()
    assert len(told[0][4]) == 2_000_000


@simulated
async def test_a_foreign_sender_is_read_no_faster_than_a_slow_member_takes(network: MemoryNetwork) -> None:
    server = network.server(contacts=book(), options=ServerOptions(high_water=10_000, write_timeout=0))
    alice = FramePeer(network, "alice").online()
    slow, told = await listening(network, "bob")
    network.stop_reading(slow)
    send_fragments(alice, fragments(bytes(1_000_000), size=10_000))
    connection = server.users.find_all("alice")[0]
    assert connection.reading_is_paused
    network.go_on_reading(slow)
    network.advance(1)
    assert not connection.reading_is_paused
    assert len(told) == 1


@simulated
async def test_a_refusal_ends_the_sending(network: MemoryNetwork) -> None:
    options = ServerOptions(limit_loopback=True, contacts=ContactsOptions(broadcasts_per_sender=1))
    server = network.server(
        contacts=book(), options=options, permit=lambda action, user_id, target: target != "secret" and None
    )
    alice = await network.client("alice")
    bob = FramePeer(network, "bob").online()
    with pytest.raises(NotPermitted):
        await alice.contacts.broadcast_blob("secret", 5, bytes(1_000_000))
    with pytest.raises(NotDelivered, match="no group 'go'"):
        await alice.contacts.broadcast_blob("go", 5, bytes(1_000_000))
    assert (await alice.contacts.broadcast_blob("chess", 5, b"1")).reached == 1
    with pytest.raises(NotDelivered, match="too fast"):
        await alice.contacts.broadcast_blob("chess", 5, bytes(1_000_000))
    assert len(bob.take(BLOB)) == 1
    assert server.refusals.counts["broadcast_too_fast"] == 1
    with pytest.raises(NoSuchGroup):
        await server.contacts.broadcast_blob("go", 5, b"1")
    for half in (alice, server):
        with pytest.raises(EncodeError):
            half.contacts.broadcast_blob("chess", 5, bytes(65 * 2**20))


@simulated
async def test_a_connection_that_is_lost_fails_the_sending(network: MemoryNetwork) -> None:
    network.server(contacts=book(), options=ServerOptions(high_water=10_000))
    alice = await network.client("alice")
    network.stop_reading(await network.client("bob"))
    sending = alice.contacts.broadcast_blob("chess", 5, bytes(2_000_000))
    network.settle()
    network.cut(alice)
    with pytest.raises(ConnectionInterrupted):
        await sending


@simulated
async def test_pieces_that_come_before_the_members_are_known_wait_in_order(network: MemoryNetwork) -> None:
    people = book()
    later: Deferred[Any] = Deferred()
    network.server(contacts=people)
    alice = FramePeer(network, "alice").online()
    _, told = await listening(network, "bob")
    network.advance(2)
    people.members_answer = lambda found: later
    send_fragments(alice, fragments(b"0123456789" * 10))
    later.callback(["bob"])
    network.settle()
    assert [each[4] for each in told] == [b"0123456789" * 10]


@simulated
async def test_pieces_out_of_order_or_of_no_blob_are_dropped(network: MemoryNetwork) -> None:
    server = network.server(contacts=book())
    alice, bob = online(network, "alice", "bob")
    bodies = fragments(b"0123456789" * 5)
    send_fragments(alice, bodies[1:])
    send_fragments(alice, [bodies[0], bodies[2], *bodies[3:]])
    send_fragments(alice, [bodies[0]])
    send_fragments(alice, bodies[1:], to="_go")
    assert len(bob.take(BLOB)) == 2
    assert server.refusals.counts["broadcast_fragment_dropped"] == 3 * len(bodies) - 4
    assert alice.is_connected


@simulated
async def test_blobs_that_are_never_finished_are_bounded_and_forgotten(network: MemoryNetwork) -> None:
    server = network.server(contacts=book(), options=ServerOptions(heartbeat_timeout=0))
    alice, bob = online(network, "alice", "bob")
    for number in range(40):
        send_fragments(alice, fragments(b"0123456789" * 5, number)[:1])
    assert len(bob.take(BLOB)) == 16
    assert server.refusals.counts["broadcast_blobs"] == 24
    network.advance(62)
    send_fragments(alice, fragments(b"0123456789" * 5, 99)[:1])
    assert len(bob.take(BLOB)) == 1


@simulated
async def test_a_blob_of_no_group_or_no_fragment_is_refused(network: MemoryNetwork) -> None:
    server = network.server(contacts=book())
    alice, bob = online(network, "alice", "bob")
    send_fragments(alice, fragments(b"x"), to="_0")
    assert server.refusals.counts["broadcast_without_group"] == len(fragments(b"x"))
    send_fragments(alice, [b"nonsense"])
    assert not alice.is_connected
    assert bob.is_connected


@simulated
async def test_the_server_hears_blobs_only_when_it_wants_to_and_never_of_failures(network: MemoryNetwork) -> None:
    server = network.server(contacts=book())
    told = record(server.contacts.broadcast_received, server.contacts.broadcast_failed)
    alice = FramePeer(network, "alice").online()
    send_fragments(alice, fragments(b"unheard" * 10))
    assert told == []
    assert server.contacts.broadcast_blob_listened is False
    server.contacts.broadcast_blob_listened = True
    send_fragments(alice, fragments(b"heard" * 10, 2))
    assert told == [("broadcast_received", "alice", "chess", 5, b"heard" * 10, "t")]


@simulated
async def test_a_payload_that_is_none_is_nobodys_blob(network: MemoryNetwork) -> None:
    from esframework.wire.blob_fragments import encode_fragments

    server = network.server(contacts=book())
    server.contacts.broadcast_blob_listened = True
    told = record(server.contacts.broadcast_received)
    alice = FramePeer(network, "alice").online()
    bob, bob_told = await listening(network, "bob")
    send_fragments(alice, list(encode_fragments(1, b"no payload", 100, 5)))
    network.settle()
    assert (told, bob_told) == ([], [])
    assert alice.is_connected and bob.connected
