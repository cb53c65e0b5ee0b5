"""Files in a chat: offered, taken, declined, stopped; on real engines, in memory, with real folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.wishes import DeclineFile, ListFiles, ReceiveFile, SendFile, StopFiles
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.chatting.notebook import Notebook, chat, visitor
from tests.unit.cli.transferring.people import keeping_server


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film"
    path.write_bytes(bytes(3_400_000))
    return path


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    return tmp_path / "inbox"


async def two(network: MemoryNetwork) -> tuple[ChatRoom, Notebook, ChatRoom, Notebook]:
    """Alice and bob."""
    network.server()
    alice, shown = await chat(network, "alice")
    bob, shown_to_bob = await chat(network, "bob")
    network.advance(1.0)
    shown.take()
    shown_to_bob.take()
    return alice, shown, bob, shown_to_bob


@simulated
async def test_what_is_offered_is_shown_and_taken(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    alice, shown, bob, shown_to_bob = await two(network)
    sending = alice.begin(SendFile("bob", str(film)))
    network.settle()
    assert shown.take() == [("note", "offered film (3.4 MB) to bob")]
    assert shown_to_bob.take() == [("note", "alice offers film (3.4 MB) (/receive alice, /decline alice)")]
    await bob.begin(ListFiles())
    assert shown_to_bob.take() == [("answer", "alice offers film (3.4 MB)")]
    await bob.begin(ReceiveFile("alice", str(inbox)))
    await sending
    assert (inbox / "film").read_bytes() == film.read_bytes()
    assert shown.take() == [("note", "sent film to bob: 3.4 MB, by the server")]
    assert shown_to_bob.take() == [("note", "received film from alice: 3.4 MB, by the server")]
    assert alice.failures == bob.failures == 0
    await bob.begin(ListFiles())
    assert shown_to_bob.take() == [("answer", "nothing is offered, and nothing under way")]


@simulated
async def test_what_is_declined_is_told_with_the_reason(network: MemoryNetwork, film: Path) -> None:
    alice, shown, bob, _ = await two(network)
    sending = alice.begin(SendFile("bob", str(film)))
    network.settle()
    await bob.begin(DeclineFile("alice", "too large"))
    await sending
    assert shown.texts("complaint") == ["film to bob was interrupted: bob refused it: too large"]
    assert (alice.failures, bob.failures) == (1, 0)
    await bob.begin(DeclineFile("alice"))
    assert bob.failures == 1


@simulated
async def test_what_is_stopped_before_it_was_taken_is_withdrawn(network: MemoryNetwork, film: Path) -> None:
    alice, _, bob, shown_to_bob = await two(network)
    sending = alice.begin(SendFile("bob", str(film)))
    network.settle()
    await alice.begin(StopFiles("bob"))
    await sending
    network.settle()
    assert shown_to_bob.texts("note")[-1].startswith("film from alice was interrupted: alice cancelled it")
    await bob.begin(ReceiveFile("alice"))
    assert shown_to_bob.texts("complaint") == ["alice offers nothing"]


@simulated
async def test_what_cannot_be_sent_is_a_complaint(network: MemoryNetwork, tmp_path: Path, film: Path) -> None:
    alice, shown, _, _ = await two(network)
    await alice.begin(SendFile("bob", str(tmp_path / "nothing")))
    await alice.begin(SendFile("zed", str(film)))
    missing, gone = shown.texts("complaint")
    assert missing == f"{tmp_path / 'nothing'}: No such file or directory"
    assert gone == "film to zed was interrupted: zed is gone"
    assert alice.failures == 2


@simulated
async def test_nothing_is_replaced(network: MemoryNetwork, film: Path, inbox: Path) -> None:
    alice, _, bob, shown_to_bob = await two(network)
    inbox.mkdir()
    (inbox / "film").write_bytes(b"mine")
    alice.begin(SendFile("bob", str(film)))
    network.settle()
    await bob.begin(ReceiveFile("alice", str(inbox)))
    assert "is there already" in shown_to_bob.texts("complaint")[0]
    assert (inbox / "film").read_bytes() == b"mine"
    # The offer stays open.
    await bob.begin(ReceiveFile("alice", str(inbox / "other")))
    assert (inbox / "other" / "film").read_bytes() == film.read_bytes()


@simulated
async def test_names_of_others_steer_no_terminal(network: MemoryNetwork, tmp_path: Path) -> None:
    alice, _, _, shown_to_bob = await two(network)
    hostile = tmp_path / "\x1b[31mred"
    hostile.write_bytes(b"")
    alice.begin(SendFile("bob", str(hostile)))
    network.settle()
    assert shown_to_bob.take() == [
        ("note", "alice offers \\u001b[31mred (0 bytes) (/receive alice, /decline alice)")
    ]


@simulated
async def test_what_waited_is_taken_from_whoever_left_it(
    network: MemoryNetwork, film: Path, inbox: Path, tmp_path: Path
) -> None:
    keeping_server(network, tmp_path)
    alice = await network.client("alice")
    leaving = await alice.offline_files.send("bob", film)
    await leaving.done()
    client, shown_to_bob = await visitor(network, "bob")
    bob = ChatRoom(client, shown_to_bob)
    await client.offline_files.ready()
    network.advance(1.0)
    assert "alice left film (3.4 MB) (/receive alice, /decline alice)" in shown_to_bob.texts("note")
    await bob.begin(ReceiveFile("alice", str(inbox)))
    assert (inbox / "film").read_bytes() == film.read_bytes()
    assert "received film from alice: 3.4 MB" in shown_to_bob.texts("note")
