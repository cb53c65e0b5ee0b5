"""What `IContacts` promises, kept by what is built in: lists of ids, never None."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import maybeDeferred
from zope.interface.verify import verifyObject

from esframework.interfaces import IContacts
from esframework.managers.contacts.providers import EverybodyContacts, StoredContacts


class Users:
    """As much of `server.users` as is read."""

    def __init__(self, *names: str) -> None:
        self.online = dict.fromkeys(names, ())


def everybody(stores: Any) -> Any:
    return EverybodyContacts(Users("alice", "bob"))


def stored(stores: Any) -> Any:
    pytest_twisted.blockon(stores.contacts.ask("alice", "bob"))
    pytest_twisted.blockon(stores.contacts.accept("bob", "alice"))
    pytest_twisted.blockon(stores.contacts.ask("carol", "alice"))
    pytest_twisted.blockon(stores.contacts.block("alice", "mallory"))
    return StoredContacts(stores.contacts)


@pytest.fixture(params=[everybody, stored], ids=lambda make: make.__name__)
def contacts(request: pytest.FixtureRequest, stores: Any) -> Any:
    """An `IContacts` in which alice and bob, and nobody else, are contacts."""
    return request.param(stores)


async def ask(question: Callable[[str], Any], name: str) -> Any:
    return await maybeDeferred(question, name)


class TestContacts:
    def test_it_is_what_it_says(self, contacts: Any) -> None:
        verifyObject(IContacts, contacts)

    @pytest_twisted.ensureDeferred
    async def test_contacts_are_a_list_of_ids_without_oneself(self, contacts: Any) -> None:
        assert list(await ask(contacts.contacts_of, "alice")) == ["bob"]
        assert list(await ask(contacts.contacts_of, "bob")) == ["alice"]

    @pytest_twisted.ensureDeferred
    async def test_a_group_that_it_does_not_know_is_an_empty_list(self, contacts: Any) -> None:
        for name in ("chess", "", "'; --", "x" * 255):
            assert await ask(contacts.members_of, name) == []
