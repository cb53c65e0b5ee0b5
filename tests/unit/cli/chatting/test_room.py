"""What a chat does with lines, and what it shows of what happens; on real engines, in memory."""

from __future__ import annotations

import pytest
from twisted.internet.defer import gatherResults

from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.visitor import Visitor
from esframework.cli.chatting.wishes import Help, Kick, Ping, Query, Say, To, Who
from esframework.client.engine import ClientEngine
from esframework.client.options import ClientOptions
from esframework.server.options import ServerOptions
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.chatting.notebook import Notebook, chat, visitor


async def two(network: MemoryNetwork) -> tuple[ChatRoom, Notebook, Notebook]:
    """Alice's room and screen, and bob's screen."""
    _, room, shown, shown_to_bob = await alices(network)
    return room, shown, shown_to_bob


async def alices(network: MemoryNetwork) -> tuple[ClientEngine, ChatRoom, Notebook, Notebook]:
    """The same, and alice's client."""
    network.server()
    _, shown_to_bob = await visitor(network, "bob")
    alice, shown = await visitor(network, "alice")
    return alice, ChatRoom(alice, shown), shown, shown_to_bob


@simulated
async def test_what_is_said_is_shown_at_the_other_and_nowhere_else(network: MemoryNetwork) -> None:
    room, shown, shown_to_bob = await two(network)
    await room.begin(Say("bob", "grüß dich"))
    assert shown_to_bob.entries == [("information", f"alice 0 {'grüß dich'.encode()!r}", {})]
    assert shown.entries == []
    assert room.failures == 0


@simulated
async def test_what_is_said_one_after_another_arrives_in_order_without_waiting(network: MemoryNetwork) -> None:
    room, _, shown_to_bob = await two(network)
    await gatherResults([room.begin(Say("bob", str(number))) for number in range(50)])
    assert shown_to_bob.texts("information") == [f"alice 0 {str(number).encode()!r}" for number in range(50)]


@simulated
async def test_what_fails_is_complained_about_and_counted(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    for wish in (Say("zed", "hello"), Query("zed", "hello"), Ping("zed"), Kick("zed"), Query(None, "hello")):
        await room.begin(wish)
    assert [kind for kind, _, _ in shown.entries] == ["complaint"] * 5
    assert shown.entries[0][1:] == (
        "zed is not online",
        {"error": "TargetAbsent", "to": "zed"},
    )
    assert shown.texts("complaint")[:4] == ["zed is not online"] * 4
    assert room.failures == 5


@simulated
async def test_a_line_that_means_nothing_is_a_failure(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    assert room.wish("hello") is None
    assert room.failures == 1
    assert len(shown.texts("complaint")) == 1


@simulated
async def test_a_recipient_stays_until_another_is_chosen(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(To("bob"))
    assert room.wish("hello") == Say("bob", "hello")
    await room.begin(To(None))
    assert room.wish("hello") is None
    assert len(shown.texts("answer")) == 2


@simulated
async def test_who_is_online_is_listed(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(Who())
    assert shown.entries == [("answer", "online: alice (you), bob", {"online": ["alice", "bob"]})]


@simulated
async def test_a_question_is_shown_and_answered_by_a_receipt(network: MemoryNetwork) -> None:
    room, shown, shown_to_bob = await two(network)
    await room.begin(Query("bob", "why?"))
    assert shown.texts("answer") == ["bob answers: the chat of bob received: why?"]
    assert shown_to_bob.texts("note") == ["alice asks: why?"]


@simulated
async def test_a_server_answers_what_its_handler_says(network: MemoryNetwork) -> None:
    class Server:
        def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
            return {b"capitals": b"CAPITALS", b"bytes": b"\xff"}.get(content or b"")

    network.server(Server())
    alice, shown = await visitor(network, "alice")
    room = ChatRoom(alice, shown)
    for question in ("capitals", "bytes", "nothing"):
        await room.begin(Query(None, question))
    assert shown.texts("answer") == [
        "server answers: CAPITALS",
        "server answers: (1 bytes)",
        "server answers: (nothing)",
    ]


@simulated
async def test_a_server_that_answers_nothing_is_explained(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(Query(None, "why?"))
    [complaint] = shown.texts("complaint")
    assert "esframework serve has none" in complaint


@simulated
async def test_without_a_connection_nothing_is_sent_and_that_is_said(network: MemoryNetwork) -> None:
    client, room, shown, _ = await alices(network)
    network.cut(client)
    for wish in (Say("bob", "hello"), Query("bob", "why?"), Ping(None), Who()):
        await room.begin(wish)
    assert shown.texts("complaint") == ["not connected; not sent"] * 4


@simulated
async def test_pings_are_measured(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(Ping(None))
    await room.begin(Ping("bob"))
    assert [facts["ping"] for _, _, facts in shown.entries] == [None, "bob"]
    assert all(text.endswith(" ms") for text in shown.texts("answer"))


@simulated
async def test_a_user_is_kicked_out(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(Kick("bob"))
    await room.begin(Who())
    assert shown.texts("answer") == ["bob was kicked out", "online: alice (you)"]


@simulated
async def test_a_refusal_is_told_by_its_reason_alone(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(open=False))
    await visitor(network, "bob")
    room, shown = await chat(network, "alice")
    await room.begin(Kick("bob"))
    assert shown.texts("complaint") == ["kick_out is not permitted to 'alice'"]


@simulated
async def test_help_tells_every_command(network: MemoryNetwork) -> None:
    room, shown, _ = await two(network)
    await room.begin(Help())
    text = "\n".join(shown.texts("answer"))
    assert all(command in text for command in ("NAME: TEXT", "/to", "/who", "/query", "/ping", "/kick", "/quit"))


@pytest.mark.parametrize("has_left", [False, True])
def test_a_lost_connection_and_its_return_are_told_until_one_leaves(has_left: bool) -> None:
    @simulated
    async def scene(network: MemoryNetwork) -> None:
        client, room, shown, _ = await alices(network)
        if has_left:
            room.leave()
        network.cut(client)
        while not client.connected:
            network.advance(1.0)
        told = [facts["event"] for _, _, facts in shown.entries]
        assert told == ([] if has_left else ["connection_interrupted", "rebuild_started", "relogon_completed"])

    scene()


@simulated
async def test_nothing_can_be_said_while_the_connection_is_lost(network: MemoryNetwork) -> None:
    network.server()
    notebook = Notebook()
    options = ClientOptions(auto_reconnect=False)
    alice = await network.client("alice", handler=Visitor("alice", notebook), options=options)
    room = ChatRoom(alice, notebook)
    network.cut(alice)
    network.settle()
    await room.begin(Say("bob", "hello"))
    assert room.failures == 1
    assert notebook.entries[-1][2]["error"] == "NotLoggedOn"
