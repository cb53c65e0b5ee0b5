"""Stored groups in a database: what users did with them is there after a restart of the server, and of nothing less."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults

from esframework import ClientEngine, ServerEngine, ServerOptions
from esframework.errors import NotDelivered, NotPermitted
from esframework.managers.groups.contracts import GroupInformation
from esframework.stores.sql import SqlStores
from esframework.wire.types import RequestFailure

pytestmark = pytest.mark.integration
GUARDED = ServerOptions(open=False)


class House:
    """A server with a database, and its clients."""

    def __init__(self, folder: Path, port: int) -> None:
        self._file = folder / "stores.sqlite"
        self.port = port
        self.server: Any = None
        self.clients: list[ClientEngine] = []

    async def open(self) -> None:
        """Starts the server on what the last one left."""
        self.server = ServerEngine(stores=SqlStores(self._file), options=GUARDED)
        await self.server.listen(f"tcp:{self.port}:interface=127.0.0.1")

    async def client(self, user_id: str) -> ClientEngine:
        """A client that is logged on."""
        client = ClientEngine()
        self.clients.append(client)
        await client.log_on(user_id, "", f"tcp:127.0.0.1:{self.port}")
        return client

    async def close(self) -> None:
        """Ends everything."""
        for client in self.clients:
            await client.close()
        await self.server.close()


@pytest_twisted.async_yield_fixture()
async def house(tmp_path: Path, free_port: int) -> AsyncIterator[House]:
    made = House(tmp_path, free_port)
    await made.open()
    yield made
    await made.close()


def next_of(event: Any) -> Deferred[tuple[Any, ...]]:
    """What an event tells next."""
    told: Deferred[tuple[Any, ...]] = Deferred()
    told.addTimeout(20, reactor)
    subscription = event.subscribe(lambda *arguments: (subscription.cancel(), told.callback(arguments)))
    return told


@pytest_twisted.ensureDeferred
async def test_groups_and_their_members_survive_a_restart(house: House) -> None:
    alice, bob = await house.client("alice"), await house.client("bob")
    await alice.groups.create("team", "work", ["zoe"], stored=True)
    await alice.groups.create("lobby")
    invited = next_of(bob.groups.invited)
    assert await alice.groups.invite("team", ["bob"]) == ["bob"]
    assert await invited == ("team", "alice")
    assert (await bob.groups.join("team")).members == ["alice", "bob", "zoe"]
    rejoined = [next_of(each.groups.groups_rejoined) for each in (alice, bob)]
    await house.server.close()
    await house.open()
    assert [await each for each in rejoined] == [(["team", "lobby"], []), (["team"], [])]
    assert await alice.groups.information("team") == GroupInformation("team", ["alice", "bob", "zoe"], "work")
    assert house.server.groups.dynamic_groups() == ["lobby"]
    carol = await house.client("carol")
    with pytest.raises(NotPermitted):
        await carol.groups.join("team")
    heard = next_of(bob.contacts.broadcast_received)
    await alice.contacts.broadcast("team", 1, b"we are back")
    assert await heard == ("alice", "team", 1, b"we are back", "")


@pytest_twisted.ensureDeferred
async def test_many_changes_at_once_are_done_one_after_the_other(house: House) -> None:
    alice, bob = await house.client("alice"), await house.client("bob")
    await alice.groups.create("team", stored=True)
    names = [f"user {number}" for number in range(40)]
    added = await gatherResults([alice.groups.pull_in("team", [name]) for name in names])
    assert added == [[name] for name in names]
    made: list[Any] = []

    def collect(make: Callable[[], Any]) -> Deferred[Any]:
        return make().addBoth(made.append)

    await gatherResults([collect(lambda who=who: who.groups.create("one", stored=True)) for who in (alice, bob) * 10])
    refused = [each for each in made if not isinstance(each, GroupInformation)]
    assert len(refused) == 19
    assert all(each.check(NotDelivered) and each.value.reason == RequestFailure.CONFLICT for each in refused)
