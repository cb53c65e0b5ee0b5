"""Bodies of contacts and broadcasts (protocol: contacts, broadcasts), and what programs are given of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from esframework.wire.compact import Int64, codec
from esframework.wire.types import EVERYBODY, OnBusy


def _wire(name: str) -> Any:
    return field(metadata={"wire": name})


# --- what programs are given ------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Groupmates:
    """The members of a group: who is online and who is not."""

    online: list[str]
    offline: list[str]


@dataclass(frozen=True, slots=True)
class Broadcast:
    """One broadcast, for those who watch or replace it; `broadcaster` None is the server."""

    broadcaster: str | None
    group_id: str
    information_type: int
    content: bytes | None
    tag: str | None = ""
    on_busy: int = OnBusy.CONTINUE


@dataclass(frozen=True, slots=True)
class BroadcastReport:
    """What became of a broadcast: devices that it was queued for, busy ones that were passed over, members who are not
    online. Also the body of 1040."""

    reached: int
    busy: int
    absent: int


class ContactAction(IntEnum):
    """What a user does about a contact: body of 1021."""

    ADD = 1
    ACCEPT = 2
    REFUSE = 3
    REMOVE = 4
    BLOCK = 5
    UNBLOCK = 6


class ContactNews(IntEnum):
    """What another user did: body of 1022."""

    REQUESTED = 1
    ACCEPTED = 2
    REFUSED = 3
    REMOVED = 4


# --- lists and presence -----------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class ContactsRequest:
    """502 and 706; what `tag` means is the application's."""

    just_online: bool
    tag: str | None


@dataclass(frozen=True, slots=True)
class UserListBody:
    """Answer to 502 and 706."""

    user_list: list[str]


@dataclass(frozen=True, slots=True)
class FriendNotice:
    """501 of generation 6."""

    connected: bool
    friend_user_id: str = _wire("FriendUserID")


@dataclass(frozen=True, slots=True)
class Presence6:
    """701 and 702 of generation 6: the user's last device went, or the first came."""

    user_id: str = _wire("UserID")


@dataclass(frozen=True, slots=True)
class Presence7:
    """701 and 702 of generation 7, and to every client of ours: one device.

    `all_client_type`: the user was, or is now, online on no other.
    """

    all_client_type: bool
    client_type: int
    user_id: str = _wire("UserID")


@dataclass(frozen=True, slots=True)
class GroupMembersRequest:
    """703."""

    group_id: str | None = _wire("GroupID")


@dataclass(frozen=True, slots=True)
class GroupMembersBody:
    """Answer to 703."""

    offline_groupmates: list[str]
    online_groupmates: list[str]


# --- broadcasts -------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class BroadcastBody:
    """704."""

    action_type_on_channel_is_busy: int
    content: bytes | None
    group_id: str | None = _wire("GroupID")
    information_type: int
    tag: str | None


@dataclass(frozen=True, slots=True)
class BroadcastBlobBody:
    """The joined payload of 705."""

    message: bytes | None
    tag: str | None


# --- ours -------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class RelationBody:
    """One item of the answer to 1020; `state` is a `RelationState`, `since` in milliseconds UTC since 1970."""

    other: str
    since: Int64
    state: int
    text: str


@dataclass(frozen=True, slots=True)
class ChangeContactBody:
    """1021: what to do (`ContactAction`) about whom."""

    action: int
    other: str
    text: str


@dataclass(frozen=True, slots=True)
class ContactChangedBody:
    """Answer to 1021: whether anything changed, and how one stands to the other now (a `RelationState`, 0 for none)."""

    changed: bool
    state: int


@dataclass(frozen=True, slots=True)
class ContactNewsBody:
    """1022, server to client: what `other` did (`ContactNews`)."""

    news: int
    other: str
    text: str


CONTACTS_REQUEST: Final = codec(ContactsRequest)
USER_LIST: Final = codec(UserListBody)
FRIEND_NOTICE: Final = codec(FriendNotice)
PRESENCE_6: Final = codec(Presence6)
PRESENCE_7: Final = codec(Presence7)
GROUP_MEMBERS_REQUEST: Final = codec(GroupMembersRequest)
GROUP_MEMBERS: Final = codec(GroupMembersBody)
BROADCAST: Final = codec(BroadcastBody)
BROADCAST_BLOB: Final = codec(BroadcastBlobBody)
RELATIONS: Final = codec(list[RelationBody])
CHANGE_CONTACT: Final = codec(ChangeContactBody)
CONTACT_CHANGED: Final = codec(ContactChangedBody)
CONTACT_NEWS: Final = codec(ContactNewsBody)
CONTACT_DEVICES: Final = codec(dict[str, list[int]])
REPORT: Final = codec(BroadcastReport)


def destination_of(group_id: str) -> str:
    """The virtual id by which headers name a group; everybody is called the same in both places."""
    return group_id if group_id == EVERYBODY else f"_{group_id}"


def group_of(destination: str) -> str:
    """The group that a virtual id names."""
    return destination if destination == EVERYBODY else destination[1:]
