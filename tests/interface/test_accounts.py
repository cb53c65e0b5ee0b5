"""What every `IAccounts` promises, asked of each backend."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults
from zope.interface.verify import verifyObject

from esframework.errors import InvalidUserId
from esframework.interfaces import IAccounts
from esframework.stores.accounts import embedded_accounts
from esframework.stores.failures import AccountExists, InvalidPassword, NoSuchAccount, StoreClosed
from esframework.stores.memory import MemoryAccounts
from esframework.stores.passwords import PasswordHashing, PasswordPool

Backend = Callable[[Path, PasswordPool], Any]
BACKENDS: dict[str, Backend] = {
    "sqlite": embedded_accounts,
    "memory": lambda folder, passwords: MemoryAccounts(passwords),
}


def cheap_passwords() -> PasswordPool:
    """Hashes of the real kind at a thousandth of the cost."""
    return PasswordPool(PasswordHashing(memory=8, rounds=1))


@pytest.fixture(params=BACKENDS.values(), ids=BACKENDS.keys())
def accounts(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    store = request.param(tmp_path, cheap_passwords())
    pytest_twisted.blockon(store.open())
    yield store
    pytest_twisted.blockon(store.close())


class TestAccounts:
    """The contract; each method begins with an empty store."""

    def test_it_provides_the_interface(self, accounts: Any) -> None:
        assert verifyObject(IAccounts, accounts)

    @pytest_twisted.ensureDeferred
    async def test_a_new_store_is_empty(self, accounts: Any) -> None:
        assert await accounts.user_ids() == []
        assert not await accounts.exists("alice")

    @pytest_twisted.ensureDeferred
    async def test_an_added_account_is_there_with_its_password(self, accounts: Any) -> None:
        await accounts.add("alice", "secret")
        assert await accounts.exists("alice")
        assert await accounts.verify("alice", "secret") is True
        assert await accounts.verify("alice", "Secret") is False

    @pytest_twisted.ensureDeferred
    async def test_an_unknown_account_has_no_password(self, accounts: Any) -> None:
        assert await accounts.verify("nobody", "secret") is False

    @pytest_twisted.ensureDeferred
    async def test_names_are_listed_in_order(self, accounts: Any) -> None:
        for name in ("carol", "Bob", "alice", "李雷"):
            await accounts.add(name, "secret")
        assert await accounts.user_ids() == ["Bob", "alice", "carol", "李雷"]

    @pytest_twisted.ensureDeferred
    async def test_names_are_compared_exactly(self, accounts: Any) -> None:
        await accounts.add("alice", "one")
        await accounts.add("Alice", "two")
        assert await accounts.verify("alice", "one")
        assert not await accounts.verify("Alice", "one")
        assert not await accounts.exists("alice ")

    @pytest_twisted.ensureDeferred
    async def test_adding_twice_fails_and_keeps_the_first_password(self, accounts: Any) -> None:
        await accounts.add("alice", "one")
        with pytest.raises(AccountExists, match="alice"):
            await accounts.add("alice", "two")
        assert await accounts.verify("alice", "one")

    @pytest_twisted.ensureDeferred
    async def test_two_who_add_one_name_at_once(self, accounts: Any) -> None:
        outcomes = await gatherResults(
            [accounts.add("alice", "one").addErrback(lambda failure: failure.type) for _ in range(2)]
        )
        assert sorted(map(repr, outcomes)) == sorted(map(repr, [None, AccountExists]))

    @pytest.mark.parametrize("name", ["", "_x", "a#b", "a*", " a", "a\n", "x" * 256, "\ud800"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_names_are_refused_and_unknown(self, accounts: Any, name: str) -> None:
        with pytest.raises(InvalidUserId):
            await accounts.add(name, "secret")
        with pytest.raises(NoSuchAccount):
            await accounts.remove(name)
        assert not await accounts.exists(name)
        assert not await accounts.verify(name, "secret")

    @pytest.mark.parametrize("password", ["", "x" * 1025, "\udcff"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_passwords_are_refused_and_wrong(self, accounts: Any, password: str) -> None:
        with pytest.raises(InvalidPassword):
            await accounts.add("alice", password)
        assert not await accounts.exists("alice")
        await accounts.add("alice", "secret")
        with pytest.raises(InvalidPassword):
            await accounts.set_password("alice", password)
        assert not await accounts.verify("alice", password)
        assert await accounts.verify("alice", "secret")

    @pytest_twisted.ensureDeferred
    async def test_passwords_may_be_long_and_in_any_script(self, accounts: Any) -> None:
        password = "пароль密码\x00" * 40
        await accounts.add("alice", password)
        assert await accounts.verify("alice", password)
        assert not await accounts.verify("alice", password[:-1])

    @pytest_twisted.ensureDeferred
    async def test_a_removed_account_is_gone(self, accounts: Any) -> None:
        await accounts.add("alice", "secret")
        await accounts.remove("alice")
        assert not await accounts.verify("alice", "secret")
        with pytest.raises(NoSuchAccount, match="alice"):
            await accounts.remove("alice")

    @pytest_twisted.ensureDeferred
    async def test_a_changed_password_replaces_the_old_one(self, accounts: Any) -> None:
        await accounts.add("alice", "old")
        await accounts.set_password("alice", "new")
        assert await accounts.verify("alice", "new")
        assert not await accounts.verify("alice", "old")

    @pytest_twisted.ensureDeferred
    async def test_only_an_account_has_a_password_to_change(self, accounts: Any) -> None:
        with pytest.raises(NoSuchAccount, match="alice"):
            await accounts.set_password("alice", "new")

    @pytest_twisted.ensureDeferred
    async def test_after_close_every_call_fails(self, accounts: Any) -> None:
        await accounts.close()
        for call in (accounts.user_ids, lambda: accounts.exists("a"), lambda: accounts.remove("a")):
            with pytest.raises(StoreClosed):
                await call()
        with pytest.raises(StoreClosed):
            await accounts.add("alice", "secret")
        with pytest.raises(StoreClosed):
            await accounts.verify("alice", "secret")


@pytest.mark.parametrize("backend", BACKENDS.values(), ids=BACKENDS.keys())
@pytest_twisted.ensureDeferred
async def test_a_store_must_be_opened_first(backend: Backend, tmp_path: Path) -> None:
    store = backend(tmp_path, cheap_passwords())
    with pytest.raises(StoreClosed, match="not open"):
        await store.exists("alice")
    await store.close()
