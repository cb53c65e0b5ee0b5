"""Dynamic groups, all in memory, and the law of groups: who may do what. Knows no frames, no store and no time but
`now`.

A dynamic group is there as long as it has members, and its members are online, or were until a moment ago. Whoever
acts is a user's bare id, or None for the server, which needs no permission. Refusals are the errors of stores, so
that dynamic and stored groups refuse alike, and `Forbidden`; what raises has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import Enum, IntEnum, StrEnum
from typing import Final

from esframework import limits
from esframework.errors import (
    ComeBackLater,
    GroupExists,
    GroupFull,
    InvalidText,
    InvalidUserId,
    LocalError,
    NoSuchGroup,
    NotAMember,
    TooManyGroups,
)
from esframework.wire.identity import LONGEST_NAME, check_account_name

Permit = Callable[[str, str, "str | None", Callable[[], bool]], bool]
"""As `IServerContext.permit`."""


class Forbidden(LocalError):
    """Somebody may not do to a group what he wants to; names action, user and group."""

    def __init__(self, act: Act, user_id: str, group_id: str) -> None:
        super().__init__(f"{act} of group {group_id!r} is not permitted to {user_id!r}")


# --- the law ----------------------------------------------------------------------------------------------------------
class Act(StrEnum):
    """What one does to a group, by the name under which the permission hook is asked."""

    CREATE = "group_create"
    CREATE_STORED = "group_create_stored"
    JOIN = "group_join"
    PULL_IN = "group_pull_in"
    REMOVE = "group_remove"
    INVITE = "group_invite"
    SET_TAG = "group_set_tag"
    SET_OWNER = "group_set_owner"
    DISSOLVE = "group_dissolve"
    INFORMATION = "group_information"
    BROADCAST = "group_broadcast"
    LIST = "group_list"


class Standing(IntEnum):
    """How one stands to a group; each may do what those before it may."""

    STRANGER = 0
    INVITED = 1
    MEMBER = 2
    OWNER = 3
    ADMINISTRATOR = 4


LAW: Final[dict[Act, tuple[Standing, Standing]]] = {
    #                  to a dynamic group, to a stored group
    Act.CREATE: (Standing.STRANGER, Standing.STRANGER),
    Act.CREATE_STORED: (Standing.STRANGER, Standing.STRANGER),
    Act.JOIN: (Standing.STRANGER, Standing.INVITED),
    Act.PULL_IN: (Standing.MEMBER, Standing.OWNER),
    Act.REMOVE: (Standing.OWNER, Standing.OWNER),
    Act.INVITE: (Standing.MEMBER, Standing.OWNER),
    Act.SET_TAG: (Standing.OWNER, Standing.OWNER),
    Act.SET_OWNER: (Standing.OWNER, Standing.OWNER),
    Act.DISSOLVE: (Standing.OWNER, Standing.OWNER),
    Act.INFORMATION: (Standing.MEMBER, Standing.MEMBER),
    Act.BROADCAST: (Standing.MEMBER, Standing.MEMBER),
    # This one is about all groups together.
    Act.LIST: (Standing.ADMINISTRATOR, Standing.ADMINISTRATOR),
}
"""Who may do it where the application's hook leaves it open: whoever stands to the group like this, or closer."""


@dataclass(slots=True, eq=False)
class Group:
    """A group of either kind. `members` are in the order in which they came; the owner is one of them."""

    group_id: str
    owner: str
    tag: str = ""
    members: dict[str, None] = field(default_factory=dict)
    is_stored: bool = False

    def standing_of(self, user_id: str, is_invited: bool = False) -> Standing:
        """How a user stands to this group."""
        if user_id == self.owner:
            return Standing.OWNER
        if user_id in self.members:
            return Standing.MEMBER
        return Standing.INVITED if is_invited else Standing.STRANGER

    def without(self, users: Iterable[str]) -> tuple[str, ...]:
        """The members who are not among `users`."""
        left_out = set(users)
        return tuple(name for name in self.members if name not in left_out)


class Law:
    """Asks for permission: first the application's hook, then the table."""

    def __init__(self, permit: Permit, is_administrator: Callable[[str], bool]) -> None:
        self._permit = permit
        self._is_administrator = is_administrator

    def check(self, act: Act, user_id: str | None, group: Group, is_invited: bool = False) -> None:
        """Raises `Forbidden`."""
        if user_id is None:
            return

        def by_default() -> bool:
            needed = LAW[act][group.is_stored]
            return group.standing_of(user_id, is_invited) >= needed or self._is_administrator(user_id)

        if not self._permit(act.value, user_id, group.group_id, by_default):
            raise Forbidden(act, user_id, group.group_id)

    def check_new(self, user_id: str | None, group_id: str, is_stored: bool) -> None:
        """Whether a user may make a group that is not there yet; raises `Forbidden`."""
        act = Act.CREATE_STORED if is_stored else Act.CREATE
        self.check(act, user_id, Group(group_id, "", is_stored=is_stored))


def check_group_id(group_id: str, longest: int = LONGEST_NAME) -> str:
    """The id, unchanged; raises `InvalidUserId` for one that no group may have: the rule is that of account names."""
    try:
        return check_account_name(group_id, longest)
    except InvalidUserId as error:
        raise InvalidUserId(str(error).replace("account name", "group id", 1)) from None


def check_tag(tag: str) -> str:
    """The tag, unchanged; raises `InvalidText` for one that no group may have."""
    try:
        size = len(tag.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidText("a group's tag is not text that UTF-8 can carry") from None
    if size > limits.MAX_SHORT_TEXT:
        raise InvalidText(f"a group's tag has {size} bytes, at most {limits.MAX_SHORT_TEXT} are allowed")
    if "\0" in tag:
        raise InvalidText("a group's tag must not contain a NUL character")
    return tag


# --- what happens -----------------------------------------------------------------------------------------------------
class Change(Enum):
    """What happened to a group."""

    CREATED = "created"
    JOINED = "joined"
    QUIT = "quit"
    PULLED_IN = "pulled in"
    REMOVED = "removed"
    TAG_CHANGED = "tag changed"
    OWNER_CHANGED = "owner changed"
    DISSOLVED = "dissolved"


@dataclass(frozen=True, slots=True)
class GroupEvent:
    """One change. `users` are those whom it is about, `others` the groupmates who are to hear of it.

    `operator` is who did it, None for the server. `text` is the new tag or the new owner.
    """

    change: Change
    group_id: str
    operator: str | None
    users: tuple[str, ...] = ()
    others: tuple[str, ...] = ()
    text: str = ""


@dataclass(frozen=True, slots=True)
class GroupLimits:
    """Numbers of things, 0 for no limit: dynamic groups, how many of them for one user, members of one."""

    groups: int = limits.MAX_DYNAMIC_GROUPS
    groups_per_user: int = limits.MAX_DYNAMIC_GROUPS_PER_USER
    members: int = limits.MAX_GROUP_MEMBERS


class DynamicGroups:
    """The dynamic groups of one server; every method returns what happened, in order.

    `is_online` is asked about everybody who is to become a member: who is not online becomes none. Members who go away
    stay for `grace` seconds, and with `grace` 0 leave at once.
    """

    def __init__(
        self,
        law: Law,
        is_online: Callable[[str], bool],
        bounds: GroupLimits | None = None,
        *,
        join_creates: bool = True,
        grace: float = limits.HEARTBEAT_TIMEOUT,
    ) -> None:
        self._law = law
        self._is_online = is_online
        self._bounds = bounds or GroupLimits()
        self._join_creates = join_creates
        self._grace = grace
        self._groups: dict[str, Group] = {}
        self._of_user: dict[str, dict[str, None]] = {}
        # In the order of their deadlines, since everybody is given the same time.
        self._away: dict[str, float] = {}

    # --- questions ----------------------------------------------------------------------------------------------------
    def get(self, group_id: str) -> Group | None:
        """A group, None when there is none of that id."""
        return self._groups.get(group_id)

    def known(self, group_id: str) -> Group:
        """A group; raises `NoSuchGroup`."""
        group = self._groups.get(group_id)
        if group is None:
            raise NoSuchGroup(group_id)
        return group

    def groups_of(self, user_id: str) -> list[str]:
        """Ids of the groups that a user is in, in the order of joining."""
        return list(self._of_user.get(user_id, ()))

    def ids(self) -> list[str]:
        """Ids of all groups."""
        return list(self._groups)

    # --- operations ---------------------------------------------------------------------------------------------------
    def create(
        self, user_id: str | None, group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()
    ) -> list[GroupEvent]:
        """Make a group of the owner and of those members who are online."""
        check_group_id(group_id)
        if group_id in self._groups:
            raise GroupExists(group_id)
        self._law.check_new(user_id, group_id, is_stored=False)
        group = Group(group_id, owner, check_tag(tag))
        wanted = [name for name in dict.fromkeys(members) if name != owner and self._is_online(name)]
        if not self._is_online(owner):
            raise NotAMember(group_id, owner)
        self._check_groups()
        self._check_room(group, [owner], by_others=False)
        self._check_room(group, wanted, by_others=True, coming=1)
        self._groups[group_id] = group
        self._add(group, [owner])
        events = [GroupEvent(Change.CREATED, group_id, user_id, (owner,))]
        if wanted:
            self._add(group, wanted)
            events.append(GroupEvent(Change.PULLED_IN, group_id, user_id, tuple(wanted), (owner,)))
        return events

    def join(self, user_id: str, group_id: str) -> list[GroupEvent]:
        """Become a member; nothing happens when one is. A group that is not there is made, or there is
        `NoSuchGroup`."""
        group = self._groups.get(group_id)
        if group is None and self._join_creates:
            return self.create(user_id, group_id, user_id)
        group = self.known(group_id)
        if user_id in group.members:
            return []
        self._law.check(Act.JOIN, user_id, group)
        return self._admit(Change.JOINED, group, user_id, [user_id], by_others=False)

    def quit(self, user_id: str, group_id: str) -> list[GroupEvent]:
        """Be a member no more. Raises `NotAMember`."""
        group = self.known(group_id)
        if user_id not in group.members:
            raise NotAMember(group_id, user_id)
        return self._dismiss(Change.QUIT, group, user_id, [user_id])

    def pull_in(self, operator: str | None, group_id: str, names: Iterable[str]) -> list[GroupEvent]:
        """Make members of those who are online and are none yet."""
        group = self.known(group_id)
        self._law.check(Act.PULL_IN, operator, group)
        return self._admit(Change.PULLED_IN, group, operator, names, by_others=operator is not None)

    def remove(self, operator: str | None, group_id: str, names: Iterable[str]) -> list[GroupEvent]:
        """Take members out; nothing happens to others."""
        group = self.known(group_id)
        self._law.check(Act.REMOVE, operator, group)
        removed = [name for name in dict.fromkeys(names) if name in group.members]
        return self._dismiss(Change.REMOVED, group, operator, removed) if removed else []

    def set_tag(self, operator: str | None, group_id: str, tag: str) -> list[GroupEvent]:
        """Give the group another tag."""
        group = self.known(group_id)
        self._law.check(Act.SET_TAG, operator, group)
        group.tag = check_tag(tag)
        return [GroupEvent(Change.TAG_CHANGED, group_id, operator, (), tuple(group.members), tag)]

    def set_owner(self, operator: str | None, group_id: str, owner: str) -> list[GroupEvent]:
        """Give the group another owner, who must be a member."""
        group = self.known(group_id)
        self._law.check(Act.SET_OWNER, operator, group)
        if owner not in group.members:
            raise NotAMember(group_id, owner)
        if owner == group.owner:
            return []
        group.owner = owner
        return [_owner_changed(group, operator)]

    def dissolve(self, operator: str | None, group_id: str) -> list[GroupEvent]:
        """End the group."""
        group = self.known(group_id)
        self._law.check(Act.DISSOLVE, operator, group)
        members = tuple(group.members)
        self._drop(group, members)
        return [GroupEvent(Change.DISSOLVED, group_id, operator, members)]

    # --- coming and going ---------------------------------------------------------------------------------------------
    def went(self, user_id: str, now: float) -> list[GroupEvent]:
        """A user's last device is gone."""
        if user_id not in self._of_user:
            return []
        if self._grace <= 0:
            return self._quit_all(user_id)
        self._away.pop(user_id, None)
        self._away[user_id] = now + self._grace
        return []

    def came(self, user_id: str) -> None:
        """A user's first device is there."""
        self._away.pop(user_id, None)

    def expire(self, now: float) -> list[GroupEvent]:
        """Let those leave whose time away is over."""
        events: list[GroupEvent] = []
        while self._away:
            user_id, deadline = next(iter(self._away.items()))
            if deadline > now:
                break
            del self._away[user_id]
            events += self._quit_all(user_id)
        return events

    # --- inside -------------------------------------------------------------------------------------------------------
    def _quit_all(self, user_id: str) -> list[GroupEvent]:
        events: list[GroupEvent] = []
        for group_id in self.groups_of(user_id):
            events += self.quit(user_id, group_id)
        return events

    def _admit(
        self, change: Change, group: Group, operator: str | None, names: Iterable[str], *, by_others: bool
    ) -> list[GroupEvent]:
        wanted = [name for name in dict.fromkeys(names) if name not in group.members and self._is_online(name)]
        if not wanted:
            return []
        self._check_room(group, wanted, by_others=by_others)
        others = tuple(group.members)
        self._add(group, wanted)
        return [GroupEvent(change, group.group_id, operator, tuple(wanted), others)]

    def _dismiss(self, change: Change, group: Group, operator: str | None, leaving: list[str]) -> list[GroupEvent]:
        self._drop(group, leaving)
        events = [GroupEvent(change, group.group_id, operator, tuple(leaving), tuple(group.members))]
        if not group.members:
            events.append(GroupEvent(Change.DISSOLVED, group.group_id, None))
        elif group.owner not in group.members:
            group.owner = next(iter(group.members))
            events.append(_owner_changed(group, None))
        return events

    def _add(self, group: Group, names: Iterable[str]) -> None:
        for name in names:
            group.members[name] = None
            self._of_user.setdefault(name, {})[group.group_id] = None

    def _drop(self, group: Group, names: Iterable[str]) -> None:
        for name in names:
            del group.members[name]
            groups = self._of_user[name]
            del groups[group.group_id]
            if not groups:
                del self._of_user[name]
                self._away.pop(name, None)
        if not group.members:
            del self._groups[group.group_id]

    def _check_groups(self) -> None:
        if 0 < self._bounds.groups <= len(self._groups):
            raise ComeBackLater(f"there are {self._bounds.groups} dynamic groups, and may be no more now", 60.0)

    def _check_room(self, group: Group, newcomers: list[str], *, by_others: bool, coming: int = 0) -> None:
        if 0 < self._bounds.members < len(group.members) + coming + len(newcomers):
            raise GroupFull(group.group_id, self._bounds.members)
        most = self._bounds.groups_per_user
        if by_others:
            most = (most + 1) // 2
        for name in newcomers:
            if 0 < most <= len(self._of_user.get(name, ())):
                raise TooManyGroups(name, most)


def _owner_changed(group: Group, operator: str | None) -> GroupEvent:
    members = tuple(group.members)
    return GroupEvent(Change.OWNER_CHANGED, group.group_id, operator, (group.owner,), members, group.owner)
