"""What may become of an account and of the tokens of its sessions.

The rules are here, once; where the rows lie is a subclass's. Knows no passwords, only the texts that `passwords.py`
makes of them. Blocking, as each runs within one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable

from esframework import limits
from esframework.errors import AccountExists, NoSuchAccount
from esframework.interfaces import Account, Role
from esframework.stores.rules import LONGEST_LOGIN_ID, check_profile, check_text
from esframework.wire.identity import check_account_name

Token = tuple[bytes, str, str, float]
"""(digest, user id, LoginID, when it expires)"""


class AccountRows(ABC):
    """All accounts and tokens."""

    @abstractmethod
    def put(self, account: Account, password_hash: str) -> None:
        """Write an account, new or changed."""

    @abstractmethod
    def delete(self, user_id: str) -> None:
        """Take an account away."""

    @abstractmethod
    def find(self, user_id: str) -> tuple[Account, str] | None:
        """An account and its password hash."""

    @abstractmethod
    def user_ids(self) -> list[str]:
        """Every name, sorted."""

    @abstractmethod
    def page(self, prefix: str, after: str | None, limit: int) -> list[Account]:
        """As `IAccounts.page`."""

    @abstractmethod
    def put_token(self, token: Token) -> None:
        """Write a token, new or changed."""

    @abstractmethod
    def token(self, digest: bytes) -> Token | None:
        """The token with this digest."""

    @abstractmethod
    def tokens_of(self, user_id: str) -> list[Token]:
        """All tokens of a user, the first to expire first."""

    @abstractmethod
    def delete_tokens(self, digests: Iterable[bytes]) -> None:
        """Take tokens away."""

    @abstractmethod
    def expire_tokens(self, now: float) -> int:
        """As `IAccounts.expire_tokens`."""

    def add(self, account: Account, password_hash: str) -> None:
        """Make an account. Raises `InvalidUserId`, `InvalidText` or `AccountExists`."""
        check_account_name(account.user_id)
        check_profile(account.profile)
        if self.find(account.user_id) is not None:
            raise AccountExists(account.user_id)
        self.put(account, password_hash)

    def remove(self, user_id: str) -> None:
        """Delete the account and its tokens, here alone. Raises `NoSuchAccount`."""
        self.known(user_id)
        self.delete(user_id)
        self.drop_tokens(user_id, None)

    def set_hash(self, user_id: str, password_hash: str) -> None:
        """Replace the password hash and drop the tokens. Raises `NoSuchAccount`."""
        self.put(self.known(user_id)[0], password_hash)
        self.drop_tokens(user_id, None)

    def change(self, user_id: str, role: Role | None = None, profile: dict[str, str] | None = None) -> None:
        """Replace role or profile. Raises `NoSuchAccount`."""
        account, password_hash = self.known(user_id)
        changed = Account(
            user_id,
            account.role if role is None else Role(role),
            account.profile if profile is None else check_profile(profile),
            account.created_at,
        )
        self.put(changed, password_hash)

    def hash_of(self, user_id: str) -> str | None:
        """The stored hash, or None where there is no such account."""
        found = self.find(user_id)
        return found and found[1]

    def known(self, user_id: str) -> tuple[Account, str]:
        """As `find`; raises `NoSuchAccount`."""
        found = self.find(user_id)
        if found is None:
            raise NoSuchAccount(user_id)
        return found

    def add_token(self, token: Token) -> None:
        """As `IAccounts.add_token`."""
        digest, user_id, login_id, _ = token
        check_account_name(user_id)
        check_text(login_id, "a LoginID", LONGEST_LOGIN_ID)
        own = [other[0] for other in self.tokens_of(user_id) if other[0] != digest]
        self.delete_tokens(own[: max(0, len(own) + 1 - limits.MAX_SESSION_TOKENS)])
        self.put_token(token)

    def token_owner(self, digest: bytes, now: float) -> tuple[str, str] | None:
        """As `IAccounts.token_owner`."""
        token = self.token(digest)
        return (token[1], token[2]) if token is not None and token[3] > now else None

    def drop_tokens(self, user_id: str, digest: bytes | None) -> int:
        """As `IAccounts.drop_tokens`."""
        dropped = [token[0] for token in self.tokens_of(user_id) if digest in (None, token[0])]
        self.delete_tokens(dropped)
        return len(dropped)
