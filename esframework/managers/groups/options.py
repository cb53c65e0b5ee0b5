"""Every number and switch of groups, with its default. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from esframework import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsOptions:
    """`ServerOptions.groups`. Numbers of things: 0 is no limit. Times are seconds.

    `join_creates`: to join a group that is not there makes a dynamic one; without it that fails, as in the manual's
    demo. `away_grace` is how long a member of dynamic groups may be without a connection before it leaves them: the
    heartbeat time-out by default, so that a reconnect loses no group; 0 lets it leave at once, as in the manual's demo.
    `presence_members` is the size of a group up to which members hear who comes online and goes.
    `operations_per_second` is for one user and in the long run; `limits.GROUP_OPERATIONS_AT_ONCE` may come together.
    """

    join_creates: bool = True
    away_grace: float = limits.HEARTBEAT_TIMEOUT
    max_groups: int = limits.MAX_DYNAMIC_GROUPS
    max_groups_per_user: int = limits.MAX_DYNAMIC_GROUPS_PER_USER
    max_members: int = limits.MAX_GROUP_MEMBERS
    presence_members: int = limits.MAX_PRESENCE_MEMBERS
    operations_per_second: int = limits.GROUP_OPERATIONS_PER_SECOND
