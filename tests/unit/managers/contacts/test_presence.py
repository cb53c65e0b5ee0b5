"""Who is told that somebody comes or goes, in which form, and when."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import MessageType, ServerEngine
from esframework.managers.contacts.contracts import (
    CONTACTS_REQUEST,
    FRIEND_NOTICE,
    PRESENCE_6,
    PRESENCE_7,
    ContactsRequest,
    FriendNotice,
    Presence6,
    Presence7,
)
from esframework.managers.contacts.options import ContactsOptions
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, record
from tests.unit.managers.contacts.house import Book, all_of

ONLINE, OFFLINE, FRIEND = MessageType.CONTACT_ONLINE, MessageType.CONTACT_OFFLINE, MessageType.FRIEND_NOTICE
NOTICES = (ONLINE, OFFLINE, FRIEND)
IOS, LINUX = 4, 9


def told6(peer: FramePeer) -> list[tuple[int, Any]]:
    return [(frame.message_type, PRESENCE_6.decode(frame.body).user_id) for frame in peer.take(ONLINE, OFFLINE)]


def told7(peer: FramePeer) -> list[tuple[int, Presence7]]:
    return [(frame.message_type, PRESENCE_7.decode(frame.body)) for frame in peer.take(ONLINE, OFFLINE)]


def pair(network: MemoryNetwork, **more: Any) -> ServerEngine:
    return network.server(contacts=Book(all_of("alice", "bob")), **more)


@simulated
async def test_a_client_of_generation_6_hears_of_the_user_and_one_of_7_of_each_device(network: MemoryNetwork) -> None:
    network.server(contacts=Book({"alice": ["old", "new"]}))
    old, new = FramePeer(network, "old").online(), FramePeer(network, "4#new", generation=7).online()
    phone = FramePeer(network, "4#alice", generation=7).online()
    network.advance(2)
    desktop = FramePeer(network, "9#alice", generation=7).online()
    network.advance(2)
    assert told6(old) == [(ONLINE, "alice")]
    assert told7(new) == [(ONLINE, Presence7(True, IOS, "alice")), (ONLINE, Presence7(False, LINUX, "alice"))]
    phone.stranger.transport.loseConnection()
    network.advance(2)
    desktop.stranger.transport.loseConnection()
    network.advance(2)
    assert told6(old) == [(OFFLINE, "alice")]
    assert told7(new) == [(OFFLINE, Presence7(False, IOS, "alice")), (OFFLINE, Presence7(True, LINUX, "alice"))]


@simulated
async def test_the_notice_is_addressed_to_its_receiver_and_comes_from_the_server(network: MemoryNetwork) -> None:
    pair(network)
    bob = FramePeer(network, "bob").online()
    FramePeer(network, "alice").online()
    (notice,) = bob.take(ONLINE)
    assert (notice.source, notice.target, notice.message_id) == ("_0", "bob", 0)


@simulated
async def test_our_client_tells_users_and_devices_apart(network: MemoryNetwork) -> None:
    pair(network)
    bob = await network.client("bob")
    contacts = bob.contacts
    told = record(contacts.contact_online, contacts.contact_offline, contacts.contact_devices_changed)
    phone = FramePeer(network, "4#alice", generation=7).online()
    network.advance(2)
    desktop = FramePeer(network, "9#alice", generation=7).online()
    network.advance(2)
    phone.stranger.transport.loseConnection()
    network.advance(2)
    desktop.stranger.transport.loseConnection()
    network.advance(2)
    changed = "contact_devices_changed"
    assert told == [
        ("contact_online", "alice"),
        (changed, "alice", IOS, True),
        (changed, "alice", LINUX, True),
        (changed, "alice", IOS, False),
        (changed, "alice", LINUX, False),
        ("contact_offline", "alice"),
    ]


@simulated
async def test_our_client_understands_servers_of_either_generation(network: MemoryNetwork) -> None:
    server = pair(network)
    bob = await network.client("bob")
    told = record(bob.contacts.contact_online, bob.contacts.contact_offline)
    channel = server.channel("bob")
    channel.send(ONLINE, PRESENCE_6.encode(Presence6("x")))
    channel.send(OFFLINE, PRESENCE_7.encode(Presence7(True, 1, "x")))
    channel.send(FRIEND, FRIEND_NOTICE.encode(FriendNotice(True, "y")))
    channel.send(FRIEND, FRIEND_NOTICE.encode(FriendNotice(False, "y")))
    channel.send(ONLINE, b"nonsense")
    network.settle()
    assert [each[1] for each in told] == ["x", "x", "y", "y"]
    assert [each[0] for each in told] == ["contact_online", "contact_offline"] * 2
    assert bob.connected


@simulated
async def test_a_client_that_asked_for_friends_hears_of_friends(network: MemoryNetwork) -> None:
    pair(network)
    bob = FramePeer(network, "bob").online()
    bob.send(MessageType.FRIENDS, CONTACTS_REQUEST.encode(ContactsRequest(False, "")), 3)
    alice = FramePeer(network, "alice").online()
    network.advance(2)
    alice.stranger.transport.loseConnection()
    network.advance(2)
    notices = [FRIEND_NOTICE.decode(frame.body) for frame in bob.take(FRIEND)]
    assert notices == [FriendNotice(True, "alice"), FriendNotice(False, "alice")]
    assert bob.take(*NOTICES) == []
    bob.stranger.transport.loseConnection()
    network.advance(2)
    newcomer = FramePeer(network, "bob").online()
    FramePeer(network, "alice").online()
    network.advance(2)
    assert told6(newcomer) == [(ONLINE, "alice")]


@simulated
async def test_nobody_else_is_told(network: MemoryNetwork) -> None:
    network.server(contacts=Book({"alice": ["bob"], "carol": ["alice"]}))
    carol = FramePeer(network, "carol").online()
    alice = FramePeer(network, "alice").online()
    network.settle()
    assert carol.take(*NOTICES) == []
    assert alice.take(*NOTICES) == []


@simulated
async def test_either_switch_works_at_run_time(network: MemoryNetwork) -> None:
    server = pair(network)
    bob = FramePeer(network, "bob").online()
    server.contacts.contacts_connected_notify = False
    alice = FramePeer(network, "alice").online()
    network.advance(2)
    alice.stranger.transport.loseConnection()
    network.advance(2)
    assert told6(bob) == [(OFFLINE, "alice")]
    server.contacts.contacts_connected_notify = True
    server.contacts.contacts_disconnected_notify = False
    alice = FramePeer(network, "alice").online()
    network.advance(2)
    alice.stranger.transport.loseConnection()
    network.advance(2)
    assert told6(bob) == [(ONLINE, "alice")]


@simulated
async def test_the_switches_are_options_too(network: MemoryNetwork) -> None:
    silent = ContactsOptions(connected_notify=False, disconnected_notify=False)
    server = pair(network, options=ServerOptions(contacts=silent))
    assert (server.contacts.contacts_connected_notify, server.contacts.contacts_disconnected_notify) == (False, False)
    bob = FramePeer(network, "bob").online()
    FramePeer(network, "alice").online().stranger.transport.loseConnection()
    network.advance(3)
    assert bob.take(*NOTICES) == []


@simulated
async def test_who_flaps_is_told_of_once_a_second_at_most(network: MemoryNetwork) -> None:
    server = pair(network)
    bob = FramePeer(network, "bob").online()
    network.settle()
    for _ in range(30):
        FramePeer(network, "alice").online().stranger.transport.loseConnection()
        network.advance(0.1)
    network.advance(3)
    notices = told6(bob)
    assert len(notices) <= 6
    assert notices[-1] == (OFFLINE, "alice")
    assert server.contacts.notices_sent == len(notices)


@simulated
async def test_a_log_on_is_answered_before_anybody_is_asked_whom_to_tell(network: MemoryNetwork) -> None:
    book = Book()
    network.server(contacts=book)
    alice = FramePeer(network, "alice")
    alice.stranger.write(alice.log_on_frame())
    answered_before_asking: list[bool] = []
    book.answer = lambda found: answered_before_asking.append(bool(alice.take(MessageType.LOG_ON))) or found
    network.settle()
    assert answered_before_asking == [True]


@simulated
async def test_a_storm_of_log_ons_asks_for_few_at_a_time_and_tells_all(network: MemoryNetwork) -> None:
    names = [f"u{number}" for number in range(200)]
    book = Book({name: ["watcher"] for name in names})
    waiting: list[tuple[Deferred[Any], Any]] = []

    def later(found: Any) -> Deferred[Any]:
        waiting.append((Deferred(), found))
        return waiting[-1][0]

    network.server(contacts=book)
    watcher = FramePeer(network, "watcher").online()
    book.answer = later
    for name in names:
        FramePeer(network, name).online()
    assert len(waiting) == 64
    while waiting:
        deferred, found = waiting.pop(0)
        deferred.callback(found)
        assert len(waiting) <= 64
        network.settle()
    assert {name for _, name in told6(watcher)} == set(names)


@simulated
async def test_an_application_that_raises_or_hangs_holds_nobody_up(network: MemoryNetwork) -> None:
    book = Book(all_of("alice", "bob", "carol"))
    network.server(contacts=book)
    bob = FramePeer(network, "bob").online()
    network.advance(2)
    book.answer = lambda found: Deferred()
    FramePeer(network, "alice").online()
    network.settle()
    book.answer = lambda found: found
    FramePeer(network, "carol").online()
    network.advance(12)
    assert told6(bob) == [(ONLINE, "carol")]
    assert len(network.failures.take(Exception)) == 1


@simulated
async def test_on_a_crowded_open_server_nobody_is_told(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.limits.EVERYBODY_MOST", 3)
    network.server()
    first = FramePeer(network, "first").online()
    for number in range(5):
        FramePeer(network, f"u{number}").online()
        network.settle()
    assert [name for _, name in told6(first)] == ["u0", "u1"]


@simulated
async def test_other_managers_hear_of_users_as_often_as_contacts_do(network: MemoryNetwork) -> None:
    server = pair(network)
    told = record(server.contacts.presence_changed)
    for _ in range(10):
        FramePeer(network, "4#alice", generation=7).online().stranger.transport.loseConnection()
    network.advance(3)
    FramePeer(network, "4#alice", generation=7).online()
    FramePeer(network, "9#alice", generation=7).online()
    network.advance(3)
    assert told == [("presence_changed", "alice", is_online) for is_online in (True, False, True)]


@simulated
async def test_notices_that_wait_end_with_the_server(network: MemoryNetwork) -> None:
    book = Book(all_of("alice", "bob"))
    server = network.server(contacts=book)
    FramePeer(network, "bob").online()
    network.advance(2)
    book.asked.clear()
    server.users.connected.subscribe(lambda user: server.close())
    FramePeer(network, "alice").online()
    network.advance(10)
    assert book.asked == []
