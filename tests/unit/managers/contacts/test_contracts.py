"""Bodies as they lie on the wire, and the two spellings of a group."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.managers.contacts import contracts
from tests.unit.managers.contacts.house import broadcast_body

BODIES: list[tuple[Any, Any, str]] = [
    (contracts.CONTACTS_REQUEST, contracts.ContactsRequest(True, "t"), "06000000 01 01000000 74"),
    (contracts.USER_LIST, contracts.UserListBody(["a", "bc"]), "0f000000 02000000 01000000 61 02000000 6263"),
    (contracts.FRIEND_NOTICE, contracts.FriendNotice(True, "a"), "06000000 01 01000000 61"),
    (contracts.PRESENCE_6, contracts.Presence6("a"), "05000000 01000000 61"),
    (contracts.PRESENCE_7, contracts.Presence7(True, 9, "a"), "0a000000 01 09000000 01000000 61"),
    (contracts.GROUP_MEMBERS_REQUEST, contracts.GroupMembersRequest("g"), "05000000 01000000 67"),
    (contracts.GROUP_MEMBERS, contracts.GroupMembersBody(["a"], []), "0d000000 01000000 01000000 61 00000000"),
    (contracts.BROADCAST_BLOB, contracts.BroadcastBlobBody(b"m", "t"), "0a000000 01000000 6d 01000000 74"),
    (contracts.REPORT, contracts.BroadcastReport(reached=1, busy=2, absent=3), "0c000000 03000000 02000000 01000000"),
    (contracts.CHANGE_CONTACT, contracts.ChangeContactBody(1, "b", ""), "0d000000 01000000 01000000 62 00000000"),
    (contracts.CONTACT_CHANGED, contracts.ContactChangedBody(True, 3), "05000000 01 03000000"),
    (contracts.CONTACT_NEWS, contracts.ContactNewsBody(2, "b", ""), "0d000000 02000000 01000000 62 00000000"),
    (contracts.CONTACT_DEVICES, {"a": [9]}, "01000000 01000000 61 01000000 09000000"),
    (
        contracts.RELATIONS,
        [contracts.RelationBody("b", 5, 3, "")],
        "01000000 15000000 01000000 62 0500000000000000 03000000 00000000",
    ),
]


@pytest.mark.parametrize(("codec", "value", "raw"), BODIES, ids=lambda value: type(value).__name__)
def test_a_body_is_these_bytes(codec: Any, value: Any, raw: str) -> None:
    assert codec.encode(value).hex() == raw.replace(" ", "")
    assert codec.decode(codec.encode(value)) == value


def test_a_broadcast_is_these_bytes() -> None:
    expected = "1c000000 00000000 02000000 6869 05000000 6368657373 05000000 01000000 74"
    assert broadcast_body("chess", b"hi", 0).hex() == expected.replace(" ", "")


def test_a_group_is_addressed_with_a_sign_before_it_and_everybody_without() -> None:
    for group_id, destination in (("chess", "_chess"), ("_0", "__0"), ("*", "*")):
        assert contracts.destination_of(group_id) == destination
        assert contracts.group_of(destination) == group_id
