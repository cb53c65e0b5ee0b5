"""What users share with others: which path, under which name, with whom, to read or to write. Knows no file.

Shares follow what is renamed and moved, and end with what is removed. A right of a group is that of its members, of
whom this knows nothing: whoever asks says which groups a user is in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum

from esframework import limits
from esframework.managers.disk.machine.paths import is_within, text_of
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath, QuotaExceeded


class Right(IntEnum):
    """What one may do with something; each includes those before it."""

    NONE = 0
    READ = 1
    WRITE = 2


@dataclass(frozen=True, slots=True)
class Share:
    """One path of `owner`'s, that others see as `/shared/OWNER/NAME`; users and groups with their rights."""

    owner: str
    name: str
    path: tuple[str, ...]
    users: Mapping[str, Right]
    groups: Mapping[str, Right]

    def right_of(self, user_id: str, groups: Collection[str]) -> Right:
        """What a user may, who is in these groups."""
        if user_id == self.owner:
            return Right.WRITE
        rights = [right for group, right in self.groups.items() if group in groups]
        return max([self.users.get(user_id, Right.NONE), *rights])


class ShareBook:
    """All shares of all users. What changes one returns whether the owner's are to be written down again."""

    def __init__(self) -> None:
        self._by_owner: dict[str, dict[str, Share]] = {}
        self._by_user: dict[str, set[tuple[str, str]]] = {}
        self._by_group: dict[str, set[tuple[str, str]]] = {}

    # --- questions ----------------------------------------------------------------------------------------------------
    def of(self, owner: str) -> list[Share]:
        """All shares of a user, by name."""
        shares = self._by_owner.get(owner, {})
        return [shares[name] for name in sorted(shares)]

    def find(self, owner: str, name: str) -> Share | None:
        """The share that others see under that name."""
        return self._by_owner.get(owner, {}).get(name)

    def at(self, owner: str, path: tuple[str, ...]) -> Share | None:
        """The share of exactly that path."""
        return next((share for share in self._by_owner.get(owner, {}).values() if share.path == path), None)

    def given_to(self, user_id: str, groups: Iterable[str]) -> list[Share]:
        """What is shared with a user, who is in these groups, by others; by owner and name."""
        keys = set(self._by_user.get(user_id, ()))
        for group in groups:
            keys |= self._by_group.get(group, set())
        return [self._by_owner[owner][name] for owner, name in sorted(keys) if owner != user_id]

    def groups(self) -> list[str]:
        """Every group with which anything is shared."""
        return list(self._by_group)

    # --- changes ------------------------------------------------------------------------------------------------------
    def load(self, shares: Iterable[Share]) -> None:
        """What was written down before."""
        for share in shares:
            self._put(share)

    def share(
        self, owner: str, path: tuple[str, ...], users: Iterable[str], groups: Iterable[str], right: Right
    ) -> Share:
        """Give users and groups a right to a path, besides those who have one; who had another has this one then.

        Raises `InvalidPath` for the root, and when nobody is named; `QuotaExceeded`.
        """
        if not path:
            raise InvalidPath("the whole disk cannot be shared; share folders in it")
        found = self.at(owner, path)
        if found is None and len(self._by_owner.get(owner, {})) >= limits.MAX_SHARES:
            raise QuotaExceeded(f"{limits.MAX_SHARES} things are shared already, and no more may be")
        share = found or Share(owner, self._free_name(owner, path[-1]), path, {}, {})
        share = replace(
            share,
            users={**share.users, **dict.fromkeys((user for user in users if user != owner), right)},
            groups={**share.groups, **dict.fromkeys(groups, right)},
        )
        if not share.users and not share.groups:
            raise InvalidPath("nobody to share with: name users or groups, others than the owner")
        if len(share.users) + len(share.groups) > limits.MAX_SHARED_WITH:
            raise QuotaExceeded(f"one thing can be shared with {limits.MAX_SHARED_WITH} users and groups; use a group")
        self._put(share)
        return share

    def unshare(self, owner: str, path: tuple[str, ...], users: Iterable[str], groups: Iterable[str]) -> Share | None:
        """Take the rights of these away, or of everybody where none are named; the share that is left, if any.

        Raises `NoSuchPath` for what is not shared.
        """
        share = self.at(owner, path)
        if share is None:
            raise NoSuchPath(f"share of {text_of(path)}")
        users, groups = set(users), set(groups)
        self._drop(share)
        if not users and not groups:
            return None
        return self._left_of(share, users, groups)

    def restore(self, now: Share | None, before: Share | None) -> None:
        """Undo a change that could not be written down."""
        if now is not None and self.find(now.owner, now.name) is now:
            self._drop(now)
        if before is not None:
            self._put(before)

    def moved(self, owner: str, old: tuple[str, ...], new: tuple[str, ...]) -> bool:
        """Something has another path now; shares of it, and of what is in it, follow."""
        moved = [share for share in self.of(owner) if is_within(share.path, old)]
        for share in moved:
            self._drop(share)
        for share in moved:
            path = new + share.path[len(old) :]
            name = share.name if path[-1] == share.path[-1] else self._free_name(owner, path[-1])
            self._put(replace(share, path=path, name=name))
        return bool(moved)

    def removed(self, owner: str, path: tuple[str, ...]) -> bool:
        """Something is gone; shares of it, and of what was in it, end."""
        gone = [share for share in self.of(owner) if is_within(share.path, path)]
        for share in gone:
            self._drop(share)
        return bool(gone)

    def forget_user(self, user_id: str) -> list[str]:
        """A user is no more: its shares and its rights end, since somebody else may get the name.

        Returns the other owners whose shares have changed.
        """
        for share in self.of(user_id):
            self._drop(share)
        return self._forget(self._by_user.get(user_id, set()), {user_id}, set())

    def forget_group(self, group: str) -> list[str]:
        """The same for a group."""
        return self._forget(self._by_group.get(group, set()), set(), {group})

    # --- inside -------------------------------------------------------------------------------------------------------
    def _forget(self, keys: set[tuple[str, str]], users: set[str], groups: set[str]) -> list[str]:
        shares = [self._by_owner[owner][name] for owner, name in sorted(keys)]
        for share in shares:
            self._drop(share)
            self._left_of(share, users, groups)
        return sorted({share.owner for share in shares})

    def _left_of(self, share: Share, users: set[str], groups: set[str]) -> Share | None:
        left = replace(
            share,
            users={user: right for user, right in share.users.items() if user not in users},
            groups={group: right for group, right in share.groups.items() if group not in groups},
        )
        if not left.users and not left.groups:
            return None
        self._put(left)
        return left

    def _free_name(self, owner: str, name: str) -> str:
        taken, number, free = self._by_owner.get(owner, {}), 1, name
        while free in taken:
            number += 1
            free = f"{name} ({number})"
        return free

    def _put(self, share: Share) -> None:
        key = (share.owner, share.name)
        self._by_owner.setdefault(share.owner, {})[share.name] = share
        for user in share.users:
            self._by_user.setdefault(user, set()).add(key)
        for group in share.groups:
            self._by_group.setdefault(group, set()).add(key)

    def _drop(self, share: Share) -> None:
        key = (share.owner, share.name)
        shares = self._by_owner[share.owner]
        del shares[share.name]
        if not shares:
            del self._by_owner[share.owner]
        for index, names in (self._by_user, share.users), (self._by_group, share.groups):
            for name in names:
                index[name].discard(key)
                if not index[name]:
                    del index[name]
