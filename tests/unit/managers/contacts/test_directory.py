"""Whoever asks gets a list in time, whatever an application's IContacts does."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from esframework import limits
from esframework.errors import NoSuchGroup
from esframework.managers.contacts.options import ContactsOptions
from esframework.server.options import ServerOptions
from esframework.stores.cache import LIFETIME
from esframework.testing import MemoryNetwork, simulated
from tests.unit.managers.contacts.house import Book


async def raising(found: Any) -> Any:
    raise RuntimeError("the database is away")


@simulated
async def test_answers_may_be_plain_a_deferred_or_a_coroutine(network: MemoryNetwork) -> None:
    async def coroutine(found: Any) -> Any:
        return found

    for answer in (lambda found: found, succeed, coroutine, tuple, set, iter):
        book = Book({"alice": ["bob"]}, {"chess": ["alice", "alice", "bob"]})
        book.answer = answer
        server = network.server(contacts=book, port=5000)
        assert tuple(await server.contacts.contacts_of("alice")) == ("bob",)
        assert sorted(await server.contacts.members_of("chess")) == ["alice", "bob"]
        await server.close()


@pytest.mark.parametrize("nonsense", [None, "bob", b"bob", 5, [None], [b"bob"], [["bob"]]])
@simulated
async def test_nonsense_is_logged_and_is_nobody(nonsense: Any, network: MemoryNetwork) -> None:
    book = Book()
    book.answer = lambda found: nonsense
    server = network.server(contacts=book)
    assert list(await server.contacts.contacts_of("alice")) == []
    assert len(network.failures.take(TypeError)) == 1


@simulated
async def test_nobody_is_a_contact_of_himself(network: MemoryNetwork) -> None:
    server = network.server(contacts=Book({"alice": ["alice", "bob", "alice"]}, {"chess": ["alice"]}))
    assert list(await server.contacts.contacts_of("alice")) == ["bob"]
    assert list(await server.contacts.members_of("chess")) == ["alice"]


@simulated
async def test_what_it_raises_is_logged_seldom_and_asked_again(network: MemoryNetwork) -> None:
    book = Book({"alice": ["bob"]})
    book.answer = raising
    server = network.server(contacts=book)
    for _ in range(20):
        assert list(await server.contacts.contacts_of("alice")) == []
    assert len(network.failures.take(RuntimeError)) == 1
    book.answer = lambda found: found
    assert list(await server.contacts.contacts_of("alice")) == ["bob"]


@simulated
async def test_one_that_hangs_is_given_up_and_nobody_waits_for_ever(network: MemoryNetwork) -> None:
    book = Book({"alice": ["bob"]})
    never: list[Deferred[Any]] = []
    book.answer = lambda found: never.append(Deferred()) or never[-1]
    server = network.server(contacts=book)
    began = network.seconds()
    waiting = [server.contacts.contacts_of("alice") for _ in range(10)]
    assert [list(await each) for each in waiting] == [[]] * 10
    assert network.seconds() - began == limits.CONTACTS_ANSWER_TIMEOUT
    assert book.asked == ["alice"]
    assert len(network.failures.take(Exception)) == 1


@simulated
async def test_those_who_ask_the_same_meanwhile_share_one_call_and_the_answer_is_remembered(
    network: MemoryNetwork,
) -> None:
    book = Book({"alice": ["bob"]})
    later: Deferred[Any] = Deferred()
    book.answer = lambda found: later
    server = network.server(contacts=book)
    waiting = [server.contacts.contacts_of("alice") for _ in range(3)]
    later.callback(["bob"])
    assert [list(await each) for each in waiting] == [["bob"]] * 3
    book.answer = lambda found: found
    await server.contacts.contacts_of("alice")
    assert book.asked == ["alice"]
    network.advance(limits.CONTACTS_REMEMBER_TIME)
    await server.contacts.contacts_of("alice")
    assert book.asked == ["alice", "alice"]


@simulated
async def test_a_change_is_seen_at_once_where_it_is_told(network: MemoryNetwork) -> None:
    book = Book({"alice": ["bob"]}, {"chess": ["alice"]})
    server = network.server(contacts=book)
    await server.contacts.contacts_of("alice")
    await server.contacts.members_of("chess")
    book.contacts["alice"], book.groups["chess"] = ["carol"], ["dave"]
    server.contacts.changed(user_id="alice", group_id="chess")
    assert list(await server.contacts.contacts_of("alice")) == ["carol"]
    assert list(await server.contacts.members_of("chess")) == ["dave"]


@simulated
async def test_an_answer_that_is_outdated_when_it_comes_is_not_remembered(network: MemoryNetwork) -> None:
    book = Book({"alice": ["bob"]})
    later: Deferred[Any] = Deferred()
    book.answer = lambda found: later
    server = network.server(contacts=book)
    asked = server.contacts.contacts_of("alice")
    server.contacts.changed(user_id="alice")
    later.callback(["old"])
    assert list(await asked) == ["old"]
    book.answer = lambda found: found
    assert list(await server.contacts.contacts_of("alice")) == ["bob"]


@simulated
async def test_who_asks_after_a_change_is_not_answered_from_before_it(network: MemoryNetwork) -> None:
    book = Book(groups={"chess": ["alice", "bob"]})
    answers: list[Deferred[Any]] = []

    def slowly(found: Any) -> Deferred[Any]:
        answers.append(deferLater(network.reactor, 1, lambda: found))
        return answers[-1]

    book.answer = slowly
    server = network.server(contacts=book)
    before = server.contacts.members_of("chess")
    for members in (["alice", "carol"], ["alice", "dave"]):
        book.groups["chess"] = members
        server.contacts.changed(group_id="chess")
        after = server.contacts.members_of("chess")
    assert list(await before) == ["alice", "bob"]
    assert list(await after) == ["alice", "dave"]
    assert len(answers) == 2
    last = server.contacts.members_of("chess")
    assert list(await last) == ["alice", "dave"]


@simulated
async def test_nothing_is_remembered_of_an_application_where_that_is_not_wanted(network: MemoryNetwork) -> None:
    book = Book({"alice": ["bob"]}, {"chess": ["bob"]})
    options = ServerOptions(contacts=ContactsOptions(remember=0))
    server = network.server(contacts=book, options=options)
    for _ in range(2):
        await server.contacts.contacts_of("alice")
        await server.contacts.members_of("chess")
        await server.contacts.members_of("nothing")
    assert len(book.asked) == 6


@simulated
async def test_managers_are_asked_for_groups_that_the_application_does_not_know(network: MemoryNetwork) -> None:
    book = Book(groups={"chess": ["alice"]})
    server = network.server(contacts=book)
    asked: list[str] = []

    def source(group_id: str) -> Any:
        asked.append(group_id)
        return {"go": ["bob"], "later": succeed(["carol"])}.get(group_id)

    server.contacts.members_from(lambda group_id: None)
    server.contacts.members_from(source)
    assert list(await server.contacts.members_of("chess")) == ["alice"]
    assert list(await server.contacts.members_of("go")) == ["bob"]
    assert list(await server.contacts.members_of("later")) == ["carol"]
    assert list(await server.contacts.members_of("nothing")) == []
    network.advance(limits.STORED_REMEMBER_TIME / 2)
    await server.contacts.members_of("go")
    assert asked == ["go", "later", "nothing"]


def test_what_another_program_changed_is_seen_within_half_a_minute() -> None:
    # As docs/howto/stores.md says: an answer may be as old as a store remembers it when the directory gets it.
    assert limits.STORED_REMEMBER_TIME + LIFETIME <= 30


@simulated
async def test_an_unknown_group_becomes_known_with_a_change(network: MemoryNetwork) -> None:
    server = network.server()
    groups: dict[str, list[str]] = {}
    server.contacts.members_from(groups.get)
    with pytest.raises(NoSuchGroup):
        await server.contacts.broadcast("go", 1, b"")
    groups["go"] = ["bob"]
    server.contacts.changed(group_id="go")
    assert list(await server.contacts.members_of("go")) == ["bob"]


@simulated
async def test_who_waits_when_the_server_closes_gets_nobody(network: MemoryNetwork) -> None:
    book = Book()
    book.answer = lambda found: Deferred()
    server = network.server(contacts=book)
    asked = server.contacts.contacts_of("alice")
    await server.close()
    assert list(await asked) == []


@simulated
async def test_who_has_no_account_any_more_is_nobodys_contact(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(open=False))
    for asks_first in (True, False):
        await server.stores.contacts.ask("alice", "bob")
        await server.stores.contacts.accept("bob", "alice")
        server.contacts.changed(user_id="bob")
        assert list(await server.contacts.contacts_of("bob")) == ["alice"]
        if asks_first:
            await server.contacts.contacts_of("alice")
        await server.stores.contacts.remove("alice", "bob")
        server.accounts.deleted.fire("alice")
        assert list(await server.contacts.contacts_of("bob")) == []
        server.contacts.changed(user_id="alice")


@simulated
async def test_everybody_is_everybodys_contact_on_an_open_server_and_else_the_store_decides(
    network: MemoryNetwork,
) -> None:
    is_open = network.server(port=5000)
    await network.client("alice", port=5000)
    await network.client("bob", port=5000)
    assert await is_open.contacts.contacts_of("alice") == ["bob"]
    guarded = network.server(port=5001, options=ServerOptions(open=False))
    await network.client("alice", port=5001)
    await network.client("bob", port=5001)
    assert list(await guarded.contacts.contacts_of("alice")) == []
    await guarded.stores.contacts.ask("alice", "bob")
    await guarded.stores.contacts.accept("bob", "alice")
    guarded.contacts.changed(user_id="alice")
    assert list(await guarded.contacts.contacts_of("alice")) == ["bob"]
