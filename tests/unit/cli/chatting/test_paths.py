"""By which way a chat talks: opened by talking or on request, told in one line when it changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from esframework import ClientEngine, ClientOptions
from esframework.cli.chatting.paths import Paths
from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.visitor import Visitor
from esframework.cli.chatting.wishes import ListPaths, OpenPath, Say, ServerPath, To
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import P2PChannelMode
from tests.unit.cli.chatting.notebook import Notebook

ALICE, BOB = "10.0.0.1", "10.0.0.2"
DIRECT = "bob: direct (udp, 0.0 ms)"


class People:
    """Those who chat on one network, each on a machine of their own; the P2P server that they ask never answers."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.network = network
        self.rooms: list[ChatRoom] = []
        network.server()

    async def chatter(
        self, name: str, host: str, opens_channels: bool = True, **p2p: Any
    ) -> tuple[ClientEngine, ChatRoom, Notebook]:
        """One more of them."""
        notebook = Notebook()
        options = ClientOptions(p2p=ClientP2POptions(**{"server": "10.9.9.9:9901", "map_ports": False, **p2p}))
        client = await self.network.client(name, handler=Visitor(name, notebook), options=options, host=host)
        room = ChatRoom(client, notebook, opens_channels=opens_channels)
        self.rooms.append(room)
        return client, room, notebook


def chats(test: Callable[[People], Awaitable[None]]) -> Any:
    """A test of people who chat; all leave at its end."""

    @simulated
    async def running(network: MemoryNetwork) -> None:
        people = People(network)
        try:
            await test(people)
        finally:
            for room in people.rooms:
                room.leave()

    return running


def taken(notebook: Notebook) -> list[tuple[str, str]]:
    """What came since the last call, but for who came and went."""
    notebook.entries = [entry for entry in notebook.entries if "online" not in entry[2]]
    return notebook.take()


@chats
async def test_whoever_is_talked_to_is_reached_straight_soon_and_both_are_told_once(people: People) -> None:
    _, room, shown = await people.chatter("alice", ALICE)
    bob, _, shown_to_bob = await people.chatter("bob", BOB)
    await room.begin(To("bob"))
    assert room.way_to_recipient() == "by the server"
    await room.begin(Say("bob", "hello"))
    people.network.advance(3)
    await room.begin(Say("bob", "and again"))
    people.network.advance(3)
    assert taken(shown) == [("answer", "plain lines go to bob now"), ("note", DIRECT)]
    assert [text for kind, text in taken(shown_to_bob) if kind == "note"] == ["alice: direct (udp, 0.0 ms)"]
    assert room.way_to_recipient() == "direct (udp, 0.0 ms)"
    await bob.close()
    people.network.advance(3)
    assert taken(shown) == [("note", "bob: by the server again")]


@chats
async def test_a_pipe_opens_none_unless_it_is_asked_for(people: People) -> None:
    client, room, shown = await people.chatter("alice", ALICE, opens_channels=False)
    await people.chatter("bob", BOB)
    await room.begin(Say("bob", "hello"))
    people.network.advance(3)
    assert client.p2p.channel_states() == {}
    await room.begin(OpenPath("bob"))
    people.network.advance(3)
    (kind, text, facts), *more = [entry for entry in shown.entries if "online" not in entry[2]]
    assert (kind, text, more) == ("answer", DIRECT, [])
    assert (facts["user"], facts["way"], facts["rtt_ms"]) == ("bob", "udp", 0.0)
    assert str(facts["address"]).startswith(f"{BOB}:")


@chats
async def test_ways_are_listed(people: People) -> None:
    _, room, shown = await people.chatter("alice", ALICE)
    await people.chatter("bob", BOB)
    await room.begin(ListPaths())
    assert taken(shown) == [("answer", "everything goes by the server; /p2p NAME opens a channel")]
    await room.begin(OpenPath("bob"))
    taken(shown)
    await room.begin(ListPaths())
    ((_, text),) = taken(shown)
    assert text.startswith(f"{DIRECT}, {BOB}:")


@chats
async def test_who_wants_none_any_more_is_not_given_one_by_the_other_end(people: People) -> None:
    alice, room, shown = await people.chatter("alice", ALICE)
    _, at_bob, shown_to_bob = await people.chatter("bob", BOB)
    await room.begin(OpenPath("bob"))
    await room.begin(ServerPath("bob"))
    assert taken(shown)[-1] == ("answer", "bob: by the server")
    people.network.advance(1)
    taken(shown_to_bob)
    await at_bob.begin(OpenPath("alice"))
    ((kind, text),) = taken(shown_to_bob)
    assert kind == "complaint" and "wants none" in text
    await room.begin(Say("bob", "by the server, please"))
    people.network.advance(100)
    assert alice.p2p.channel_states() == {}
    await room.begin(OpenPath("bob"))
    assert taken(shown)[-1] == ("answer", DIRECT)


@chats
async def test_where_there_is_no_p2p_that_is_said_and_talking_is_as_ever(people: People) -> None:
    _, room, shown = await people.chatter("alice", ALICE, server=None)
    _, bobs_room, shown_to_bob = await people.chatter("bob", BOB, mode=P2PChannelMode.NONE)
    await room.begin(Say("bob", "hello"))
    assert taken(shown) == []
    await room.begin(OpenPath("bob"))
    assert taken(shown) == [("complaint", "this server offers no P2P; everything goes by the server")]
    assert [kind for kind, _ in taken(shown_to_bob)] == ["information"]
    await bobs_room.begin(OpenPath("alice"))
    assert taken(shown_to_bob) == [("complaint", "with --no-p2p everything goes by the server")]


@chats
async def test_somebody_who_cannot_be_reached_straight_is_no_complaint(people: People) -> None:
    _, room, shown = await people.chatter("alice", ALICE)
    await people.chatter("bob", BOB)
    people.network.datagrams.keep_apart(ALICE, BOB)
    await room.begin(Say("bob", "hello"))
    people.network.advance(30)
    assert taken(shown) == []


@chats
async def test_who_has_left_hears_of_no_ways(people: People) -> None:
    _, room, shown = await people.chatter("alice", ALICE)
    await people.chatter("bob", BOB)
    await room.begin(Say("bob", "hello"))
    people.network.advance(0.5)
    room.leave()
    people.network.advance(3)
    assert taken(shown) == []


@chats
async def test_to_nobody_and_to_a_group_there_is_no_way(people: People) -> None:
    client, room, notebook = await people.chatter("alice", ALICE)
    assert room.way_to_recipient() == ""
    await room.begin(To("#chess"))
    assert room.way_to_recipient() == ""
    assert Paths(client, notebook, True).way_to("bob") == "by the server"
