"""Contacts and groups from memory: frequent questions reach the store once, and every change shows at once."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from zope.interface.verify import verifyObject

from esframework.errors import NoSuchGroup
from esframework.interfaces import IContactStore, IGroupStore
from esframework.stores.cached import CachedContacts, CachedGroups
from esframework.stores.memory import MemoryStores


class Counting:
    """Passes everything on to a store and notes what it was asked."""

    def __init__(self, store: Any) -> None:
        self.store = store
        self.asked: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Any:
            self.asked.append((name, *arguments))
            return getattr(self.store, name)(*arguments)

        return call


@pytest.fixture
def stores() -> MemoryStores:
    stores = MemoryStores()
    pytest_twisted.blockon(stores.open())
    return stores


@pytest.fixture
def contacts(stores: MemoryStores) -> Counting:
    return Counting(stores.contacts)


@pytest.fixture
def groups(stores: MemoryStores) -> Counting:
    return Counting(stores.groups)


def test_they_provide_the_interfaces(contacts: Any, groups: Any) -> None:
    assert verifyObject(IContactStore, CachedContacts(contacts))
    assert verifyObject(IGroupStore, CachedGroups(groups))


@pytest_twisted.ensureDeferred
async def test_contacts_are_asked_for_once_and_change_on_both_sides(contacts: Any) -> None:
    cached = CachedContacts(contacts)
    assert await cached.contacts_of("alice") == await cached.contacts_of("bob") == []
    await cached.ask("alice", "bob")
    await cached.accept("bob", "alice")
    assert await cached.contacts_of("alice") == ["bob"]
    assert await cached.contacts_of("bob") == ["alice"]
    contacts.asked.clear()
    for _ in range(3):
        assert await cached.contacts_of("alice") == ["bob"]
    assert contacts.asked == []
    await cached.block("alice", "bob")
    assert await cached.contacts_of("bob") == []


@pytest_twisted.ensureDeferred
async def test_nobody_changes_what_others_are_told(contacts: Any, groups: Any) -> None:
    cached = CachedContacts(contacts)
    (await cached.contacts_of("alice")).append("mallory")
    assert await cached.contacts_of("alice") == []
    of_groups = CachedGroups(groups)
    (await of_groups.groups_of("alice")).append("mallory")
    assert await of_groups.groups_of("alice") == []


@pytest_twisted.ensureDeferred
async def test_groups_are_asked_for_once(groups: Any) -> None:
    cached = CachedGroups(groups)
    for _ in range(3):
        assert await cached.group("chess") is None
        assert await cached.groups_of("alice") == []
    assert groups.asked == [("group", "chess"), ("groups_of", "alice")]


@pytest_twisted.ensureDeferred
async def test_every_change_of_a_group_shows_at_once(groups: Any) -> None:
    cached = CachedGroups(groups)

    async def seen() -> tuple[Any, list[list[str]]]:
        of_users = [await cached.groups_of(name) for name in ("alice", "bob", "carol")]
        return await cached.group("chess"), of_users

    assert await seen() == (None, [[], [], []])
    for change, in_group in (
        (lambda: cached.create("chess", "alice", "tag", iter(["bob"])), ["alice", "bob"]),
        (lambda: cached.add_members("chess", iter(["carol"])), ["alice", "bob", "carol"]),
        (lambda: cached.set_owner("chess", "bob"), ["alice", "bob", "carol"]),
        (lambda: cached.set_tag("chess", "new"), ["alice", "bob", "carol"]),
        (lambda: cached.remove_members("chess", iter(["alice"])), ["bob", "carol"]),
        (lambda: cached.dissolve("chess"), []),
    ):
        await change()
        group, of_users = await seen()
        assert group == await groups.store.group("chess")
        assert of_users == [["chess"] if name in in_group else [] for name in ("alice", "bob", "carol")]


@pytest_twisted.ensureDeferred
async def test_a_change_that_failed_may_have_been_made_all_the_same(groups: Any) -> None:
    cached = CachedGroups(groups)
    await cached.create("chess", "alice")
    assert await cached.groups_of("alice") == ["chess"]
    await groups.store.dissolve("chess")
    with pytest.raises(NoSuchGroup):
        await cached.dissolve("chess")
    assert await cached.group("chess") is None
    assert await cached.groups_of("alice") == []
