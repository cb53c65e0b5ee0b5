"""Accounts as the rest of the program sees them: every call a Deferred, none blocks the reactor.

Joins the rows (`account_rows.py`) and the password hashes (`passwords.py`), each in threads of its own, so that hashing
never keeps anybody from looking up a name. Knows no SQL and no Argon2.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.interfaces import Account, IAccounts, Role
from esframework.stores.account_rows import AccountRows
from esframework.stores.passwords import PasswordPool
from esframework.stores.rules import bounded, check_profile
from esframework.stores.shelf import Shelf
from esframework.wire.identity import check_account_name


@implementer(IAccounts)
class Accounts:
    """An `IAccounts` on any backend.

    `adding` writes a new account and its password hash, and deletes what was meant for an earlier owner of the name;
    `removing` deletes an account and what every other store has of it; `now` gives seconds UTC. Cancelling a call
    gives its answer up; a change that has begun is still made.
    """

    def __init__(
        self,
        shelf: Shelf[AccountRows],
        adding: Callable[[Account, str], Deferred[None]],
        removing: Callable[[str], Deferred[None]],
        passwords: PasswordPool,
        now: Callable[[], float],
    ) -> None:
        self._shelf = shelf
        self._adding = adding
        self._removing = removing
        self._passwords = passwords
        self._now = now

    def add(
        self, user_id: str, password: str, role: Role = Role.USER, profile: Mapping[str, str] | None = None
    ) -> Deferred[None]:
        """As `IAccounts.add`."""
        return Deferred.fromCoroutine(self._add(user_id, password, role, profile or {}))

    def remove(self, user_id: str) -> Deferred[None]:
        """As `IAccounts.remove`."""
        return self._removing(user_id)

    def set_password(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.set_password`."""
        return Deferred.fromCoroutine(self._set_password(user_id, password))

    def set_role(self, user_id: str, role: Role) -> Deferred[None]:
        """As `IAccounts.set_role`."""
        return self._shelf.write(lambda rows: rows.change(user_id, role=role))

    def modify(self, user_id: str, profile: Mapping[str, str]) -> Deferred[None]:
        """As `IAccounts.modify`."""
        wanted = dict(profile)
        return self._shelf.write(lambda rows: rows.change(user_id, profile=wanted))

    def account(self, user_id: str) -> Deferred[Account | None]:
        """As `IAccounts.account`."""
        return self._shelf.read(lambda rows: rows.find(user_id)).addCallback(lambda found: found and found[0])

    def user_ids(self) -> Deferred[list[str]]:
        """As `IAccounts.user_ids`."""
        return self._shelf.read(lambda rows: rows.user_ids())

    def page(self, prefix: str, after: str | None, limit: int) -> Deferred[list[Account]]:
        """As `IAccounts.page`."""
        return self._shelf.read(lambda rows: rows.page(prefix, after, bounded(limit)))

    def exists(self, user_id: str) -> Deferred[bool]:
        """As `IAccounts.exists`."""
        return self._shelf.read(lambda rows: rows.find(user_id) is not None)

    def verify(self, user_id: str, password: str) -> Deferred[bool]:
        """As `IAccounts.verify`."""
        return Deferred.fromCoroutine(self._verify(user_id, password))

    def add_token(self, digest: bytes, user_id: str, login_id: str, expires_at: float) -> Deferred[None]:
        """As `IAccounts.add_token`."""
        return self._shelf.write(lambda rows: rows.add_token((digest, user_id, login_id, expires_at)))

    def token_owner(self, digest: bytes, now: float) -> Deferred[tuple[str, str] | None]:
        """As `IAccounts.token_owner`."""
        return self._shelf.read(lambda rows: rows.token_owner(digest, now))

    def drop_tokens(self, user_id: str, digest: bytes | None = None) -> Deferred[int]:
        """As `IAccounts.drop_tokens`."""
        return self._shelf.write(lambda rows: rows.drop_tokens(user_id, digest))

    def expire_tokens(self, now: float) -> Deferred[int]:
        """As `IAccounts.expire_tokens`."""
        return self._shelf.write(lambda rows: rows.expire_tokens(now))

    async def _verify(self, user_id: str, password: str) -> bool:
        stored = await self._shelf.read(lambda rows: rows.hash_of(user_id))
        if not await self._passwords.matches(stored, password):
            return False
        # Meanwhile another process may have changed it, or the account may be gone: this one is right no longer then.
        return await self._shelf.read(lambda rows: rows.hash_of(user_id)) == stored

    async def _add(self, user_id: str, password: str, role: Role, profile: Mapping[str, str]) -> None:
        check_account_name(user_id)
        account = Account(user_id, Role(role), check_profile(profile), self._now())
        await self._adding(account, await self._passwords.hash(password))

    async def _set_password(self, user_id: str, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        await self._shelf.write(lambda rows: rows.set_hash(user_id, password_hash))
