"""Lists: contacts, those online, their devices, members of groups; and the endpoints of contacts."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import MessageType
from esframework.errors import NotDelivered, NotPermitted
from esframework.managers.contacts.contracts import (
    CONTACTS_REQUEST,
    GROUP_MEMBERS,
    GROUP_MEMBERS_REQUEST,
    USER_LIST,
    ContactsRequest,
    Groupmates,
    GroupMembersBody,
    GroupMembersRequest,
)
from esframework.managers.custom.manager import CustomManager
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer
from tests.unit.managers.contacts.house import Book, online


@simulated
async def test_contacts_and_those_of_them_that_are_online(network: MemoryNetwork) -> None:
    network.server(contacts=Book({"alice": ["bob", "carol", "dave"]}))
    alice = await network.client("alice")
    FramePeer(network, "9#carol", generation=7).online()
    FramePeer(network, "4#carol", generation=7).online()
    assert await alice.contacts.contacts() == ["bob", "carol", "dave"]
    assert await alice.contacts.online_contacts("a tag") == ["carol"]
    assert await alice.contacts.contact_devices() == {"carol": [9, 4]}


@simulated
async def test_a_foreign_client_is_answered_in_the_type_it_asked_with(network: MemoryNetwork) -> None:
    network.server(contacts=Book({"old": ["bob"], "new": ["bob"]}))
    online(network, "bob")
    old, new = FramePeer(network, "old").online(), FramePeer(network, "4#new", generation=7).online()
    for peer, message_type in ((old, MessageType.FRIENDS), (old, MessageType.CONTACTS), (new, MessageType.CONTACTS)):
        for just_online in (True, False):
            peer.send(message_type, CONTACTS_REQUEST.encode(ContactsRequest(just_online, None)), 9)
            (answer,) = peer.take()
            assert (answer.message_type, answer.message_id, answer.source) == (message_type, 9, "_0")
            assert USER_LIST.decode(answer.body).user_list == ["bob"]


@simulated
async def test_members_of_a_group_by_its_virtual_id_or_by_the_body(network: MemoryNetwork) -> None:
    network.server(contacts=Book(groups={"chess": ["alice", "bob", "carol"]}))
    alice = await network.client("alice")
    (bob,) = online(network, "bob")
    assert await alice.contacts.group_members("chess") == Groupmates(["alice", "bob"], ["carol"])
    for to, group_id in (("_chess", "chess"), ("_0", "chess"), ("_chess", None)):
        bob.send(MessageType.GROUP_MEMBERS, GROUP_MEMBERS_REQUEST.encode(GroupMembersRequest(group_id)), 4, to=to)
        (answer,) = bob.take()
        assert GROUP_MEMBERS.decode(answer.body) == GroupMembersBody(["carol"], ["alice", "bob"])


@simulated
async def test_a_group_without_members_is_told_ours_and_is_empty_for_others(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice")
    with pytest.raises(NotDelivered, match="there is no group 'go'") as caught:
        await alice.contacts.group_members("go")
    assert caught.value.reason == RequestFailure.NO_SUCH_THING
    (bob,) = online(network, "bob")
    bob.send(MessageType.GROUP_MEMBERS, GROUP_MEMBERS_REQUEST.encode(GroupMembersRequest("go")), 4, to="_go")
    assert GROUP_MEMBERS.decode(bob.take()[0].body) == GroupMembersBody([], [])


@simulated
async def test_who_may_see_the_members_is_the_hooks_decision(network: MemoryNetwork) -> None:
    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        return False if (action, target) == ("group_members", "chess") else None

    network.server(contacts=Book(groups={"chess": ["bob"]}), permit=permit)
    alice = await network.client("alice")
    with pytest.raises(NotPermitted):
        await alice.contacts.group_members("chess")


@simulated
async def test_a_list_longer_than_a_message_is_refused(network: MemoryNetwork) -> None:
    many = [f"user{number:032d}" for number in range(100)]
    book = Book({"alice": many}, {"chess": many})
    server = network.server(contacts=book, options=ServerOptions(max_message=2000))
    alice = await network.client("alice")
    for call in (alice.contacts.contacts, lambda: alice.contacts.group_members("chess")):
        with pytest.raises(NotDelivered) as caught:
            await call()
        assert caught.value.reason == RequestFailure.TOO_LONG
    assert server.refusals.counts["list_too_long"] == 2
    assert alice.connected


@simulated
async def test_long_lists_again_and_again_are_refused_for_a_while(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esframework.limits.MAX_LISTED_PER_SECOND", 10)
    server = network.server(contacts=Book({"alice": ["bob"] * 3 + [f"u{number}" for number in range(30)]}))
    alice = await network.client("alice")
    assert len(await alice.contacts.contacts()) == 31
    with pytest.raises(NotDelivered, match="too many lists; try again in 2") as caught:
        await alice.contacts.contacts()
    assert caught.value.reason == RequestFailure.TOO_FAST
    assert server.refusals.counts["lists_too_fast"] == 1
    network.advance(3)
    assert len(await alice.contacts.contacts()) == 31


@simulated
async def test_too_many_who_wait_for_an_application_that_hangs_are_refused(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esframework.limits.LOOKUPS_WAITING", 5)
    book = Book({"alice": ["bob"]})
    server = network.server(contacts=book)
    alice = await network.client("alice")
    network.advance(2)
    later: Deferred[Any] = Deferred()
    book.answer = lambda found: later
    waiting = [alice.contacts.contacts() for _ in range(10)]
    broadcast = alice.contacts.broadcast("chess", 1, b"")
    network.settle()
    assert server.refusals.counts["contacts_busy"] == 5
    with pytest.raises(NotDelivered, match="too much waits"):
        await broadcast
    book.answer = lambda found: found
    later.callback(["bob"])
    for each in waiting[:5]:
        assert await each == ["bob"]
    for each in waiting[5:]:
        with pytest.raises(NotDelivered, match="too many wait"):
            await each
    assert await alice.contacts.contacts() == ["bob"]


@simulated
async def test_an_answer_that_comes_after_its_asker_has_gone_harms_nobody(network: MemoryNetwork) -> None:
    book = Book()
    later: list[Deferred[Any]] = []
    book.answer = lambda found: later.append(Deferred()) or later[-1]
    network.server(contacts=book)
    (alice,) = online(network, "alice")
    alice.send(MessageType.CONTACTS, CONTACTS_REQUEST.encode(ContactsRequest(False, "")), 1)
    alice.stranger.transport.loseConnection()
    network.settle()
    for each in later:
        each.callback(["bob"])
    network.settle()


@simulated
async def test_contacts_may_ask_for_each_others_endpoints(network: MemoryNetwork) -> None:
    book = Book({"bob": ["alice"]})
    server = network.server(contacts=book, options=ServerOptions(open=False))
    alice, carol, _ = [await network.client(name) for name in ("alice", "carol", "bob")]
    assert await alice.basic.user_endpoint("bob") == server.users.address_of("bob")
    with pytest.raises(NotPermitted):
        await carol.basic.user_endpoint("bob")
    later: Deferred[Any] = Deferred()
    server.contacts.changed(user_id="bob")
    book.answer = lambda found: later
    asked = alice.basic.user_endpoint("bob")
    network.settle()
    assert not asked.called
    later.callback(["alice"])
    assert await asked is not None


@simulated
async def test_a_server_without_contacts_has_no_contacts(network: MemoryNetwork) -> None:
    from esframework.managers.basic.manager import BasicManager

    managers = [BasicManager(), CustomManager()]
    network.server(managers=managers, options=ServerOptions(open=False))
    alice = await network.client("alice")
    await network.client("bob")
    with pytest.raises(NotPermitted):
        await alice.basic.user_endpoint("bob")
    assert await alice.contacts.broadcast("chess", 1, b"") is None
