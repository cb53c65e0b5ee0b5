"""What is true of accounts without a store or a connection: who is online in which order, what a password must be,
who is known as an administrator, and whether what was found out about an account still holds.

Pure. Knows no frames.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from esframework import limits
from esframework.errors import InvalidPassword
from esframework.interfaces import Role


@dataclass(frozen=True, slots=True)
class AccountState:
    """What is known of a user. `exists` is None where accounts are kept elsewhere; without an account `role`,
    `profile` and `created_at` (seconds UTC) say nothing. `devices` are those online, by number (`wire.devices`)."""

    user_id: str
    exists: bool | None
    devices: list[int]
    role: Role = Role.USER
    profile: Mapping[str, str] = field(default_factory=dict)
    created_at: float = 0.0

    @property
    def online(self) -> bool:
        """Whether the user is online on any device."""
        return bool(self.devices)


@dataclass(frozen=True, slots=True)
class OnlinePage:
    """A page of users online, sorted by code points. `has_more`: the next page begins behind the last of them."""

    users: list[str]
    has_more: bool


class OnlineNames:
    """The names of those who are online, in order: a page costs what is in it, however many are online."""

    def __init__(self) -> None:
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._names)

    def add(self, name: str) -> None:
        """Somebody is online; again is harmless."""
        place = bisect_left(self._names, name)
        if place == len(self._names) or self._names[place] != name:
            insort(self._names, name)

    def discard(self, name: str) -> None:
        """Somebody is not online any more."""
        place = bisect_left(self._names, name)
        if place < len(self._names) and self._names[place] == name:
            del self._names[place]

    def page(self, prefix: str = "", after: str | None = None, limit: int = limits.ONLINE_PAGE) -> OnlinePage:
        """The first names that begin with `prefix` and come behind `after`: at most `limit`, which is kept between 1
        and `limits.MAX_ONLINE_PAGE`."""
        begin = bisect_left(self._names, prefix)
        if after is not None:
            begin = max(begin, bisect_right(self._names, after))
        limit = max(1, min(limit, limits.MAX_ONLINE_PAGE))
        found = self._names[begin : begin + limit + 1]
        fitting = [name for name in found if name.startswith(prefix)]
        return OnlinePage(fitting[:limit], len(fitting) > limit)


class Administrators:
    """The administrators among those who are online or about to be: what the last log-on of each found out.

    A log-on finds it out before its session begins, perhaps while another session of the same user ends, and may be
    refused then. So whoever is not online is no administrator, and is forgotten after a while, not at once.
    """

    def __init__(self, is_online: Callable[[str], bool]) -> None:
        self._is_online = is_online
        self._since: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._since)

    def __contains__(self, user_id: str) -> bool:
        return user_id in self._since and self._is_online(user_id)

    def learn(self, user_id: str, role: Role | None, now: float) -> None:
        """A user has this role now; None for a user that is no more."""
        if role is Role.ADMINISTRATOR:
            self._since[user_id] = now
        else:
            self._since.pop(user_id, None)

    def sweep(self, now: float) -> None:
        """Forget those who are away, and found out longer ago than any log-on takes."""
        for user_id, since in list(self._since.items()):
            if now - since >= limits.LEARNED_FOR and not self._is_online(user_id):
                del self._since[user_id]


class Check:
    """Something about a user is being found out, which takes a while; `is_stale` once the account changed meanwhile."""

    __slots__ = ("is_stale",)

    def __init__(self) -> None:
        self.is_stale = False


class OpenChecks:
    """All that is being found out now: what was right before a change must admit nobody after it."""

    def __init__(self) -> None:
        self._open: dict[str, set[Check]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._open.values()))

    @contextmanager
    def one(self, user_id: str) -> Iterator[Check]:
        """One check, from its beginning to its end."""
        check = Check()
        checks = self._open.setdefault(user_id, set())
        checks.add(check)
        try:
            yield check
        finally:
            checks.remove(check)
            if not checks:
                del self._open[user_id]

    def changed(self, user_id: str) -> None:
        """A user's password or tokens are others now, or the account is gone."""
        for check in self._open.get(user_id, ()):
            check.is_stale = True


def check_new_password(password: str, shortest: int) -> str:
    """The password; raises `InvalidPassword`, which never repeats it, for one that is too short.

    What else a store demands is the store's word.
    """
    if len(password) < shortest:
        raise InvalidPassword(f"the password has {len(password)} characters, at least {shortest} are required")
    return password


def device_id(user_id: str, device: int) -> str:
    """How a session token's device is written: the same in both generations of the protocol."""
    return f"{device}#{user_id}"
