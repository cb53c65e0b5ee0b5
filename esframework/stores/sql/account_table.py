"""Accounts and session tokens as tables."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Integer,
    LargeBinary,
    Row,
    String,
    Table,
    Text,
    delete,
    insert,
    select,
    update,
)

from esframework.interfaces import Account, Role
from esframework.stores.account_rows import AccountRows, Token
from esframework.stores.rules import LONGEST_LOGIN_ID
from esframework.stores.sql.schema import Name, Seconds, database_text, metadata, portions
from esframework.wire.identity import is_possible

accounts = Table(
    "accounts",
    metadata,
    Column("user_id", Name, primary_key=True),
    Column("password_hash", String(255), nullable=False),
    Column("role", Integer, nullable=False, server_default="0"),
    Column("profile", Text, nullable=False, server_default="{}"),
    Column("created_at", Seconds, nullable=False, server_default="0"),
    sqlite_with_rowid=False,
)
tokens = Table(
    "session_tokens",
    metadata,
    Column("digest", LargeBinary(64), primary_key=True),
    Column("user_id", Name, nullable=False, index=True),
    Column("login_id", String(LONGEST_LOGIN_ID), nullable=False),
    Column("expires_at", Seconds, nullable=False, index=True),
)
_LAST_CHARACTER = "\U0010ffff"


class SqlAccountRows(AccountRows):
    """The two tables within one transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def put(self, account: Account, password_hash: str) -> None:
        """As `AccountRows.put`."""
        values = {
            "password_hash": password_hash,
            "role": int(account.role),
            "profile": json.dumps(dict(account.profile), ensure_ascii=False),
            "created_at": account.created_at,
        }
        change = update(accounts).where(accounts.c.user_id == account.user_id).values(values)
        if not self._connection.execute(change).rowcount:
            self._connection.execute(insert(accounts).values(user_id=account.user_id, **values))

    def delete(self, user_id: str) -> None:
        """As `AccountRows.delete`."""
        self._connection.execute(delete(accounts).where(accounts.c.user_id == user_id))

    def find(self, user_id: str) -> tuple[Account, str] | None:
        """As `AccountRows.find`."""
        if not is_possible(user_id):
            return None
        row = self._connection.execute(select(accounts).where(accounts.c.user_id == user_id)).one_or_none()
        return None if row is None else (_account(row), row.password_hash)

    def user_ids(self) -> list[str]:
        """As `AccountRows.user_ids`."""
        query = select(accounts.c.user_id).order_by(accounts.c.user_id)
        return list(self._connection.execute(query).scalars())

    def page(self, prefix: str, after: str | None, limit: int) -> list[Account]:
        """As `AccountRows.page`."""
        if database_text(prefix) != prefix or limit <= 0:
            return []
        query = select(accounts).order_by(accounts.c.user_id).limit(limit).where(accounts.c.user_id >= prefix)
        behind = _behind(prefix)
        if behind is not None:
            query = query.where(accounts.c.user_id < behind)
        if after is not None:
            query = query.where(accounts.c.user_id > database_text(after))
        return [_account(row) for row in self._connection.execute(query)]

    def put_token(self, token: Token) -> None:
        """As `AccountRows.put_token`."""
        digest, user_id, login_id, expires_at = token
        self.delete_tokens([digest])
        self._connection.execute(
            insert(tokens).values(digest=digest, user_id=user_id, login_id=login_id, expires_at=expires_at)
        )

    def token(self, digest: bytes) -> Token | None:
        """As `AccountRows.token`."""
        row = self._connection.execute(select(tokens).where(tokens.c.digest == digest)).one_or_none()
        return None if row is None else _token(row)

    def tokens_of(self, user_id: str) -> list[Token]:
        """As `AccountRows.tokens_of`."""
        if not is_possible(user_id):
            return []
        query = select(tokens).where(tokens.c.user_id == user_id).order_by(tokens.c.expires_at)
        return [_token(row) for row in self._connection.execute(query)]

    def delete_tokens(self, digests: Iterable[bytes]) -> None:
        """As `AccountRows.delete_tokens`."""
        for portion in portions(digests):
            self._connection.execute(delete(tokens).where(tokens.c.digest.in_(portion)))

    def expire_tokens(self, now: float) -> int:
        """As `AccountRows.expire_tokens`."""
        return self._connection.execute(delete(tokens).where(tokens.c.expires_at <= now)).rowcount


def _account(row: Row[Any]) -> Account:
    return Account(row.user_id, Role(row.role), json.loads(row.profile), row.created_at)


def _token(row: Row[Any]) -> Token:
    return bytes(row.digest), row.user_id, row.login_id, row.expires_at


def _behind(prefix: str) -> str | None:
    """The first text behind all that begin with `prefix`, None where there is none."""
    shorter = prefix.rstrip(_LAST_CHARACTER)
    if not shorter:
        return None
    following = ord(shorter[-1]) + 1
    return shorter[:-1] + chr(0xE000 if following == 0xD800 else following)
