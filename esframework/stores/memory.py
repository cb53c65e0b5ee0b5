"""Accounts in a dictionary: for tests, and for servers whose accounts may end with them.

Behaves as the SQL backend does, password hashes included, but keeps nothing and cannot fail for lack of room.
"""

from __future__ import annotations

from twisted.internet.defer import Deferred, execute
from zope.interface import implementer

from esframework.interfaces import IAccounts
from esframework.stores.failures import AccountExists, NoSuchAccount, StoreClosed
from esframework.stores.passwords import PasswordPool
from esframework.wire.identity import check_account_name


@implementer(IAccounts)
class MemoryAccounts:
    """An `IAccounts` in memory; `passwords` is closed with it."""

    def __init__(self, passwords: PasswordPool | None = None) -> None:
        self._passwords = passwords or PasswordPool()
        self._hashes: dict[str, str] = {}
        self._ready = False

    def open(self) -> Deferred[None]:
        """As `IAccounts.open`."""
        return execute(self._set_ready, True)

    def close(self) -> Deferred[None]:
        """As `IAccounts.close`."""
        self._set_ready(False)
        return self._passwords.close()

    def add(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.add`."""
        return Deferred.fromCoroutine(self._add(user_id, password))

    def remove(self, user_id: str) -> Deferred[None]:
        """As `IAccounts.remove`."""
        return execute(self._remove, user_id)

    def set_password(self, user_id: str, password: str) -> Deferred[None]:
        """As `IAccounts.set_password`."""
        return Deferred.fromCoroutine(self._set_password(user_id, password))

    def user_ids(self) -> Deferred[list[str]]:
        """As `IAccounts.user_ids`."""
        return execute(lambda: sorted(self._open_hashes()))

    def exists(self, user_id: str) -> Deferred[bool]:
        """As `IAccounts.exists`."""
        return execute(lambda: user_id in self._open_hashes())

    def verify(self, user_id: str, password: str) -> Deferred[bool]:
        """As `IAccounts.verify`."""
        return Deferred.fromCoroutine(self._verify(user_id, password))

    async def _add(self, user_id: str, password: str) -> None:
        check_account_name(user_id)
        password_hash = await self._passwords.hash(password)
        hashes = self._open_hashes()
        if user_id in hashes:
            raise AccountExists(user_id)
        hashes[user_id] = password_hash

    async def _set_password(self, user_id: str, password: str) -> None:
        password_hash = await self._passwords.hash(password)
        hashes = self._open_hashes()
        if user_id not in hashes:
            raise NoSuchAccount(user_id)
        hashes[user_id] = password_hash

    async def _verify(self, user_id: str, password: str) -> bool:
        return await self._passwords.matches(self._open_hashes().get(user_id), password)

    def _remove(self, user_id: str) -> None:
        if self._open_hashes().pop(user_id, None) is None:
            raise NoSuchAccount(user_id)

    def _set_ready(self, ready: bool) -> None:
        self._ready = ready

    def _open_hashes(self) -> dict[str, str]:
        if not self._ready:
            raise StoreClosed("the accounts are not open")
        return self._hashes
