"""Accounts, their password hashes and the tokens of their sessions, in dictionaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from heapq import nsmallest

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework import limits
from esframework.errors import AccountExists, NoSuchAccount
from esframework.interfaces import Account, IAccounts, Role
from esframework.stores.memory.opening import Opening
from esframework.stores.passwords import PasswordPool
from esframework.stores.rules import bounded, check_profile
from esframework.wire.identity import check_account_name

Token = tuple[str, str, float]
"""(user id, LoginID, when it expires)"""


@implementer(IAccounts)
class MemoryAccounts:
    """An `IAccounts` in memory; `forget` is told of each account that was removed."""

    def __init__(
        self,
        opening: Opening,
        passwords: PasswordPool,
        now: Callable[[], float],
        forget: Callable[[str], None],
    ) -> None:
        self._opening = opening
        self._passwords = passwords
        self._now = now
        self._forget = forget
        self._accounts: dict[str, tuple[Account, str]] = {}
        self._tokens: dict[bytes, Token] = {}

    def add(
        self, user_id: str, password: str, role: Role = Role.USER, profile: Mapping[str, str] | None = None
    ) -> Deferred[None]:
        """As `IAccounts.add`."""
        return Deferred.fromCoroutine(self._add(user_id, password, role, profile or {}))

    def remove(self, user_id: str) -> Deferred[None]:
        """As `IAccounts.remove`."""
        return self._opening.run(self._remove, user_id)

    def set_password(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.set_password`."""
        return Deferred.fromCoroutine(self._set_password(user_id, password))

    def set_role(self, user_id: str, role: Role) -> Deferred[None]:
        """As `IAccounts.set_role`."""
        return self._opening.run(lambda: self._change(user_id, role=Role(role)))

    def modify(self, user_id: str, profile: Mapping[str, str]) -> Deferred[None]:
        """As `IAccounts.modify`."""
        return self._opening.run(lambda: self._change(user_id, profile=check_profile(profile)))

    def account(self, user_id: str) -> Deferred[Account | None]:
        """As `IAccounts.account`."""
        return self._opening.run(lambda: self._accounts[user_id][0] if user_id in self._accounts else None)

    def user_ids(self) -> Deferred[list[str]]:
        """As `IAccounts.user_ids`."""
        return self._opening.run(lambda: sorted(self._accounts))

    def page(self, prefix: str, after: str | None, limit: int) -> Deferred[list[Account]]:
        """As `IAccounts.page`."""
        return self._opening.run(self._page, prefix, after, limit)

    def exists(self, user_id: str) -> Deferred[bool]:
        """As `IAccounts.exists`."""
        return self._opening.run(lambda: user_id in self._accounts)

    def verify(self, user_id: str, password: str) -> Deferred[bool]:
        """As `IAccounts.verify`."""
        return Deferred.fromCoroutine(self._verify(user_id, password))

    def add_token(self, digest: bytes, user_id: str, login_id: str, expires_at: float) -> Deferred[None]:
        """As `IAccounts.add_token`."""
        return self._opening.run(self._add_token, digest, user_id, login_id, expires_at)

    def token_owner(self, digest: bytes, now: float) -> Deferred[tuple[str, str] | None]:
        """As `IAccounts.token_owner`."""
        return self._opening.run(self._token_owner, digest, now)

    def drop_tokens(self, user_id: str, digest: bytes | None = None) -> Deferred[int]:
        """As `IAccounts.drop_tokens`."""
        return self._opening.run(self._drop_tokens, user_id, digest)

    def expire_tokens(self, now: float) -> Deferred[int]:
        """As `IAccounts.expire_tokens`."""
        return self._opening.run(lambda: self._drop(d for d, (_, _, until) in self._tokens.items() if until <= now))

    async def _add(self, user_id: str, password: str, role: Role, profile: Mapping[str, str]) -> None:
        check_account_name(user_id)
        account = Account(user_id, Role(role), check_profile(profile), self._now())
        password_hash = await self._passwords.hash(password)
        self._opening.check()
        if user_id in self._accounts:
            raise AccountExists(user_id)
        self._accounts[user_id] = (account, password_hash)

    async def _set_password(self, user_id: str, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        self._opening.check()
        self._accounts[user_id] = (self._known(user_id), password_hash)
        self._drop_tokens(user_id, None)

    async def _verify(self, user_id: str, password: str) -> bool:
        self._opening.check()
        stored = self._accounts.get(user_id)
        return await self._passwords.matches(stored and stored[1], password)

    def _known(self, user_id: str) -> Account:
        if user_id not in self._accounts:
            raise NoSuchAccount(user_id)
        return self._accounts[user_id][0]

    def _change(self, user_id: str, **changes: object) -> None:
        changed = replace(self._known(user_id), **changes)  # type: ignore[arg-type]
        self._accounts[user_id] = (changed, self._accounts[user_id][1])

    def _remove(self, user_id: str) -> None:
        self._known(user_id)
        del self._accounts[user_id]
        self._drop_tokens(user_id, None)
        self._forget(user_id)

    def _page(self, prefix: str, after: str | None, limit: int) -> list[Account]:
        fitting = (name for name in self._accounts if name.startswith(prefix) and (after is None or name > after))
        return [self._accounts[name][0] for name in nsmallest(bounded(limit), fitting)]

    def _add_token(self, digest: bytes, user_id: str, login_id: str, expires_at: float) -> None:
        check_account_name(user_id)
        own = sorted((until, d) for d, (owner, _, until) in self._tokens.items() if owner == user_id and d != digest)
        self._drop(d for _, d in own[: max(0, len(own) + 1 - limits.MAX_SESSION_TOKENS)])
        self._tokens[digest] = (user_id, login_id, expires_at)

    def _token_owner(self, digest: bytes, now: float) -> tuple[str, str] | None:
        user_id, login_id, until = self._tokens.get(digest, ("", "", now))
        return (user_id, login_id) if until > now else None

    def _drop_tokens(self, user_id: str, digest: bytes | None) -> int:
        return self._drop(
            d for d, (owner, _, _) in self._tokens.items() if owner == user_id and digest in (None, d)
        )

    def _drop(self, digests: Iterable[bytes]) -> int:
        dropped = list(digests)
        for digest in dropped:
            del self._tokens[digest]
        return len(dropped)
