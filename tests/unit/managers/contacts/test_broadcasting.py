"""Broadcasts: to whom, from whom, by whose leave, how fast; and what those who are not there mean."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import MessageType, OnBusy, ServerEngine
from esframework.errors import EncodeError, NoSuchGroup, NotDelivered, NotPermitted
from esframework.managers.contacts.contracts import BROADCAST, Broadcast, BroadcastReport
from esframework.managers.contacts.options import ContactsOptions
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer, record
from tests.unit.managers.contacts.house import Book, broadcast_body, fill, heard, online, say


def chess(network: MemoryNetwork, *members: str, **more: Any) -> ServerEngine:
    return network.server(contacts=Book(groups={"chess": list(members or ("alice", "bob", "carol"))}), **more)


# --- to whom --------------------------------------------------------------------------------------------------------
@simulated
async def test_every_member_online_gets_it_but_its_sender_and_nobody_else(network: MemoryNetwork) -> None:
    chess(network)
    alice, bob, carol, dave = online(network, "alice", "bob", "carol", "dave")
    say(alice, "chess")
    assert heard(bob) == heard(carol) == [("alice", "_chess", b"hello")]
    assert heard(alice) == heard(dave) == []


@simulated
async def test_the_body_goes_out_as_it_came_whatever_the_generation(network: MemoryNetwork) -> None:
    chess(network)
    alice = FramePeer(network, "4#alice", generation=7).online()
    bob = FramePeer(network, "bob", max_user_id=20).online()
    tablet = FramePeer(network, "2#alice", generation=7).online()
    say(alice, "chess", None)
    for receiver, name in ((bob, "alice"), (tablet, "4#alice")):
        (frame,) = receiver.take(MessageType.BROADCAST)
        assert (frame.source, frame.body, frame.message_id) == (name, broadcast_body("chess", None), 0)


@simulated
async def test_the_group_may_stand_in_the_header_in_the_body_or_in_both(network: MemoryNetwork) -> None:
    server = chess(network)
    alice, bob = online(network, "alice", "bob")
    alice.send(MessageType.BROADCAST, broadcast_body("chess", b"1"), to="_0")
    alice.send(MessageType.BROADCAST, broadcast_body(None, b"2"), to="_chess")
    alice.send(MessageType.BROADCAST, broadcast_body("chess", b"3"), to="_chess")
    assert heard(bob) == [("alice", "_chess", content) for content in (b"1", b"2", b"3")]
    for group_id, to in ((None, "_0"), ("", "_0"), ("chess", "_go"), ("go", "_chess"), ("chess", "*"), ("*", "_chess")):
        alice.send(MessageType.BROADCAST, broadcast_body(group_id), to=to)
    assert heard(bob) == []
    assert server.refusals.counts["broadcast_without_group"] == 6


@simulated
async def test_an_id_that_only_looks_like_the_server_is_a_group(network: MemoryNetwork) -> None:
    network.server(contacts=Book(groups={"_0": ["bob"], "_": ["bob"], " '; --": ["bob"]}))
    alice, bob = online(network, "alice", "bob")
    for group_id in ("_0", "_", " '; --"):
        say(alice, group_id)
    assert [destination for _, destination, _ in heard(bob)] == ["__0", "__", "_ '; --"]


@simulated
async def test_everybody_online_on_an_open_server_or_from_an_administrator(network: MemoryNetwork) -> None:
    options = ServerOptions(open=False, administrators=frozenset({"root"}))
    server = network.server(options=options)
    root, alice, bob = online(network, "root", "alice", "bob")
    say(root, "*")
    say(alice, "*")
    assert heard(alice) == heard(bob) == [("root", "*", b"hello")]
    assert server.refusals.counts["not_permitted_broadcast_everybody"] == 1
    client = await network.client("carol")
    with pytest.raises(NotPermitted, match="broadcast_everybody"):
        await client.contacts.broadcast("*", 1, b"")
    FramePeer(network, "dave").online()
    assert (await server.contacts.broadcast("*", 1, b"")).reached == 5


@simulated
async def test_a_header_too_short_for_the_groups_id_is_passed_over_and_counted(network: MemoryNetwork) -> None:
    name = "g" * 30
    server = network.server(contacts=Book(groups={name: ["short", "long"]}))
    short, long = FramePeer(network, "short").online(), FramePeer(network, "long", max_user_id=36).online()
    assert (await server.contacts.broadcast(name, 1, b"x")).reached == 1
    assert (heard(short), len(heard(long))) == ([], 1)
    assert server.refusals.counts["broadcast_does_not_fit"] == 1


@simulated
async def test_a_body_for_which_a_members_header_leaves_no_room_reaches_the_others(network: MemoryNetwork) -> None:
    server = chess(network)
    alice, bob = online(network, "alice", "bob")
    carol = FramePeer(network, "carol", max_user_id=255).online()
    longest = server.options.max_message - alice.layout.header_size - len(broadcast_body("chess", b""))
    say(alice, "chess", bytes(longest))
    assert ([len(content) for _, _, content in heard(bob)], heard(carol)) == ([longest], [])
    assert server.refusals.counts["broadcast_does_not_fit"] == 1
    assert alice.is_connected and carol.is_connected


# --- reports --------------------------------------------------------------------------------------------------------
@simulated
async def test_our_client_gets_a_report_and_a_foreign_one_nothing(network: MemoryNetwork) -> None:
    server = chess(network)
    alice = await network.client("alice")
    told = record(alice.contacts.broadcast_received)
    bob = FramePeer(network, "bob").online()
    assert await alice.contacts.broadcast("chess", 5, b"hello", "t") == BroadcastReport(1, 0, 1)
    assert alice.contacts.post_broadcast("chess", 5, b"again") is True
    network.settle()
    assert [content for _, _, content in heard(bob)] == [b"hello", b"again"]
    say(bob, "chess", message_id=7)
    network.settle()
    assert told == [("broadcast_received", "bob", "chess", 5, b"hello", "t")]
    assert told[0][1].device == 10
    assert bob.take(MessageType.BROADCAST_REPORT, MessageType.REQUEST_FAILED) == []
    assert server.contacts.copies_sent == 3


@simulated
async def test_busy_members_are_passed_over_on_discard_and_counted(network: MemoryNetwork) -> None:
    server = chess(network, options=ServerOptions(high_water=1000))
    alice = await network.client("alice")
    slow, quick = online(network, "bob", "carol")
    network.stop_reading(slow.stranger)
    fill(network, server, "bob")
    assert await alice.contacts.broadcast("chess", 1, b"1", on_busy=OnBusy.DISCARD) == BroadcastReport(1, 1, 0)
    assert await alice.contacts.broadcast("chess", 1, b"2") == BroadcastReport(2, 0, 0)
    assert [content for _, _, content in heard(quick)] == [b"1", b"2"]
    network.go_on_reading(slow.stranger)
    assert [content for _, _, content in heard(slow)] == [b"2"]


@simulated
async def test_a_member_who_never_reads_holds_nobody_up_and_is_cut(network: MemoryNetwork) -> None:
    server = chess(network, options=ServerOptions(high_water=1000, hard_limit=100_000))
    alice = await network.client("alice")
    slow, quick = online(network, "bob", "carol")
    network.stop_reading(slow.stranger)
    for _ in range(100):
        await alice.contacts.broadcast("chess", 1, b"x" * 5000)
    network.advance(1)
    assert len(heard(quick)) == 100
    assert not server.users.is_online("bob")


@simulated
async def test_a_group_that_nobody_knows_is_refused_with_a_word(network: MemoryNetwork) -> None:
    server = chess(network)
    alice = await network.client("alice")
    with pytest.raises(NotDelivered, match="there is no group 'go'") as caught:
        await alice.contacts.broadcast("go", 1, b"")
    assert caught.value.reason == RequestFailure.NO_SUCH_THING
    say(FramePeer(network, "bob").online(), "go")
    assert server.refusals.counts["broadcast_unknown_group"] == 2
    with pytest.raises(NoSuchGroup):
        await server.contacts.broadcast("go", 1, b"")


@simulated
async def test_a_group_bomb_asks_and_remembers_little(network: MemoryNetwork) -> None:
    book = Book()
    server = network.server(contacts=book)
    alice = FramePeer(network, "alice").online()
    for number in range(10_000):
        alice.stranger.write(alice.frame(MessageType.BROADCAST, broadcast_body(f"g{number}"), to=f"_g{number}"))
    network.settle()
    assert server.refusals.counts["broadcast_unknown_group"] == 10_000
    assert alice.is_connected


@simulated
async def test_nobody_is_asked_for_a_group_that_no_header_can_say(network: MemoryNetwork) -> None:
    book = Book()
    server = network.server(contacts=book)
    alice = FramePeer(network, "alice", authorized_user="esframework-python/0").online()
    for number in range(3):
        alice.send(MessageType.BROADCAST, broadcast_body(f"{number}" + "\0" * 1_000_000), 7)
    failed = alice.take(MessageType.REQUEST_FAILED)
    assert [len(frame.body) < 1000 for frame in failed] == [True] * 3
    assert server.refusals.counts["broadcast_unknown_group"] == 3
    assert book.asked in ([], ["alice"])  # her contacts, for presence


# --- by whose leave -------------------------------------------------------------------------------------------------
@simulated
async def test_the_permission_hook_decides_for_each_group(network: MemoryNetwork) -> None:
    asked: list[tuple[str, str, str | None]] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return target != "chess"

    server = network.server(contacts=Book(groups={"chess": ["bob"], "go": ["bob"]}), permit=permit)
    alice = await network.client("alice")
    (bob,) = online(network, "bob")
    with pytest.raises(NotPermitted, match="broadcast to 'chess' is not permitted to 'alice'"):
        await alice.contacts.broadcast("chess", 1, b"")
    assert (await alice.contacts.broadcast("go", 1, b"")).reached == 1
    say(bob, "chess")
    assert ("broadcast", "alice", "chess") in asked
    assert server.refusals.counts["not_permitted_broadcast"] == 2


@simulated
async def test_a_hook_that_raises_refuses(network: MemoryNetwork) -> None:
    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        raise RuntimeError("broken")

    chess(network, permit=permit)
    alice = await network.client("alice")
    with pytest.raises(NotPermitted):
        await alice.contacts.broadcast("chess", 1, b"")
    assert len(network.failures.take(RuntimeError)) == 1


# --- how fast -------------------------------------------------------------------------------------------------------
def limited(**numbers: int) -> ServerOptions:
    return ServerOptions(limit_loopback=True, contacts=ContactsOptions(**numbers))


@simulated
async def test_beyond_a_senders_limit_a_broadcast_is_refused_and_says_how_long(network: MemoryNetwork) -> None:
    server = chess(network, options=limited(broadcasts_per_sender=2))
    alice, (bob,) = await network.client("alice"), online(network, "bob")
    for _ in range(2):
        await alice.contacts.broadcast("chess", 1, b"")
    with pytest.raises(NotDelivered, match=r"too fast; try again in 0\.500 s") as caught:
        await alice.contacts.broadcast("chess", 1, b"")
    assert caught.value.reason == RequestFailure.TOO_FAST
    say(bob, "chess")
    assert server.refusals.counts["broadcast_too_fast"] == 1
    network.advance(0.5)
    assert (await alice.contacts.broadcast("chess", 1, b"")).reached == 1


@simulated
async def test_another_device_of_the_user_has_no_limit_of_its_own(network: MemoryNetwork) -> None:
    server = chess(network, options=limited(broadcasts_per_sender=1))
    for device in ("4#alice", "9#alice"):
        say(FramePeer(network, device, generation=7).online(), "chess")
    assert server.refusals.counts["broadcast_too_fast"] == 1


@simulated
async def test_copies_are_limited_for_a_sender_and_for_all(network: MemoryNetwork) -> None:
    members = [f"u{number}" for number in range(10)]
    server = chess(network, *members, options=limited(deliveries_per_sender=20, deliveries_per_second=30))
    peers = list(online(network, *members))
    for _ in range(3):
        say(peers[0], "chess")
    say(peers[1], "chess")
    say(peers[2], "chess")
    assert len(heard(peers[9])) == 3
    assert server.refusals.counts["broadcast_too_fast"] == 2


@simulated
async def test_a_storm_from_this_machine_is_limited_only_for_all(network: MemoryNetwork) -> None:
    options = ServerOptions(contacts=ContactsOptions(broadcasts_per_sender=1, deliveries_per_second=5))
    server = chess(network, options=options)
    alice, bob = online(network, "alice", "bob")
    for _ in range(10):
        say(alice, "chess")
    assert len(heard(bob)) == 2
    assert server.refusals.counts["broadcast_too_fast"] == 8
    for _ in range(10):
        await server.contacts.broadcast("chess", 1, b"")
    assert len(heard(bob)) == 10


# --- events ---------------------------------------------------------------------------------------------------------
@simulated
async def test_the_server_hears_what_it_passes_on_and_who_was_not_there(network: MemoryNetwork) -> None:
    server = chess(network)
    told = record(server.contacts.broadcast_received, server.contacts.broadcast_failed)
    (alice,) = online(network, "alice")
    say(alice, "chess")
    expected = Broadcast("alice", "chess", 5, b"hello", "t")
    assert told == [
        ("broadcast_received", "alice", "chess", 5, b"hello", "t"),
        ("broadcast_failed", "bob", expected),
        ("broadcast_failed", "carol", expected),
    ]
    told.clear()
    await server.contacts.broadcast("chess", 6, b"x")
    absent = [("broadcast_failed", name, Broadcast(None, "chess", 6, b"x")) for name in ("bob", "carol")]
    assert told == absent


@simulated
async def test_a_broadcast_of_the_server_has_no_broadcaster(network: MemoryNetwork) -> None:
    server = chess(network)
    alice, (bob,) = await network.client("alice"), online(network, "bob")
    told = record(alice.contacts.broadcast_received)
    assert await server.contacts.broadcast("chess", 5, b"hello", "t") == BroadcastReport(2, 0, 1)
    network.settle()
    assert told == [("broadcast_received", None, "chess", 5, b"hello", "t")]
    assert heard(bob) == [("_0", "_chess", b"hello")]


@simulated
async def test_what_is_longer_than_a_message_is_refused_before_it_is_sent(network: MemoryNetwork) -> None:
    server = chess(network)
    alice = await network.client("alice")
    online(network, "bob")
    for half in (alice, server):
        with pytest.raises(EncodeError, match="send it as a blob"):
            await half.contacts.broadcast("chess", 1, bytes(2**20))


@simulated
async def test_a_body_that_is_none_ends_its_sender_alone(network: MemoryNetwork) -> None:
    chess(network)
    alice, bob = online(network, "alice", "bob")
    alice.send(MessageType.BROADCAST, b"\x01\x02", to="_chess")
    assert not alice.is_connected
    assert bob.is_connected


# --- while members are looked up ------------------------------------------------------------------------------------
@simulated
async def test_broadcasts_keep_their_order_while_members_are_looked_up(network: MemoryNetwork) -> None:
    book = Book(groups={"chess": ["bob"]})
    later: Deferred[Any] = Deferred()
    server = network.server(contacts=book)
    alice, bob = online(network, "alice", "bob")
    network.advance(2)
    book.members_answer = lambda found: later
    for number in range(5):
        say(alice, "chess", b"%d" % number)
    assert heard(bob) == []
    later.callback(["bob"])
    say(alice, "chess", b"5")
    assert [content for _, _, content in heard(bob)] == [b"%d" % number for number in range(6)]
    assert server.refusals.counts == {}


@simulated
async def test_too_much_that_waits_for_members_is_refused(network: MemoryNetwork) -> None:
    book = Book()
    server = network.server(contacts=book)
    alice = await network.client("alice")
    book.members_answer = lambda found: Deferred()
    waiting = []
    for _ in range(20):
        waiting.append(alice.contacts.broadcast("chess", 1, bytes(1_000_000)))
        network.settle()
    refused = [each for each in waiting if each.called]
    assert len(refused) == server.refusals.counts["broadcast_busy"] == 4
    for each in waiting:
        with pytest.raises(NotDelivered):
            await each
    network.failures.take(Exception)
    book.members_answer = lambda found: ["alice"]
    await alice.contacts.broadcast("chess", 1, bytes(1_000_000))


@simulated
async def test_who_is_gone_when_members_are_known_is_still_heard(network: MemoryNetwork) -> None:
    book = Book()
    later: Deferred[Any] = Deferred()
    network.server(contacts=book)
    alice, bob = online(network, "alice", "bob")
    network.advance(2)
    book.members_answer = lambda found: later
    say(alice, "chess")
    alice.stranger.transport.loseConnection()
    network.settle()
    later.callback(["alice", "bob"])
    assert heard(bob) == [("alice", "_chess", b"hello")]


@simulated
async def test_other_managers_broadcast_types_of_their_own_by_the_same_rules(network: MemoryNetwork) -> None:
    server = chess(network)
    alice = await network.client("alice")
    (bob,) = online(network, "bob")
    sender = server.users.find_all("alice")[0]
    broadcast = Broadcast("alice", "chess", 5, b"x")
    server.contacts.broadcasting.relay(sender, 0, MessageType.GROUP_BROADCAST, b"body", broadcast)
    (frame,) = bob.take(MessageType.GROUP_BROADCAST)
    assert (frame.body, frame.target) == (b"body", "_chess")
    assert alice.connected


@simulated
async def test_a_report_counts_devices_and_names_nobody(network: MemoryNetwork) -> None:
    chess(network)
    alice = await network.client("alice")
    for device in ("4#bob", "9#bob"):
        FramePeer(network, device, generation=7).online()
    assert await alice.contacts.broadcast("chess", 1, b"") == BroadcastReport(2, 0, 1)
    assert BROADCAST.decode(broadcast_body("chess")).group_id == "chess"
