"""What clients of another make get to see of groups, and what becomes of bad input."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework import MessageType, limits
from esframework.managers.groups.contracts import (
    GROUP,
    GROUP_BROADCAST,
    GROUP_INFORMATION,
    GROUP_MEMBERS,
    GROUP_TAG,
    GROUP_TAG_NOTICE,
    NAMES,
    GroupBody,
    GroupBroadcastBody,
    GroupInformationBody,
    GroupMembersBody,
    GroupTagBody,
)
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer
from tests.unit.managers.groups.house import all_of, guarded, people, told

GENERATIONS = pytest.mark.parametrize("generation", [6, 7])


def foreign(network: MemoryNetwork, name: str, generation: int = 6, **more: Any) -> FramePeer:
    """A client of another make, logged on."""
    return FramePeer(network, f"4#{name}" if generation == 7 else name, generation=generation, **more).online()


def ask(peer: FramePeer, message_type: int, body: bytes = b"", **more: Any) -> bytes | None:
    """The body of the answer to a request, None when there is none."""
    peer.send(message_type, body, 77, **more)
    answers = [frame.body for frame in peer.take(message_type) if frame.message_id == 77]
    return answers[0] if answers else None


def join(peer: FramePeer, group_id: str | None) -> GroupInformationBody:
    answer = ask(peer, MessageType.JOIN_GROUP, GROUP.encode(GroupBody(group_id)))
    assert answer is not None
    return GROUP_INFORMATION.decode(answer)


def about(group_id: str, *members: str) -> bytes:
    # Whoever such a body says that it comes from: the server knows better.
    return GROUP_MEMBERS.encode(GroupMembersBody(group_id, list(members), "somebody"))


@GENERATIONS
@simulated
async def test_the_protocols_own_types_are_all_there(network: MemoryNetwork, generation: int) -> None:
    server = guarded(network)
    ann = foreign(network, "ann", generation)
    ben = foreign(network, "ben", 13 - generation)
    assert join(ann, "chess") == GroupInformationBody("chess", ["ann"], "")
    assert join(ben, "chess") == GroupInformationBody("chess", ["ann", "ben"], "")
    group = GROUP.encode(GroupBody("chess"))
    assert NAMES.decode(ask(ben, MessageType.MY_GROUPS) or b"") == ["chess"]
    assert NAMES.decode(ask(ben, MessageType.ONLINE_GROUPMATES, group) or b"") == ["ann"]
    assert NAMES.decode(ask(ben, MessageType.ONLINE_GROUPMATES) or b"") == ["ann"]
    information = GROUP_INFORMATION.decode(ask(ben, MessageType.GROUP_INFORMATION, group) or b"")
    assert information == GroupInformationBody("chess", ["ann", "ben"], "")
    ann.take()
    tag = GROUP_TAG.encode(GroupTagBody("chess", "fun"))
    assert ask(ann, MessageType.SET_GROUP_TAG, tag) is None, "what changes something is not confirmed"
    (notice,) = ben.take(MessageType.GROUP_TAG_CHANGED)
    changed = GROUP_TAG_NOTICE.decode(notice.body)
    assert (changed.group_id, changed.operator_id, changed.tag) == ("chess", "ann", "fun")
    assert ask(ben, MessageType.QUIT_GROUP, group) is None
    assert told(ann) == [(MessageType.SOMEONE_QUIT_GROUP, "chess", "ben")]
    assert await server.groups.members_of("chess") == ["ann"]


@GENERATIONS
@simulated
async def test_notices_have_the_bodies_of_the_protocol(network: MemoryNetwork, generation: int) -> None:
    guarded(network)
    ann, ben, cid = (foreign(network, name, generation) for name in ("ann", "ben", "cid"))
    for peer in (ann, ben):
        join(peer, "chess")
    assert told(ann) == [(MessageType.SOMEONE_JOINED_GROUP, "chess", "ben")]
    ann.send(MessageType.INVITE_TO_GROUP, about("chess", "cid"))
    ann.send(MessageType.PULL_INTO_GROUP, about("chess", "cid", "nobody"))
    ann.send(MessageType.REMOVE_FROM_GROUP, about("chess", "cid"))
    assert told(cid) == [
        (MessageType.INVITE_TO_GROUP, "chess", ["cid"], "ann"),
        (MessageType.PULLED_INTO_GROUP, "chess", ["cid"], "ann"),
        (MessageType.REMOVED_FROM_GROUP, "chess", ["cid"], "ann"),
    ]
    assert told(ben) == [
        (MessageType.SOMEONE_PULLED_IN, "chess", ["cid"], "ann"),
        (MessageType.SOMEONE_REMOVED, "chess", ["cid"], "ann"),
    ]
    assert told(ann) == []
    ben.stranger.transport.loseConnection()
    network.advance(1)
    assert told(ann) == [(MessageType.GROUPMATE_OFFLINE, "chess", "ben")]
    foreign(network, "ben", generation)
    network.advance(1)
    assert told(ann) == [(MessageType.GROUPMATE_ONLINE, "chess", "ben")]


@simulated
async def test_another_device_of_the_account_hears_what_the_first_did(network: MemoryNetwork) -> None:
    guarded(network)
    phone, desktop = foreign(network, "ann", 7), FramePeer(network, "9#ann", generation=7).online()
    join(phone, "chess")
    phone.send(MessageType.QUIT_GROUP, GROUP.encode(GroupBody("chess")))
    assert told(desktop) == [
        (MessageType.SELF_JOINED_GROUP, "chess", "ann"),
        (MessageType.SOMEONE_QUIT_GROUP, "chess", "ann"),
    ]
    assert told(phone) == []


@simulated
async def test_a_dissolved_group_looks_to_others_as_if_they_were_removed(network: MemoryNetwork) -> None:
    server = guarded(network)
    (alice,) = await people(network, "alice")
    ann = foreign(network, "ann")
    await alice.groups.create("chess", members=["ann"])
    ann.take()
    await alice.groups.dissolve("chess")
    network.settle()
    assert told(ann) == [(MessageType.REMOVED_FROM_GROUP, "chess", [], "alice")]
    assert server.groups.dynamic_groups() == []


@simulated
async def test_a_refused_join_or_question_is_answered_without_members(network: MemoryNetwork) -> None:
    server = guarded(network, join_creates=False)
    ann = foreign(network, "ann")
    assert join(ann, "chess") == GroupInformationBody("chess", None, None)
    assert join(ann, "_chess") == GroupInformationBody("_chess", None, None)
    assert join(ann, None) == GroupInformationBody(None, None, None)
    await server.groups.create("team", "zoe", stored=True)
    assert join(ann, "team").members is None
    group = GROUP.encode(GroupBody("team"))
    assert GROUP_INFORMATION.decode(ask(ann, MessageType.GROUP_INFORMATION, group) or b"").members is None
    assert NAMES.decode(ask(ann, MessageType.ONLINE_GROUPMATES, group) or b"?") == []
    assert server.refusals.counts["group_no_such_thing"] == 1
    assert server.refusals.counts["group_not_allowed"] == 3
    assert server.refusals.counts["group_invalid"] == 2
    assert ann.is_connected


@simulated
async def test_what_may_not_be_done_is_not_done_and_not_answered(network: MemoryNetwork) -> None:
    server = guarded(network)
    ann, ben = foreign(network, "ann"), foreign(network, "ben")
    join(ann, "chess")
    for message_type, body in (
        (MessageType.QUIT_GROUP, GROUP.encode(GroupBody("chess"))),
        (MessageType.PULL_INTO_GROUP, about("chess", "ben")),
        (MessageType.REMOVE_FROM_GROUP, about("chess", "ann")),
        (MessageType.INVITE_TO_GROUP, about("chess", "ann")),
        (MessageType.SET_GROUP_TAG, GROUP_TAG.encode(GroupTagBody("chess", "x"))),
    ):
        assert ask(ben, message_type, body) is None
    assert told(ann) == []
    assert await server.groups.members_of("chess") == ["ann"]


@pytest.mark.parametrize("to", ["_0", "_chess"])
@simulated
async def test_a_broadcast_of_this_kind_reaches_both_makes_like_any_other(network: MemoryNetwork, to: str) -> None:
    server = guarded(network)
    ann, ben = foreign(network, "ann"), foreign(network, "ben", 7)
    (alice,) = await people(network, "alice")
    for peer in (ann, ben):
        join(peer, "chess")
    await alice.groups.join("chess")
    heard, watched = all_of(alice.contacts), all_of(server.contacts)
    body = GROUP_BROADCAST.encode(GroupBroadcastBody(b"e4", "chess", 7, "tag"))
    ann.take()
    ann.send(MessageType.GROUP_BROADCAST, body, to=to)
    (frame,) = ben.take(MessageType.GROUP_BROADCAST)
    assert (frame.source, frame.target, frame.body) == ("ann", "_chess", body)
    assert ("broadcast_received", "ann", "chess", 7, b"e4", "tag") in heard
    assert ("broadcast_received", "ann", "chess", 7, b"e4", "tag") in watched
    assert ann.take() == []


@simulated
async def test_a_header_too_short_for_the_groups_name_carries_notices_and_no_broadcasts(network: MemoryNetwork) -> None:
    server = guarded(network)
    (alice,) = await people(network, "alice")
    ann = foreign(network, "ann", max_user_id=11)
    name = "a name of twenty by."
    assert join(ann, name).members == ["ann"]
    await alice.groups.join(name)
    assert (await alice.contacts.broadcast(name, 1, b"hello")).reached == 0  # type: ignore[union-attr]
    assert told(ann) == [(MessageType.SOMEONE_JOINED_GROUP, name, "alice")]
    assert server.refusals.counts["broadcast_does_not_fit"] == 1


@simulated
async def test_a_stranger_broadcasts_nothing_of_this_kind(network: MemoryNetwork) -> None:
    server = guarded(network)
    ann, ben = foreign(network, "ann"), foreign(network, "ben")
    join(ann, "chess")
    for group_id in ("chess", "nothing", None):
        ben.send(MessageType.GROUP_BROADCAST, GROUP_BROADCAST.encode(GroupBroadcastBody(b"", group_id, 1, None)))
    assert ann.take() == []
    assert server.refusals.counts["group_not_allowed"] == 1
    assert server.refusals.counts["group_no_such_thing"] == 2


# --- bad input --------------------------------------------------------------------------------------------------------
FORGED = [
    MessageType.SOMEONE_JOINED_GROUP,
    MessageType.REMOVED_FROM_GROUP,
    MessageType.GROUPMATE_OFFLINE,
    MessageType.SELF_JOINED_GROUP,
    MessageType.GROUP_DISSOLVED,
]


@simulated
async def test_nobody_forges_a_notice(network: MemoryNetwork) -> None:
    guarded(network)
    (alice,) = await people(network, "alice")
    mallory = foreign(network, "mallory")
    await alice.groups.create("chess")
    seen = all_of(alice.groups)
    for message_type in FORGED:
        for to in ("alice", "_0", "_chess"):
            mallory.send(message_type, about("chess", "alice"), to=to)
    assert seen == []


@simulated
async def test_our_own_types_are_not_for_clients_of_another_make(network: MemoryNetwork) -> None:
    server = guarded(network)
    mallory = foreign(network, "mallory")
    for message_type in (
        MessageType.CREATE_GROUP,
        MessageType.DISSOLVE_GROUP,
        MessageType.LIST_GROUPS,
        MessageType.REJOIN_GROUP,
    ):
        assert ask(mallory, message_type, b"") is None
    assert mallory.is_connected
    assert server.refusals.counts["own_type_of_foreign_client"] == 4


@simulated
async def test_broadcasts_that_are_refused_are_paced_as_other_requests_and_the_others_as_broadcasts(
    network: MemoryNetwork,
) -> None:
    server = guarded(network)
    ann, ben = foreign(network, "ann"), foreign(network, "ben")
    join(ann, "chess"), join(ben, "chess")
    for group_id in ("chess", "nowhere"):
        body = GROUP_BROADCAST.encode(GroupBroadcastBody(b"e4", group_id, 7, ""))
        for _ in range(2 * limits.GROUP_OPERATIONS_AT_ONCE):
            ann.stranger.write(ann.frame(MessageType.GROUP_BROADCAST, body))
        network.settle()
    assert len(ben.take(MessageType.GROUP_BROADCAST)) == 2 * limits.GROUP_OPERATIONS_AT_ONCE
    refused = server.refusals.counts
    assert refused["group_no_such_thing"] < limits.GROUP_OPERATIONS_AT_ONCE
    assert refused["group_too_fast"] + refused["group_no_such_thing"] == 2 * limits.GROUP_OPERATIONS_AT_ONCE


@simulated
async def test_broadcasts_that_wait_for_the_store_are_bounded(network: MemoryNetwork) -> None:
    stores = MemoryStores()
    waiting: list[Deferred[Any]] = []
    slow = SimpleNamespace(
        group=lambda group_id: waiting.append(Deferred()) or waiting[-1], groups_of=lambda user_id: succeed([])
    )
    stores.groups = slow  # type: ignore[assignment]
    server = guarded(network, stores=stores)
    ann = foreign(network, "ann")
    body = GROUP_BROADCAST.encode(GroupBroadcastBody(bytes(2**19), "club", 7, ""))
    for _ in range(40):
        ann.send(MessageType.GROUP_BROADCAST, body)
    assert len(waiting) == limits.BROADCAST_BYTES_WAITING // len(body)
    assert server.refusals.counts["group_busy"] == 40 - len(waiting) > 0
    for each in waiting:
        each.callback(None)
    ann.send(MessageType.GROUP_BROADCAST, body)
    assert len(waiting) == 1 + limits.BROADCAST_BYTES_WAITING // len(body)


@pytest.mark.parametrize("message_type", [*range(800, 805), 815, 817, 819])
@pytest.mark.parametrize(
    "body", [b"", b"\x05", b"\xff" * 40, b"\x08\0\0\0\xff\xff\xff\x7fabcd"], ids=["0", "1", "2", "3"]
)
@simulated
async def test_what_is_no_body_ends_its_sender(network: MemoryNetwork, message_type: int, body: bytes) -> None:
    guarded(network)
    mallory = foreign(network, "mallory")
    mallory.send(message_type, body, 1)
    assert not mallory.is_connected


@simulated
async def test_names_that_mean_something_to_databases_are_names(network: MemoryNetwork) -> None:
    server = guarded(network)
    alice, bob = await people(network, "alice", "bob")
    for name in ("'; DROP TABLE groups; --", "%_' OR 1=1", "x" * 36, "组"):
        await alice.groups.create(name, name, ["bob"])
        assert await bob.groups.my_groups() == [name]
        await alice.groups.dissolve(name)
        await alice.groups.create(name, name, ["bob"], stored=True)
        assert (await server.groups.group(name)).members == ("alice", "bob")  # type: ignore[union-attr]
        await alice.groups.dissolve(name)


@simulated
async def test_login_ids_name_their_users(network: MemoryNetwork) -> None:
    server = guarded(network)
    ann = foreign(network, "ann", 7)
    foreign(network, "ben", 7)
    join(ann, "chess")
    ann.send(MessageType.PULL_INTO_GROUP, about("chess", "4#ben", "ben"))
    assert await server.groups.members_of("chess") == ["ann", "ben"]
