"""Bodies of the accounts' messages, 1010 to 1018: ours, between clients and servers of ours only.

Requests whose answer is empty are answered by the same type with no body, or fail by 1001.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from esframework.wire.compact import codec

UNKNOWN, ABSENT, PRESENT = -1, 0, 1
"""What `StateBody.exists` says; unknown where accounts are kept elsewhere."""


def _user_id() -> Any:
    return field(metadata={"wire": "UserID"})


@dataclass(frozen=True, slots=True)
class TokenBody:
    """Answer to 1010, whose request is empty: a session token and its seconds to live; null where none are given."""

    expires_in: float
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class LogOutBody:
    """1011: the token that is worthless from now on, null for none; `everywhere` means all of the user's."""

    everywhere: bool
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class ModifyBody:
    """1012: an account's new profile, which replaces the old one."""

    profile: dict[str, str]
    user_id: str = _user_id()


@dataclass(frozen=True, slots=True)
class DeleteBody:
    """1013: whose account; its password when it is the sender's own."""

    password: str | None = field(repr=False)
    user_id: str = _user_id()


@dataclass(frozen=True, slots=True)
class PasswordBody:
    """1014: an account's new password; the old one when it is the sender's own."""

    new_password: str = field(repr=False)
    old_password: str | None = field(repr=False)
    user_id: str = _user_id()


@dataclass(frozen=True, slots=True)
class UserBody:
    """1015: whose state."""

    user_id: str = _user_id()


@dataclass(frozen=True, slots=True)
class StateBody:
    """Answer to 1015; see `machine.AccountState`."""

    created_at: float
    devices: list[int]
    exists: int
    profile: dict[str, str]
    role: int


@dataclass(frozen=True, slots=True)
class WhoIsOnlineBody:
    """1016: the first `limit` users online whose names begin with `prefix` and come behind `after`."""

    after: str | None
    limit: int
    prefix: str


@dataclass(frozen=True, slots=True)
class OnlineBody:
    """Answer to 1016."""

    has_more: bool
    users: list[str]


@dataclass(frozen=True, slots=True)
class RoleBody:
    """1017: an account's new role."""

    role: int
    user_id: str = _user_id()


@dataclass(frozen=True, slots=True)
class UnlockBody:
    """1018: whose failed log-ons are forgotten, and those of which address; null is nobody's."""

    address: str | None
    user_id: str | None = _user_id()


@dataclass(frozen=True, slots=True)
class UnlockedBody:
    """Answer to 1018: whether there were any."""

    unlocked: bool


TOKEN = codec(TokenBody)
LOG_OUT = codec(LogOutBody)
MODIFY = codec(ModifyBody)
DELETE = codec(DeleteBody)
PASSWORD = codec(PasswordBody)
USER = codec(UserBody)
STATE = codec(StateBody)
WHO_IS_ONLINE = codec(WhoIsOnlineBody)
ONLINE = codec(OnlineBody)
ROLE = codec(RoleBody)
UNLOCK = codec(UnlockBody)
UNLOCKED = codec(UnlockedBody)
