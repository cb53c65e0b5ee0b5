"""Bodies of the basic functions (protocol, section 3)."""

from __future__ import annotations

from dataclasses import dataclass, field

from esframework.wire.compact import codec


@dataclass(frozen=True, slots=True)
class EndpointBody:
    """Answer to 101 and 113; `ip` is null for a user who is not online."""

    ip: str | None = field(metadata={"wire": "IP"})
    port: int


@dataclass(frozen=True, slots=True)
class UserBody:
    """111 and 113: whom it is about."""

    user_id: str = field(metadata={"wire": "UserID"})


@dataclass(frozen=True, slots=True)
class KickOutBody:
    """108."""

    user_be_kicked_out: str


@dataclass(frozen=True, slots=True)
class UserListBody:
    """Answer to 110."""

    user_list: list[str]


@dataclass(frozen=True, slots=True)
class OnlineBody:
    """Answer to 111."""

    online: bool


@dataclass(frozen=True, slots=True)
class DeviceNoticeBody:
    """117 of generation 7, and to clients of ours: another device of the same account came or went."""

    client_type: int
    online: bool


ENDPOINT = codec(EndpointBody)
USER = codec(UserBody)
KICK_OUT = codec(KickOutBody)
USER_LIST = codec(UserListBody)
ONLINE = codec(OnlineBody)
NAMES = codec(list[str])
NAMES_ONLINE = codec(dict[str, bool])
DEVICES = codec(list[int])
DEVICE_NOTICE = codec(DeviceNoticeBody)
