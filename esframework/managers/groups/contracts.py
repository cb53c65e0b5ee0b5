"""Bodies of groups (protocol, section 3): types 800-820, and 1030-1035 of our own."""

from __future__ import annotations

from dataclasses import dataclass, field

from esframework.wire.compact import codec


# --- what programs are given ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class GroupInformation:
    """A group as one of its members sees it; `members` are in no promised order."""

    group_id: str
    members: list[str]
    tag: str


@dataclass(frozen=True, slots=True)
class GroupDetails:
    """A group as the server knows it."""

    group_id: str
    owner: str
    tag: str
    members: tuple[str, ...]
    is_stored: bool


# --- the protocol's ---------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class GroupBody:
    """800, 801, 802, 818 and 1031: which group it is about."""

    group_id: str | None = field(metadata={"wire": "GroupID"})


@dataclass(frozen=True, slots=True)
class GroupInformationBody:
    """Answer to 800, 801 and 1030. Without members, the request was refused."""

    id: str | None = field(metadata={"wire": "ID"})
    members: list[str] | None
    tag: str | None


@dataclass(frozen=True, slots=True)
class GroupMembersBody:
    """803, 804 and 817, their confirmations, and the notices 807 to 810: who did it to whom."""

    group_id: str | None = field(metadata={"wire": "GroupID"})
    members: list[str] | None
    operator_id: str | None = field(metadata={"wire": "OperatorID"})


@dataclass(frozen=True, slots=True)
class GroupUserBody:
    """805, 806, 811, 812 and 820: who came or went. To a client of ours, 802 is confirmed by it."""

    group_id: str = field(metadata={"wire": "GroupID"})
    user_id: str = field(metadata={"wire": "UserID"})


@dataclass(frozen=True, slots=True)
class GroupTagBody:
    """815."""

    group_id: str | None = field(metadata={"wire": "GroupID"})
    tag: str | None


@dataclass(frozen=True, slots=True)
class GroupTagNoticeBody:
    """816, and what confirms 815 to a client of ours."""

    group_id: str = field(metadata={"wire": "GroupID"})
    operator_id: str | None = field(metadata={"wire": "OperatorID"})
    tag: str | None


@dataclass(frozen=True, slots=True)
class GroupBroadcastBody:
    """819."""

    content: bytes | None
    group_id: str | None = field(metadata={"wire": "GroupID"})
    information_type: int
    tag: str | None


# --- ours -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class CreateGroupBody:
    """1030, ours: make a group of the sender and these members."""

    group_id: str = field(metadata={"wire": "GroupID"})
    is_stored: bool
    members: list[str]
    tag: str


@dataclass(frozen=True, slots=True)
class GroupOperatorBody:
    """1032, ours: a group was dissolved; and what confirms 1031. The operator is null when it was the server."""

    group_id: str = field(metadata={"wire": "GroupID"})
    operator_id: str | None = field(metadata={"wire": "OperatorID"})


@dataclass(frozen=True, slots=True)
class GroupOwnerBody:
    """1034 and 1035, ours: a group's owner is to change, or has changed."""

    group_id: str = field(metadata={"wire": "GroupID"})
    owner: str


@dataclass(frozen=True, slots=True)
class ListGroupsBody:
    """1033, ours: the next groups behind `after` whose ids begin with `prefix`: one's own, or all dynamic ones."""

    after: str | None
    limit: int
    only_mine: bool
    prefix: str


@dataclass(frozen=True, slots=True)
class GroupRow:
    """One group of a list."""

    id: str = field(metadata={"wire": "ID"})
    is_stored: bool
    member_count: int
    owner: str
    tag: str


@dataclass(frozen=True, slots=True)
class GroupListBody:
    """Answer to 1033; `has_more` when the list goes on behind its last group."""

    groups: list[GroupRow]
    has_more: bool


GROUP = codec(GroupBody)
GROUP_INFORMATION = codec(GroupInformationBody)
GROUP_MEMBERS = codec(GroupMembersBody)
GROUP_USER = codec(GroupUserBody)
GROUP_TAG = codec(GroupTagBody)
GROUP_TAG_NOTICE = codec(GroupTagNoticeBody)
GROUP_BROADCAST = codec(GroupBroadcastBody)
GROUP_OPERATOR = codec(GroupOperatorBody)
GROUP_OWNER = codec(GroupOwnerBody)
CREATE_GROUP = codec(CreateGroupBody)
LIST_GROUPS = codec(ListGroupsBody)
GROUP_LIST = codec(GroupListBody)
NAMES = codec(list[str])
