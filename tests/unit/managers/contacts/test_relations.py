"""Contacts that users make: asking, accepting, refusing, removing, blocking; and what everybody hears of it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail

from esframework import ClientEngine, MessageType, ServerEngine, limits
from esframework.errors import ComeBackLater, NotDelivered, NotLoggedOn, NotPermitted, StoreAway
from esframework.interfaces import RelationState
from esframework.managers.contacts.contracts import CHANGE_CONTACT, RELATIONS, ChangeContactBody
from esframework.server.options import ServerOptions
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer, record
from tests.unit.managers.contacts.house import Book

GUARDED = ServerOptions(open=False)
ASKED, ASKED_BY, ACCEPTED, BLOCKED = RelationState


async def two(network: MemoryNetwork, **more: Any) -> tuple[ServerEngine, ClientEngine, ClientEngine]:
    server = network.server(**{"options": GUARDED, **more})
    alice, bob = await network.client("alice"), await network.client("bob")
    network.advance(2)
    return server, alice, bob


async def friends(network: MemoryNetwork) -> tuple[ServerEngine, ClientEngine, ClientEngine]:
    server, alice, bob = await two(network)
    await alice.contacts.add("bob")
    await bob.contacts.accept("alice")
    network.advance(2)
    return server, alice, bob


def news_of(client: ClientEngine) -> list[tuple[Any, ...]]:
    contacts = client.contacts
    return record(
        contacts.contact_requested,
        contacts.contact_accepted,
        contacts.contact_refused,
        contacts.contact_removed,
        contacts.contact_online,
        contacts.contact_offline,
    )


async def states(client: ClientEngine) -> list[tuple[str, RelationState]]:
    return [(each.other, each.state) for each in await client.contacts.relations()]


@simulated
async def test_one_asks_the_other_accepts_and_both_see_each_other(network: MemoryNetwork) -> None:
    _, alice, bob = await two(network)
    alices, bobs = news_of(alice), news_of(bob)
    assert await alice.contacts.add("bob", "hello, it is me") is ASKED
    network.settle()
    assert bobs == [("contact_requested", "alice", "hello, it is me")]
    assert (await states(alice), await states(bob)) == ([("bob", ASKED)], [("alice", ASKED_BY)])
    (relation,) = await bob.contacts.relations()
    assert (relation.owner, relation.text) == ("bob", "hello, it is me")
    assert relation.since > 0
    assert await bob.contacts.contacts() == []
    assert await bob.contacts.accept("alice") is True
    network.settle()
    assert alices == [("contact_accepted", "bob"), ("contact_online", "bob")]
    assert bobs[1:] == [("contact_online", "alice")]
    assert (await alice.contacts.contacts(), await bob.contacts.online_contacts()) == (["bob"], ["alice"])
    assert await bob.contacts.accept("alice") is False


@simulated
async def test_two_who_ask_each_other_are_contacts(network: MemoryNetwork) -> None:
    _, alice, bob = await two(network)
    bobs = news_of(bob)
    await bob.contacts.add("alice")
    assert await alice.contacts.add("bob") is ACCEPTED
    network.settle()
    assert bobs == [("contact_accepted", "alice"), ("contact_online", "alice")]
    assert await alice.contacts.add("bob") is ACCEPTED
    network.settle()
    assert len(bobs) == 2


@simulated
async def test_a_request_is_refused_or_taken_back(network: MemoryNetwork) -> None:
    _, alice, bob = await two(network)
    alices, bobs = news_of(alice), news_of(bob)
    await alice.contacts.add("bob")
    await bob.contacts.refuse("alice", "who are you?")
    network.settle()
    assert alices == [("contact_refused", "bob", "who are you?")]
    await alice.contacts.add("bob")
    assert await alice.contacts.remove("bob") is True
    network.settle()
    assert bobs[-1] == ("contact_removed", "alice")
    assert (await states(alice), await states(bob)) == ([], [])


@simulated
async def test_requests_reach_one_who_was_away_until_they_are_answered(network: MemoryNetwork) -> None:
    network.server(options=GUARDED)
    alice = await network.client("alice")
    await alice.contacts.add("bob", "hi")
    for _ in range(2):
        bob = network.new_client()
        told = news_of(bob)
        await bob.log_on("bob", "", network.endpoint_of(bob))
        network.settle()
        assert told == [("contact_requested", "alice", "hi")]
        await bob.close()
    bob = await network.client("bob")
    await bob.contacts.accept("alice")
    await bob.close()
    again = network.new_client()
    told = news_of(again)
    await again.log_on("bob", "", network.endpoint_of(again))
    network.settle()
    assert ("contact_requested", "alice", "hi") not in told


@simulated
async def test_after_a_removal_neither_hears_of_the_other(network: MemoryNetwork) -> None:
    _, alice, bob = await friends(network)
    bobs = news_of(bob)
    assert await alice.contacts.remove("bob") is True
    assert await alice.contacts.remove("bob") is False
    network.settle()
    assert bobs == [("contact_removed", "alice"), ("contact_offline", "alice")]
    await alice.close()
    network.advance(3)
    assert len(bobs) == 2


@simulated
async def test_who_is_blocked_gets_nothing_and_cannot_ask(network: MemoryNetwork) -> None:
    server, alice, bob = await friends(network)
    bobs = news_of(bob)
    assert await alice.contacts.block("bob") is True
    assert await alice.contacts.block("bob") is False
    await alice.close()
    network.advance(3)
    assert bobs == [("contact_removed", "alice"), ("contact_offline", "alice")]
    with pytest.raises(NotPermitted, match="'alice' takes no requests"):
        await bob.contacts.add("alice")
    alice = await network.client("alice")
    network.advance(3)
    assert len(bobs) == 2
    with pytest.raises(NotPermitted, match="'alice' has blocked 'bob'"):
        await alice.contacts.add("bob")
    assert await alice.contacts.unblock("bob") is True
    assert await alice.contacts.unblock("bob") is False
    assert await bob.contacts.add("alice") is ASKED


@simulated
async def test_a_stranger_is_blocked_without_hearing_of_it(network: MemoryNetwork) -> None:
    _, alice, bob = await two(network)
    bobs = news_of(bob)
    await alice.contacts.block("bob")
    network.settle()
    assert bobs == []
    assert await states(alice) == [("bob", BLOCKED)]


@simulated
async def test_what_cannot_be_is_refused_with_its_reason(network: MemoryNetwork) -> None:
    _, alice, _ = await two(network)
    calls = alice.contacts
    for call, reason in (
        (lambda: calls.add("alice"), RequestFailure.INVALID),
        (lambda: calls.add(""), RequestFailure.INVALID),
        (lambda: calls.add("_group"), RequestFailure.INVALID),
        (lambda: calls.add("2#bob"), RequestFailure.INVALID),
        (lambda: calls.add("x" * 256), RequestFailure.INVALID),
        (lambda: calls.add("bob", "x" * 2000), RequestFailure.INVALID),
        (lambda: calls.block("alice"), RequestFailure.INVALID),
        (lambda: calls.accept("bob"), RequestFailure.NO_SUCH_THING),
        (lambda: calls.refuse("bob"), RequestFailure.NO_SUCH_THING),
    ):
        with pytest.raises(NotDelivered) as caught:
            await call()
        assert caught.value.reason == reason
    assert await states(alice) == []


@simulated
async def test_names_are_only_ever_names(network: MemoryNetwork) -> None:
    network.server(options=GUARDED)
    alice = await network.client("alice")
    for name in ("'; DROP TABLE contacts; --", "%_", "李" * 12, "\U0001f600"):
        await alice.contacts.add(name, name)
    assert len(await alice.contacts.relations()) == 4


@simulated
async def test_thousands_of_requests_are_slowed_down_and_bounded(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("esframework.limits.MAX_CONTACTS", 30)
    server, alice, _ = await two(network)
    with pytest.raises(NotDelivered, match="try again in") as caught:
        for number in range(21):
            await alice.contacts.add(f"u{number}")
    assert caught.value.reason == RequestFailure.TOO_FAST
    assert server.refusals.counts["contact_changes_too_fast"] == 1
    with pytest.raises(NotDelivered) as full:
        for number in range(20, 100):
            network.advance(0.1)
            await alice.contacts.add(f"u{number}")
    assert full.value.reason == RequestFailure.QUOTA_EXCEEDED
    assert len(await alice.contacts.relations()) == 30


@simulated
async def test_circles_of_contacts_are_contacts_like_others(network: MemoryNetwork) -> None:
    network.server(options=GUARDED)
    clients = {name: await network.client(name) for name in ("a", "b", "c")}
    for one, other in (("a", "b"), ("b", "c"), ("c", "a")):
        await clients[one].contacts.add(other)
        await clients[other].contacts.accept(one)
    network.advance(3)
    told = news_of(clients["a"])
    await clients["b"].close()
    network.advance(3)
    assert told == [("contact_offline", "b")]


@simulated
async def test_a_store_that_is_away_or_busy_is_told_and_the_session_stays(network: MemoryNetwork) -> None:
    stores = MemoryStores()
    server, alice, _ = await two(network, stores=stores)
    for error, reason in (
        (StoreAway("no database"), RequestFailure.STORE_FAILED),
        (ComeBackLater("full", 1.0), RequestFailure.BUSY),
        (RuntimeError("secret"), RequestFailure.STORE_FAILED),
    ):
        stores.contacts.relations = lambda owner, error=error: fail(error)  # type: ignore[method-assign,misc]
        with pytest.raises(NotDelivered) as caught:
            await alice.contacts.relations()
        assert caught.value.reason == reason
        assert "secret" not in str(caught.value)
        assert "database" not in str(caught.value)
    network.failures.take(RuntimeError)
    network.cut(alice)
    network.advance(10)
    assert alice.connected


@simulated
async def test_while_the_store_hangs_those_who_come_and_go_pile_up_nowhere(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "LOOKUPS_AT_ONCE", 1)
    stores = MemoryStores()
    server = network.server(options=GUARDED, stores=stores)
    await stores.contacts.ask("alice", "bob", "hello")
    asked: list[tuple[str, Deferred[Any]]] = []
    relations = stores.contacts.relations

    def hang(owner: str) -> Deferred[Any]:
        asked.append((owner, Deferred()))
        return asked[-1][1]

    stores.contacts.relations = hang  # type: ignore[method-assign]
    carol, bob = await network.client("carol"), await network.client("bob")
    told = news_of(bob)
    for _ in range(20):
        network.cut(bob)
        network.advance(5)
    dave = await network.client("dave")
    await dave.close()
    network.settle()
    waiting = server.contacts._relations._arrived
    assert len(waiting) == 1
    assert [owner for owner, _ in asked] == ["carol"]
    stores.contacts.relations = relations  # type: ignore[method-assign]
    asked[0][1].callback([])
    network.settle()
    assert told == [("contact_requested", "alice", "hello")]
    assert len(waiting) == 0
    assert carol.connected


@simulated
async def test_where_the_application_knows_the_contacts_users_make_none(network: MemoryNetwork) -> None:
    for number, more in enumerate(({"contacts": Book()}, {})):
        network.server(port=5000 + number, **more)
        alice = await network.client("alice", port=5000 + number)
        with pytest.raises(NotDelivered, match="application"):
            await alice.contacts.add("bob")


@simulated
async def test_a_foreign_client_that_sends_our_types_is_not_answered(network: MemoryNetwork) -> None:
    server = network.server(options=GUARDED)
    mallory = FramePeer(network, "mallory").online()
    mallory.send(MessageType.CONTACT_RELATIONS, b"", 1)
    mallory.send(MessageType.CHANGE_CONTACT, CHANGE_CONTACT.encode(ChangeContactBody(1, "bob", "")), 2)
    mallory.send(MessageType.CONTACT_DEVICES, b"", 3)
    assert mallory.take() == []
    assert server.refusals.counts["own_type_of_foreign_client"] == 3
    assert list(await server.stores.contacts.relations("bob")) == []


@simulated
async def test_an_action_that_there_is_not_is_refused(network: MemoryNetwork) -> None:
    _, alice, _ = await two(network)
    asked = alice.calls.ask(
        lambda message_id: alice.channel(None).send(
            MessageType.CHANGE_CONTACT, CHANGE_CONTACT.encode(ChangeContactBody(99, "bob", "")), message_id
        ),
        None,
        MessageType.CHANGE_CONTACT,
        MessageType.CHANGE_CONTACT,
        5.0,
    )
    with pytest.raises(NotDelivered, match="no action 99"):
        await asked
    assert RELATIONS.decode(RELATIONS.encode([])) == []


@simulated
async def test_without_a_session_or_a_server_of_ours_the_call_says_so(network: MemoryNetwork) -> None:
    client = network.new_client()
    with pytest.raises(NotLoggedOn):
        client.contacts.relations()
    _, alice, _ = await two(network)
    alice.basic.server_features = None
    with pytest.raises(NotDelivered, match="does not serve 'contacts'"):
        await alice.contacts.add("bob")
