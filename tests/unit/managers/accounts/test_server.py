"""What an application on the server does with accounts; it asks nobody for permission."""

from __future__ import annotations

import pytest

from esframework.errors import AccountExists, InvalidPassword, InvalidText, NoSuchAccount
from esframework.interfaces import Role
from esframework.testing import MemoryNetwork, simulated
from tests.peers import record
from tests.unit.managers.accounts.house import PASSWORD, House


@simulated
async def test_accounts_are_made_changed_and_deleted(network: MemoryNetwork) -> None:
    house = House(network)
    accounts = house.server.accounts
    told = record(accounts.registered, accounts.modified, accounts.deleted)
    await accounts.register("alice", PASSWORD, Role.ADMINISTRATOR, {"city": "Rome"})
    alice = await house.client("alice")
    state = await accounts.state("alice")
    assert (state.exists, state.role, dict(state.profile)) == (True, Role.ADMINISTRATOR, {"city": "Rome"})
    await accounts.modify("alice", {})
    await accounts.set_role("alice", Role.USER)
    assert not house.server.is_administrator("alice")
    await accounts.change_password("alice", "battery staple")
    network.settle()
    assert not alice.connected
    await accounts.delete("alice")
    assert (await accounts.state("alice")).exists is False
    assert [word for word, _ in told] == ["registered", "modified", "modified", "modified", "deleted"]


@simulated
async def test_what_cannot_be_fails_and_is_told_to_nobody(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    accounts = house.server.accounts
    told = record(accounts.registered, accounts.modified, accounts.deleted)
    for error, asked in (
        (AccountExists, accounts.register("alice", PASSWORD)),
        (InvalidPassword, accounts.register("bob", "short")),
        (InvalidText, accounts.modify("alice", {"x": "y" * 5000})),
        (NoSuchAccount, accounts.modify("bob", {})),
        (NoSuchAccount, accounts.set_role("bob", Role.USER)),
        (NoSuchAccount, accounts.change_password("bob", PASSWORD)),
        (InvalidPassword, accounts.change_password("alice", "short")),
        (NoSuchAccount, accounts.delete("bob")),
    ):
        with pytest.raises(error):
            await asked
    assert told == []


@simulated
async def test_whoever_takes_a_deleted_name_begins_anew(network: MemoryNetwork) -> None:
    house = await House(network).add("alice")
    token = (await house.client("alice")).accounts.session_token
    await house.server.accounts.delete("alice")
    await house.server.accounts.register("alice", "battery staple")
    assert house.server.accounts.unlock("alice") is False
    with pytest.raises(Exception, match="session token"):
        await house.client("alice", token)
