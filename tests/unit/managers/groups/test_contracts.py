"""The bodies of groups, byte by byte where the protocol says them."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.managers.groups import contracts
from esframework.wire.compact import Codec, describe

ROUND_TRIPS: list[tuple[Codec[Any], Any]] = [
    (contracts.GROUP, contracts.GroupBody("chess")),
    (contracts.GROUP_INFORMATION, contracts.GroupInformationBody("chess", ["a", "b"], "tag")),
    (contracts.GROUP_INFORMATION, contracts.GroupInformationBody(None, None, None)),
    (contracts.GROUP_MEMBERS, contracts.GroupMembersBody("chess", [], None)),
    (contracts.GROUP_USER, contracts.GroupUserBody("chess", "alice")),
    (contracts.GROUP_TAG, contracts.GroupTagBody("chess", None)),
    (contracts.GROUP_TAG_NOTICE, contracts.GroupTagNoticeBody("chess", "alice", "tag")),
    (contracts.GROUP_BROADCAST, contracts.GroupBroadcastBody(b"e4", "chess", 7, "")),
    (contracts.GROUP_OPERATOR, contracts.GroupOperatorBody("chess", None)),
    (contracts.GROUP_OWNER, contracts.GroupOwnerBody("chess", "alice")),
    (contracts.CREATE_GROUP, contracts.CreateGroupBody("chess", True, ["bob"], "tag")),
    (contracts.LIST_GROUPS, contracts.ListGroupsBody(None, 10, True, "c")),
    (contracts.GROUP_LIST, contracts.GroupListBody([contracts.GroupRow("chess", False, 2, "alice", "")], True)),
]


@pytest.mark.parametrize(("codec", "body"), ROUND_TRIPS, ids=lambda each: type(each).__name__)
def test_what_is_encoded_is_decoded(codec: Codec[Any], body: Any) -> None:
    assert codec.decode(codec.encode(body)) == body


NAMES: dict[type[Any], list[str]] = {
    contracts.GroupBody: ["GroupID"],
    contracts.GroupInformationBody: ["ID", "Members", "Tag"],
    contracts.GroupMembersBody: ["GroupID", "Members", "OperatorID"],
    contracts.GroupUserBody: ["GroupID", "UserID"],
    contracts.GroupTagBody: ["GroupID", "Tag"],
    contracts.GroupTagNoticeBody: ["GroupID", "OperatorID", "Tag"],
    contracts.GroupBroadcastBody: ["Content", "GroupID", "InformationType", "Tag"],
}


@pytest.mark.parametrize("body", NAMES, ids=lambda body: body.__name__)
def test_the_protocols_names_decide_the_order(body: type[Any]) -> None:
    shown = [row.field_name.removesuffix("[]") for row in describe(body)]
    assert sorted(NAMES[body], key=shown.index) == NAMES[body]


def test_a_notice_byte_by_byte() -> None:
    assert contracts.GROUP_USER.encode(contracts.GroupUserBody("go", "bob")).hex() == (
        "0d000000" + "02000000" + b"go".hex() + "03000000" + b"bob".hex()
    )


def test_a_refused_join_has_no_members() -> None:
    refused = contracts.GROUP_INFORMATION.encode(contracts.GroupInformationBody("go", None, None))
    assert refused.hex() == "0e000000" + "02000000" + b"go".hex() + "ffffffff" + "ffffffff"
