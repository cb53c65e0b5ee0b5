"""Accounts, their password hashes and the tokens of their sessions, in dictionaries."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import nsmallest

from esframework.interfaces import Account
from esframework.stores.account_rows import AccountRows, Token


class MemoryAccountRows(AccountRows):
    """Accounts by name, tokens by digest."""

    def __init__(self) -> None:
        self._accounts: dict[str, tuple[Account, str]] = {}
        self._tokens: dict[bytes, Token] = {}

    def put(self, account: Account, password_hash: str) -> None:
        """As `AccountRows.put`."""
        self._accounts[account.user_id] = (account, password_hash)

    def delete(self, user_id: str) -> None:
        """As `AccountRows.delete`."""
        self._accounts.pop(user_id, None)

    def find(self, user_id: str) -> tuple[Account, str] | None:
        """As `AccountRows.find`."""
        return self._accounts.get(user_id)

    def user_ids(self) -> list[str]:
        """As `AccountRows.user_ids`."""
        return sorted(self._accounts)

    def page(self, prefix: str, after: str | None, limit: int) -> list[Account]:
        """As `AccountRows.page`."""
        fitting = (name for name in self._accounts if name.startswith(prefix) and (after is None or name > after))
        return [self._accounts[name][0] for name in nsmallest(limit, fitting)]

    def put_token(self, token: Token) -> None:
        """As `AccountRows.put_token`."""
        self._tokens[token[0]] = token

    def token(self, digest: bytes) -> Token | None:
        """As `AccountRows.token`."""
        return self._tokens.get(digest)

    def tokens_of(self, user_id: str) -> list[Token]:
        """As `AccountRows.tokens_of`."""
        return sorted((token for token in self._tokens.values() if token[1] == user_id), key=lambda token: token[3])

    def delete_tokens(self, digests: Iterable[bytes]) -> None:
        """As `AccountRows.delete_tokens`."""
        for digest in digests:
            del self._tokens[digest]

    def expire_tokens(self, now: float) -> int:
        """As `AccountRows.expire_tokens`."""
        expired = [token[0] for token in self._tokens.values() if token[3] <= now]
        self.delete_tokens(expired)
        return len(expired)
