"""Frames of the managers of people, as a fuzzer makes them: every type that they serve, with bodies that are almost
right, and names that nobody should have to bear."""

from __future__ import annotations

import random
import struct
import typing
from dataclasses import fields, is_dataclass
from typing import Any, Final

from esframework.managers.accounts import contracts as accounts
from esframework.managers.contacts import contracts as contacts
from esframework.managers.custom.attachments import contracts as attachments
from esframework.managers.delivery import contracts as delivery
from esframework.managers.groups import contracts as groups
from esframework.managers.offline import contracts as offline
from esframework.managers.offline_files import contracts as offline_files
from esframework.wire.blob_fragments import encode_fragments
from esframework.wire.compact import Int64, codec
from tests.integration.support import Raw

CONTRACTS: Final[dict[int, Any]] = {
    **{502: contacts.ContactsRequest, 706: contacts.ContactsRequest, 703: contacts.GroupMembersRequest},
    **{501: contacts.FriendNotice, 701: contacts.Presence6, 702: contacts.Presence7, 704: contacts.BroadcastBody},
    **dict.fromkeys((800, 801, 802, 818, 1031), groups.GroupBody),
    **dict.fromkeys((803, 804, 807, 808, 809, 810, 817), groups.GroupMembersBody),
    **dict.fromkeys((805, 806, 811, 812, 820), groups.GroupUserBody),
    **{815: groups.GroupTagBody, 816: groups.GroupTagNoticeBody, 819: groups.GroupBroadcastBody},
    **{1011: accounts.LogOutBody, 1012: accounts.ModifyBody, 1013: accounts.DeleteBody, 1014: accounts.PasswordBody},
    **{1015: accounts.UserBody, 1016: accounts.WhoIsOnlineBody, 1017: accounts.RoleBody, 1018: accounts.UnlockBody},
    **{1021: contacts.ChangeContactBody, 1022: contacts.ContactNewsBody, 1040: contacts.BroadcastReport},
    **{1030: groups.CreateGroupBody, 1032: groups.GroupOperatorBody, 1033: groups.ListGroupsBody},
    **{1034: groups.GroupOwnerBody, 1035: groups.GroupOwnerBody},
    **{1051: offline.MessageBody, 1052: offline.AcknowledgementBody, 1054: offline.WaitingBody},
    **{1055: offline.DiscardBody, 1056: offline.KeptBody},
    **{1090: offline_files.LeaveBody, 1091: offline_files.ReadyBody, 1092: offline_files.ListBody},
    **{1093: offline_files.DiscardBody, 1094: offline_files.SettledBody, 1095: offline_files.FileKeyBody},
    **{1060: attachments.OfferBody, 1061: attachments.GrantBody, 1063: attachments.EndBody},
    **{1065: attachments.RefusalBody, 1066: attachments.WithdrawalBody},
    **{1070: delivery.HelloBody, 1071: delivery.WelcomeBody, 1072: delivery.MessageBody, 1073: delivery.ReceiptsBody},
    **{1074: delivery.HandedBody, 1075: delivery.AcknowledgementBody, 1076: delivery.SettledBody},
}
"""Types whose bodies are a class."""

TYPES: Final = (*CONTRACTS, 705, 814, 1010, 1019, 1020, 1023, 1050, 1053, 1062, 1064, 1077, 1079)
"""All of them."""

NAMES: Final = (
    *("", "group", "good-one", "good-two", "fuzz", "nobody", "_", "_0", "_group", "*", "_*"),
    *("'; DROP TABLE accounts;--", '"', "\\", "%", "a_b", "{0}%s", "a\0b", "\u202eevil", "e\u0301", " blank", "#"),
    *("1#", "4#fuzz", "99#good-one"),
    *("99999999999#good-one", "²#fuzz", "x" * 255, "x" * 256, "李" * 85, "y" * 5000),
)
NUMBERS: Final = (0, 1, -1, 2, 3, 5, 7, 100, 2**16, 2**31 - 1, -(2**31))
LARGE: Final = (*NUMBERS, 2**63 - 1, -(2**63), 2**53)
TARGETS: Final = (*("_0",) * 12, "_group", "_", "*", "good-one", "fuzz", "nobody", "4#good-one", "_" + "g" * 35)


class Fuzzer:
    """Makes them; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)

    def frame(self, peer: Raw, source: str) -> bytes:
        """The next one."""
        dice = self.dice
        message_type = dice.choice(TYPES)
        target, number = dice.choice(TARGETS), dice.choice(NUMBERS)
        return peer.frame(message_type, self._body(message_type), source, target, number)

    def _body(self, message_type: int) -> bytes:
        """Right for its type more often than not: what is wrong ends the connection, and nothing behind it is read."""
        body = bytearray(self._right(message_type))
        dice = self.dice
        match dice.randrange(30):
            case 0:
                return bytes(body[: dice.randrange(len(body) + 1)])
            case 1 if len(body) >= 4:
                at = dice.randrange(len(body) - 3)
                body[at : at + 4] = struct.pack("<i", dice.choice((-(2**31), -2, -1, 100_000, 2**30, 2**31 - 1)))
            case 2 if body:
                body[dice.randrange(len(body))] = dice.choice((0xFF, 0xC0, 0x80, 0))
            case 3:
                return dice.randbytes(dice.randrange(100))
        return bytes(body)

    def _right(self, message_type: int) -> bytes:
        dice = self.dice
        if message_type == 705:
            return dice.choice(list(encode_fragments(dice.choice(NUMBERS), bytes(300), 100, 1)))
        if message_type == 1062:
            return attachments.encode_piece(dice.choice((0, 1, 2**62)), dice.randbytes(dice.randrange(500)))
        declared = CONTRACTS.get(message_type)
        return b"" if declared is None else codec(declared).encode(self._value(declared))

    def _value(self, declared: Any) -> Any:
        dice = self.dice
        kinds = typing.get_args(declared)
        if is_dataclass(declared):
            hints = typing.get_type_hints(declared, include_extras=True)
            made: Any = declared
            return made(**{each.name: self._value(hints[each.name]) for each in fields(declared)})
        if declared == Int64:
            return dice.choice(LARGE)
        if typing.get_origin(declared) is list:
            return [self._value(kinds[0]) for _ in range(dice.choice((0, 1, 2, 30, 300)))]
        if typing.get_origin(declared) is dict:
            return {self._value(str): self._value(str) for _ in range(dice.choice((0, 1, 40)))}
        if type(None) in kinds:
            return None if dice.random() < 0.2 else self._value(kinds[0])
        plain: dict[Any, Any] = {
            str: lambda: dice.choice(NAMES),
            int: lambda: dice.choice(NUMBERS),
            bool: lambda: dice.random() < 0.5,
            float: lambda: dice.choice((0.0, -1.0, float("inf"), float("nan"))),
            bytes: lambda: dice.randbytes(dice.choice((0, 1, 16, 2000))),
        }
        return plain[declared]()


def with_one_long_name(size: int) -> list[tuple[int, bytes]]:
    """(type, body) for each name and text that a body of these managers holds, each once so long, in control
    characters: an error that repeats one in full would be four times as long."""
    found = []
    for message_type, declared in CONTRACTS.items():
        hints = typing.get_type_hints(declared, include_extras=True)
        for long_one in [name for name, hint in hints.items() if str in (hint, *_parts(hint))]:
            values = {each.name: _simple(hints[each.name], "g") for each in fields(declared)}
            values[long_one] = _simple(hints[long_one], "\0" * size)
            found.append((message_type, codec(declared).encode(declared(**values))))
    return found


def _parts(declared: Any) -> tuple[Any, ...]:
    return tuple(part for kind in typing.get_args(declared) for part in (kind, *typing.get_args(kind)))


def _simple(declared: Any, text: str) -> Any:
    kinds = typing.get_args(declared)
    if declared == Int64:
        return 1
    if typing.get_origin(declared) is list:
        return [_simple(kinds[0], text)] if kinds[0] is str else []
    if typing.get_origin(declared) is dict:
        return {"a": text}
    if type(None) in kinds:
        return _simple(kinds[0], text)
    return text if declared is str else declared()
