"""What every `IAccounts` promises, asked of each backend."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import gatherResults
from zope.interface.verify import verifyObject

from esframework import limits
from esframework.errors import (
    AccountExists,
    InvalidPassword,
    InvalidText,
    InvalidUserId,
    NoSuchAccount,
    StoreClosed,
)
from esframework.interfaces import Account, IAccounts, Quota, Role, StoredMessage

DIGEST = bytes(range(32))


@pytest.fixture
def accounts(stores: Any) -> Any:
    return stores.accounts


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
    async def test_an_account_has_a_role_a_profile_and_a_birthday(self, accounts: Any) -> None:
        await accounts.add("alice", "secret", Role.ADMINISTRATOR, {"name": "Alice'; --", "城市": "北京"})
        await accounts.add("bob", "secret")
        alice, bob = await accounts.account("alice"), await accounts.account("bob")
        assert (alice.role, dict(alice.profile)) == (Role.ADMINISTRATOR, {"name": "Alice'; --", "城市": "北京"})
        assert 1.7e9 < alice.created_at <= bob.created_at
        assert bob == Account("bob", Role.USER, {}, bob.created_at)
        assert await accounts.account("nobody") is None
        assert await accounts.account("a\0b") is None

    @pytest_twisted.ensureDeferred
    async def test_role_and_profile_are_changed_apart(self, accounts: Any) -> None:
        await accounts.add("alice", "secret", profile={"old": "gone"})
        await accounts.set_role("alice", Role.ADMINISTRATOR)
        await accounts.modify("alice", {"name": "Alice"})
        account = await accounts.account("alice")
        assert (account.role, dict(account.profile)) == (Role.ADMINISTRATOR, {"name": "Alice"})
        assert await accounts.verify("alice", "secret")
        for change in (accounts.set_role("bob", Role.USER), accounts.modify("bob", {}), accounts.modify("a\0", {})):
            with pytest.raises(NoSuchAccount):
                await change

    @pytest.mark.parametrize(
        "profile",
        [
            {"a": "x" * (limits.MAX_SHORT_TEXT + 1)},
            {"a" * 65: ""},
            {"a": "\0"},
            {"a": "\ud800"},
            {str(number): "" for number in range(limits.MAX_PROFILE_FIELDS + 1)},
        ],
        ids=["long text", "long name", "NUL", "no UTF-8", "many lines"],
    )
    @pytest_twisted.ensureDeferred
    async def test_a_profile_that_cannot_be_kept_is_refused(self, accounts: Any, profile: dict[str, str]) -> None:
        await accounts.add("alice", "secret", profile={"name": "Alice"})
        with pytest.raises(InvalidText):
            await accounts.modify("alice", profile)
        with pytest.raises(InvalidText):
            await accounts.add("bob", "secret", profile=profile)
        assert (await accounts.account("alice")).profile == {"name": "Alice"}
        assert not await accounts.exists("bob")

    @pytest_twisted.ensureDeferred
    async def test_pages_follow_each_other_within_a_prefix(self, accounts: Any) -> None:
        for name in ("a%", "a_b", "aX", "ab", "ä", "B", "A1", "a"):
            await accounts.add(name, "secret")

        async def page(*arguments: Any) -> list[str]:
            return [account.user_id for account in await accounts.page(*arguments)]

        assert await page("", None, 100) == sorted(["a%", "a_b", "aX", "ab", "ä", "B", "A1", "a"])
        assert await page("a", None, 3) == ["a", "a%", "aX"]
        assert await page("a", "aX", 3) == ["a_b", "ab"]
        assert await page("a%", None, 10) == ["a%"]
        assert await page("a_", None, 10) == ["a_b"]
        assert await page("A", None, 10) == ["A1"]
        assert await page("\U0010ffff", None, 10) == []
        assert await page("a", None, 0) == []
        assert await page("a\0", "\0'", 10) == []

    @pytest_twisted.ensureDeferred
    async def test_a_token_has_an_owner_until_it_expires(self, accounts: Any) -> None:
        await accounts.add_token(DIGEST, "alice", "2#alice", 100.0)
        assert await accounts.token_owner(DIGEST, 99.5) == ("alice", "2#alice")
        assert await accounts.token_owner(DIGEST, 100.0) is None
        assert await accounts.token_owner(b"another", 0.0) is None
        assert await accounts.expire_tokens(99.0) == 0
        assert await accounts.expire_tokens(100.0) == 1
        assert await accounts.token_owner(DIGEST, 0.0) is None

    @pytest_twisted.ensureDeferred
    async def test_tokens_are_dropped_one_by_one_or_together(self, accounts: Any) -> None:
        for number in range(3):
            await accounts.add_token(bytes([number]), "alice", "alice", 100.0)
        await accounts.add_token(b"bob's", "bob", "bob", 100.0)
        assert await accounts.drop_tokens("bob", b"\0") == 0
        assert await accounts.drop_tokens("alice", b"\0") == 1
        assert await accounts.drop_tokens("alice") == 2
        assert await accounts.drop_tokens("alice") == 0
        assert await accounts.token_owner(b"bob's", 0.0) == ("bob", "bob")

    @pytest_twisted.ensureDeferred
    async def test_tokens_of_one_user_do_not_pile_up(
        self, accounts: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(limits, "MAX_SESSION_TOKENS", 2)
        for number, until in enumerate((300.0, 100.0, 200.0)):
            await accounts.add_token(bytes([number]), "alice", "alice", until)
        owners = [await accounts.token_owner(bytes([number]), 0.0) is not None for number in range(3)]
        assert owners == [True, False, True]

    @pytest_twisted.ensureDeferred
    async def test_a_new_password_ends_all_sessions(self, accounts: Any) -> None:
        await accounts.add("alice", "old")
        await accounts.add_token(DIGEST, "alice", "alice", 100.0)
        await accounts.set_password("alice", "new")
        assert await accounts.token_owner(DIGEST, 0.0) is None

    @pytest_twisted.ensureDeferred
    async def test_a_removed_account_leaves_nothing_in_any_store(self, accounts: Any, stores: Any) -> None:
        await accounts.add("alice", "secret")
        await accounts.add_token(DIGEST, "alice", "alice", 100.0)
        await stores.contacts.ask("bob", "alice")
        await stores.contacts.accept("alice", "bob")
        await stores.contacts.block("carol", "alice")
        await stores.groups.create("hers", "alice", "", ["bob"])
        await stores.groups.create("alone", "alice")
        message = StoredMessage("m", "alice", "bob", None, 1, b"hello", 1.0, 2.0)
        await stores.offline.keep(message, Quota(0, 0))
        await accounts.remove("alice")
        assert await accounts.token_owner(DIGEST, 0.0) is None
        assert await stores.contacts.contacts_of("bob") == []
        assert await stores.contacts.relations("carol") == []
        assert await stores.groups.groups_of("alice") == []
        assert (await stores.groups.group("hers")).owner == "bob"
        assert await stores.groups.group("alone") is None
        assert await stores.offline.usage("alice") == (0, 0)
        assert await stores.offline.totals() == (0, 0)

    @pytest_twisted.ensureDeferred
    async def test_whoever_takes_a_name_finds_nothing_that_was_meant_for_somebody_else(
        self, accounts: Any, stores: Any
    ) -> None:
        await accounts.add("alice", "secret")
        # A message that was on its way when the account was removed.
        removing = accounts.remove("alice")
        keeping = [
            stores.offline.keep(StoredMessage("m", name, "carol", None, 1, b"private", 1.0, 2.0), Quota(0, 0))
            for name in ("alice", "bob")
        ]
        await gatherResults([removing, *keeping])
        with pytest.raises(InvalidPassword):
            await accounts.add("alice", "")
        assert await stores.offline.usage("alice") == (1, 7)
        await accounts.add("alice", "another")
        assert await stores.offline.usage("alice") == (0, 0)
        assert await stores.offline.usage("bob") == (1, 7)
        await stores.offline.keep(StoredMessage("n", "alice", "carol", None, 1, b"hello", 1.0, 2.0), Quota(0, 0))
        with pytest.raises(AccountExists):
            await accounts.add("alice", "again")
        assert await stores.offline.usage("alice") == (1, 5)

    @pytest_twisted.ensureDeferred
    async def test_after_close_every_call_fails(self, accounts: Any, stores: Any) -> None:
        await stores.close()
        for call in (
            accounts.user_ids,
            lambda: accounts.exists("a"),
            lambda: accounts.remove("a"),
            lambda: accounts.page("", None, 1),
            lambda: accounts.token_owner(b"", 0.0),
        ):
            with pytest.raises(StoreClosed):
                await call()
        with pytest.raises(StoreClosed):
            await accounts.add("alice", "secret")
        with pytest.raises(StoreClosed):
            await accounts.verify("alice", "secret")
