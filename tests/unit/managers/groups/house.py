"""What tests of groups share: a guarded server with people in it, and everything that happens written down."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientEngine, MessageType, ServerEngine, ServerOptions
from esframework.errors import NotDelivered, NotPermitted, RequestError
from esframework.managers.groups.contracts import GROUP_MEMBERS, GROUP_USER
from esframework.managers.groups.options import GroupsOptions
from esframework.plugins.hooks import Event
from esframework.testing import MemoryNetwork
from esframework.wire.types import RequestFailure
from tests.peers import FramePeer, Received, record

MEMBERS_TYPES = {
    MessageType.PULL_INTO_GROUP,
    MessageType.REMOVE_FROM_GROUP,
    MessageType.PULLED_INTO_GROUP,
    MessageType.REMOVED_FROM_GROUP,
    MessageType.SOMEONE_PULLED_IN,
    MessageType.SOMEONE_REMOVED,
    MessageType.INVITE_TO_GROUP,
}


def guarded(network: MemoryNetwork, *, permit: Any = None, stores: Any = None, **options: Any) -> ServerEngine:
    """A server on which `root` alone may do everything; `options` are those of groups."""
    choice = ServerOptions(open=False, administrators=frozenset({"root"}), groups=GroupsOptions(**options))
    return network.server(options=choice, permit=permit, stores=stores)


async def people(network: MemoryNetwork, *names: str) -> list[ClientEngine]:
    """Clients of ours, logged on."""
    return [await network.client(name) for name in names]


async def refusal(asked: Any) -> RequestFailure:
    """Why a request was not done."""
    with pytest.raises(RequestError) as caught:
        await asked
    if isinstance(caught.value, NotPermitted):
        return RequestFailure.NOT_ALLOWED
    assert isinstance(caught.value, NotDelivered), caught.value
    return RequestFailure(caught.value.reason)


async def friends(network: MemoryNetwork) -> tuple[ClientEngine, ClientEngine, ClientEngine]:
    """alice made the group `chess`, bob has joined it, carol has not."""
    alice, bob, carol = await people(network, "alice", "bob", "carol")
    await alice.groups.create("chess", "a game")
    await bob.groups.join("chess")
    network.settle()
    return alice, bob, carol


def all_of(facade: Any) -> list[tuple[Any, ...]]:
    """Everything that the events of a facade tell from now on."""
    return record(*[value for value in vars(facade).values() if isinstance(value, Event)])


def told(peer: FramePeer) -> list[tuple[Any, ...]]:
    """The notices that a foreign client got: type and body."""
    return [(frame.message_type, *_body(frame)) for frame in peer.take() if 805 <= frame.message_type <= 820]


def _body(frame: Received) -> tuple[Any, ...]:
    if frame.message_type in MEMBERS_TYPES:
        members = GROUP_MEMBERS.decode(frame.body)
        return members.group_id, members.members, members.operator_id
    user = GROUP_USER.decode(frame.body)
    return user.group_id, user.user_id
