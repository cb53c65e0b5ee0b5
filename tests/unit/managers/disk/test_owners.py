"""Accounts that are removed where the running disk does not hear of it: the next of that name finds nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest
from twisted.internet.defer import fail

from esframework.errors import StoreError
from esframework.managers.disk import owners
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.shares import Right, Share
from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import RequestFailure
from tests.unit.managers.accounts.house import AtOnce
from tests.unit.managers.disk.house import House, names, refusal


class Town:
    """A server that keeps accounts; each that is made is a second younger than the one before."""

    def __init__(self, network: MemoryNetwork, folder: Path, **options: Any) -> None:
        self.network = network
        self.time = 1000.0
        self.stores = MemoryStores(PasswordPool(PasswordHashing(memory=8, rounds=1), cast(Any, AtOnce())), self._now)
        self.folder = folder
        self.house = House(network, folder, stores=self.stores, **options)

    def _now(self) -> float:
        self.time += 1.0
        return self.time

    async def settle_in(self, *users: str) -> list[Any]:
        """People with an account, and a client each."""
        for user in users:
            await self.stores.accounts.add(user, user)
        return await self.house.people(*users)

    async def replace(self, user: str) -> None:
        """The account is removed, and somebody else takes the name; the disk hears nothing of either."""
        await self.stores.accounts.remove(user)
        await self.stores.accounts.add(user, user)

    def deleted(self) -> list[str]:
        return sorted(path.name for path in (self.folder / "disk" / "deleted").glob("*/files/*"))


@simulated
async def test_the_next_of_a_name_finds_nothing_of_the_one_before(tmp_path: Path, network: MemoryNetwork) -> None:
    town = Town(network, tmp_path, keep_deleted=True)
    (alice,) = await town.settle_in("alice")
    await town.house.put(alice, "/letter")
    await alice.close()
    await town.replace("alice")
    (other,) = await town.house.people("alice")
    assert await names(other) == ["shared"]
    assert await refusal(other.disk.information("/letter")) is RequestFailure.NO_SUCH_THING
    assert town.deleted() == ["letter"]
    await town.house.put(other, "/mine")
    assert (await other.disk.quota()).used == 5


@simulated
async def test_the_same_account_finds_its_files_again(tmp_path: Path, network: MemoryNetwork) -> None:
    town = Town(network, tmp_path)
    (alice,) = await town.settle_in("alice")
    await town.house.put(alice, "/letter")
    await town.stores.accounts.set_password("alice", "alice")
    await town.stores.accounts.modify("alice", {"name": "Alice"})
    await alice.close()
    (alice,) = await town.house.people("alice")
    assert await names(alice) == ["letter", "shared"]
    assert DiskFolder(tmp_path / "disk").account_of("alice") == 1001.0


@simulated
async def test_removed_while_the_server_was_down_counts_when_it_runs_again(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    folder = DiskFolder(tmp_path / "disk")
    folder.storage_of("alice").prepare()
    (folder.storage_of("alice").root / "letter").touch()
    folder.note_account("alice", 17.0)
    folder.write_shares("alice", [Share("alice", "letter", ("letter",), {"bob": Right.READ}, {})])
    town = Town(network, tmp_path, keep_deleted=True)
    alice, bob = await town.settle_in("alice", "bob")
    assert await names(bob, "/shared") == []
    assert await refusal(bob.disk.information("/shared/alice/letter")) is RequestFailure.NO_SUCH_THING
    assert await names(alice) == ["shared"]
    assert (town.deleted(), folder.read_shares()) == (["letter"], [])


@simulated
async def test_what_was_shared_with_an_account_is_not_shared_with_the_next_of_its_name(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    town = Town(network, tmp_path)
    alice, bob = await town.settle_in("alice", "bob")
    await town.house.put(alice, "/letter")
    await alice.disk.share("/letter", ["bob"])
    await bob.close()
    await town.replace("bob")
    (other,) = await town.house.people("bob")
    assert await refusal(other.disk.information("/shared/alice/letter")) is RequestFailure.NO_SUCH_THING
    assert (await other.disk.shared_with_me()).shares == []


@simulated
async def test_a_session_of_an_account_that_is_no_more_has_no_disk(tmp_path: Path, network: MemoryNetwork) -> None:
    town = Town(network, tmp_path)
    (alice,) = await town.settle_in("alice")
    await town.stores.accounts.remove("alice")
    assert await refusal(alice.disk.make_folder("/trap")) is RequestFailure.NOT_ALLOWED
    await town.house.server.disk.make_folder("alice", "/welcome")
    await town.stores.accounts.add("alice", "alice")
    await alice.close()
    (other,) = await town.house.people("alice")
    assert await names(other) == ["shared", "welcome"], "what the server has made for a new user is there"


@simulated
async def test_while_nobody_knows_whose_it_is_nothing_is_shown(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(network, tmp_path)
    (alice,) = await town.settle_in("alice")
    monkeypatch.setattr(town.stores.accounts, "account", lambda _: fail(StoreError("locked")))
    assert await refusal(alice.disk.list_folder()) is RequestFailure.STORE_FAILED
    monkeypatch.undo()
    assert await names(alice) == ["shared"]


@simulated
async def test_what_cannot_be_set_aside_is_not_shown_either(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(network, tmp_path)
    (alice,) = await town.settle_in("alice")
    await town.house.put(alice, "/letter")
    await alice.close()
    await town.replace("alice")

    def broken(*_: object) -> None:
        raise OSError(5, "broken")

    monkeypatch.setattr(DiskFolder, "set_aside", broken)
    (other,) = await town.house.people("alice")
    assert await refusal(other.disk.list_folder()) is RequestFailure.STORE_FAILED
    assert await refusal(other.disk.list_folder()) is RequestFailure.STORE_FAILED
    monkeypatch.undo()
    assert await names(other) == ["shared"]


@simulated
async def test_names_are_compared_once_for_each_log_on(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    town = Town(network, tmp_path)
    (alice, bob) = await town.settle_in("alice", "bob")
    looks: list[str] = []
    account = town.stores.accounts.account
    monkeypatch.setattr(town.stores.accounts, "account", lambda user: (looks.append(user), account(user))[1])
    for _ in range(3):
        await alice.disk.list_folder()
    assert looks == ["alice"]
    monkeypatch.setattr(owners, "MOST_REMEMBERED", 1)
    await bob.disk.list_folder()
    await alice.disk.list_folder()
    assert looks == ["alice", "bob", "alice"]


@simulated
async def test_where_no_accounts_are_kept_nobody_is_compared(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    (alice,) = await house.people("alice")
    await house.put(alice, "/letter")
    assert not (house.folder / "users" / "alice" / "account.json").exists()


def test_shares_of_one_who_is_no_more_do_not_come_back_by_a_late_write(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    folder.storage_of("alice").prepare()
    ends = folder.ends_of("alice")
    folder.set_aside("alice")
    folder.write_shares("alice", [Share("alice", "x", ("x",), {"bob": Right.READ}, {})], ends)
    assert folder.read_shares() == []
    folder.write_shares("alice", [Share("alice", "y", ("y",), {}, {"team": Right.READ})], folder.ends_of("alice"))
    assert [share.name for share in folder.read_shares()] == ["y"]


def test_a_note_of_an_account_that_cannot_be_understood_is_an_error(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    assert folder.account_of("alice") is None
    folder.note_account("alice", 1_700_000_000.1234567)
    assert folder.account_of("alice") == 1_700_000_000.1234567
    (tmp_path / "users" / "alice" / "account.json").write_text("{}")
    with pytest.raises(StoreError, match=r"account\.json"):
        folder.account_of("alice")
