"""The client's half towards a server of another make."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from esframework import ClientEngine, MessageType
from esframework.errors import NotDelivered, NotLoggedOn, NotPermitted
from esframework.managers.groups.contracts import (
    GROUP,
    GROUP_BROADCAST,
    GROUP_INFORMATION,
    GROUP_MEMBERS,
    NAMES,
    GroupBroadcastBody,
    GroupInformation,
    GroupInformationBody,
    GroupMembersBody,
)
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import LOG_ON_REPLY, LogOnReplyBody
from esframework.wire.frames import FrameDecoder, default_layout
from esframework.wire.profile import GENERATION_6
from esframework.wire.types import SERVER_ID
from tests.unit.managers.groups.house import all_of

LAYOUT = default_layout(GENERATION_6, 36)


class OtherServer(Protocol):
    """A server of another make: it knows the protocol's types and confirms nothing."""

    def __init__(self) -> None:
        self.frames = FrameDecoder(LAYOUT)
        self.got: list[tuple[int, bytes]] = []
        self.refuses = False

    def dataReceived(self, data: bytes) -> None:
        for message_type, message_id, _, _, raw in self.frames.feed(data):
            body = raw[LAYOUT.header_size :]
            if message_type != MessageType.HEARTBEAT:
                self.got.append((message_type, body))
            answer = self.answer(message_type, body)
            if answer is not None:
                self.say(message_type, answer, message_id)

    def answer(self, message_type: int, body: bytes) -> bytes | None:
        if message_type == MessageType.LOG_ON:
            return LOG_ON_REPLY.encode(LogOnReplyBody(None, True, 0, False, False))
        if message_type in (MessageType.JOIN_GROUP, MessageType.GROUP_INFORMATION):
            group_id = GROUP.decode(body).group_id
            members = None if self.refuses else ["alice", "bob"]
            return GROUP_INFORMATION.encode(GroupInformationBody(group_id, members, None))
        return NAMES.encode(["chess"]) if message_type == MessageType.MY_GROUPS else None

    def say(self, message_type: int, body: bytes, message_id: int = 0, source: str = SERVER_ID) -> None:
        frame = LAYOUT.encode(message_type, body, LAYOUT.field(source), LAYOUT.field("alice"), message_id)
        assert self.transport is not None
        self.transport.write(frame)

    def types(self) -> list[int]:
        """The types that came since the last call."""
        types = [message_type for message_type, _ in self.got]
        self.got.clear()
        return types


async def with_other_server(network: MemoryNetwork) -> tuple[ClientEngine, list[OtherServer]]:
    """alice at a server of another make, and its connections."""
    connections: list[OtherServer] = []

    class Connections(Factory[Any]):
        noisy = False

        def buildProtocol(self, addr: Any) -> OtherServer:
            connections.append(OtherServer())
            return connections[-1]

    port = await network.server_endpoint().listen(Connections())
    alice = await network.client("alice")
    connections[0].types()
    alice.closed.subscribe(port.stopListening)
    return alice, connections


@simulated
async def test_what_the_protocol_answers_is_answered(network: MemoryNetwork) -> None:
    alice, (server,) = await with_other_server(network)
    assert await alice.groups.join("chess") == GroupInformation("chess", ["alice", "bob"], "")
    assert await alice.groups.information("chess") == GroupInformation("chess", ["alice", "bob"], "")
    assert await alice.groups.my_groups() == ["chess"]
    server.refuses = True
    with pytest.raises(NotPermitted, match="the server refused join group of 'go'"):
        await alice.groups.join("go")


@simulated
async def test_what_is_not_confirmed_is_sent_and_taken_for_done(network: MemoryNetwork) -> None:
    alice, (server,) = await with_other_server(network)
    assert await alice.groups.pull_in("chess", ["bob"]) == ["bob"]
    assert await alice.groups.remove("chess", ["bob"]) == ["bob"]
    assert await alice.groups.invite("chess", ["bob"]) == ["bob"]
    await alice.groups.set_tag("chess", "fun")
    await alice.groups.quit("chess")
    network.settle()
    assert GROUP_MEMBERS.decode(server.got[0][1]) == GroupMembersBody("chess", ["bob"], "alice")
    assert server.types() == [803, 804, 817, 815, 802]


@simulated
async def test_what_only_our_servers_can_is_not_sent(network: MemoryNetwork) -> None:
    alice, (server,) = await with_other_server(network)
    for asked in (
        alice.groups.create("chess"),
        alice.groups.dissolve("chess"),
        alice.groups.set_owner("chess", "bob"),
        alice.groups.list_groups(),
    ):
        with pytest.raises(NotDelivered, match="this server does not serve 'groups'"):
            await asked
    network.settle()
    assert server.types() == []


@simulated
async def test_groups_are_joined_again_there_too(network: MemoryNetwork) -> None:
    alice, servers = await with_other_server(network)
    for name in ("chess", "go", "tennis"):
        await alice.groups.join(name)
    await alice.groups.quit("go")
    happened = all_of(alice.groups)
    network.cut(alice)
    network.advance(10)
    assert happened == [("groups_rejoined", ["chess", "tennis"], [])]
    assert servers[-1].types() == [112, 801, 801]


@simulated
async def test_broadcasts_and_invitations_of_that_make_are_heard(network: MemoryNetwork) -> None:
    alice, (server,) = await with_other_server(network)
    heard, happened = all_of(alice.contacts), all_of(alice.groups)
    server.say(
        MessageType.GROUP_BROADCAST, GROUP_BROADCAST.encode(GroupBroadcastBody(b"e4", "chess", 7, None)), 0, "bob"
    )
    invitation = GROUP_MEMBERS.encode(GroupMembersBody("chess", ["alice"], "bob"))
    server.say(MessageType.INVITE_TO_GROUP, invitation)
    server.say(MessageType.INVITE_TO_GROUP, invitation, 0, "mallory")
    network.settle()
    assert heard == [("broadcast_received", "bob", "chess", 7, b"e4", None)]
    assert happened == [("invited", "chess", "bob")]


@simulated
async def test_without_a_session_nothing_is_asked(network: MemoryNetwork) -> None:
    network.server()
    client = network.new_client()
    for ask in (client.groups.my_groups, client.groups.list_groups):
        with pytest.raises(NotLoggedOn):
            ask()
