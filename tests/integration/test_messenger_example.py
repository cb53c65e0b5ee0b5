"""The small messenger of examples/im does what its README says, as processes on loopback."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.example_programs import ExamplePrograms, types
from tests.integration.support import COMMAND, Child

pytestmark = pytest.mark.integration
PROGRAMS = ExamplePrograms("im")


@pytest_twisted.ensureDeferred
async def test_everybody_online_is_a_contact_and_who_is_talked_to_is_reached_straight(
    children: list[Child], free_port: int
) -> None:
    await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    await alice.shows(r"^\+ bob$")
    await bob.shows(r"^\+ alice$")
    types(alice, "/contacts")
    await alice.shows(r"^contacts: bob \(by the server\)$")
    types(alice, "bob: hello")
    for one, other in ((alice, "bob"), (bob, "alice")):
        await one.shows(f"^= {other}: direct, (tcp|udp)$")
    types(alice, "/contacts")
    await alice.shows(r"^contacts: bob \(direct, (tcp|udp)\)$")
    types(bob, "/quit")
    assert await bob.over() == 0
    await alice.shows("^- bob$")


@pytest_twisted.ensureDeferred
async def test_contacts_chat_shake_and_ask_the_server(children: list[Child], free_port: int) -> None:
    server = await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    types(alice, "bob: 你好, bob")
    await bob.shows("^alice: 你好, bob$")
    types(alice, "/shake bob")
    await bob.shows("alice shakes your window")
    types(alice, "/ask how are you")
    await alice.shows("^server: the server has received: how are you$")
    await server.shows("^alice asks: how are you$")
    types(alice, "zed: hello")
    await alice.shows("^! zed is not online; not sent$")
    types(alice, "/shake zoe")
    await alice.shows("^! zoe is not online; not sent$")
    types(alice, "/shake")
    await alice.shows("^! NAME: TEXT")
    assert await alice.end(signal.SIGINT) == 0
    assert "lost" not in alice.shown


@pytest_twisted.ensureDeferred
async def test_files_and_folders_are_offered_and_taken_or_refused(
    children: list[Child], free_port: int, tmp_path: Path
) -> None:
    await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    folder, inbox = tmp_path / "holidays", tmp_path / "inbox"
    folder.mkdir()
    inbox.mkdir()
    (folder / "film").write_bytes(os.urandom(1_000_000))
    types(alice, f"/send bob {folder}")
    await bob.shows("^> alice offers 'holidays', 1000000 bytes: /take alice or /refuse alice$")
    types(bob, f"/take alice {inbox}")
    await bob.shows("^> 'holidays' from alice is through$")
    await alice.shows("^> 'holidays' to bob is through$")
    assert (inbox / "holidays" / "film").read_bytes() == (folder / "film").read_bytes()
    types(alice, f"/send bob {folder / 'film'}")
    await bob.shows("offers 'film'")
    types(bob, "/refuse alice")
    await alice.shows(r"^> 'film' to bob was interrupted \(REJECTED\): not now$")
    types(alice, f"/send bob {folder / 'film'}")
    await bob.shows("offers 'film'", times=2)
    types(alice, "/stop bob")
    await bob.shows(r"^> 'film' from alice was interrupted \(CANCELLED_BY_OTHER\): the window was closed$")
    types(bob, "/take alice")
    await bob.shows("^! alice offers nothing$")
    types(alice, "/send bob /nothing/is/here")
    await alice.shows("^! .*No such file or directory")


@pytest_twisted.ensureDeferred
async def test_a_second_log_on_pushes_the_first_out(children: list[Child], free_port: int) -> None:
    await PROGRAMS.server_at(children, free_port)
    first = await PROGRAMS.client_at(children, "bob", free_port)
    await PROGRAMS.client_at(children, "bob", free_port)
    await first.shows("you logged on elsewhere")
    assert await first.over() == 0


@pytest_twisted.ensureDeferred
async def test_clients_come_back_when_the_server_does(children: list[Child], free_port: int) -> None:
    server = await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    assert await server.end(signal.SIGINT) == 0
    await alice.shows("the connection is lost")
    types(alice, "bob: are you there")
    await alice.shows("^! not connected; not sent$")
    await PROGRAMS.server_at(children, free_port)
    await alice.shows("logged on again")
    await bob.shows("logged on again")
    types(bob, "alice: here we are")
    await alice.shows("^bob: here we are$")


@pytest_twisted.ensureDeferred
async def test_the_messenger_and_the_chat_talk_to_each_other(children: list[Child], free_port: int) -> None:
    await PROGRAMS.server_at(children, free_port)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    chat = Child([*COMMAND, "chat", f"bob@127.0.0.1:{free_port}"], {"ESFRAMEWORK_PASSWORD": ""})
    children.append(chat)
    types(chat, "alice: from the chat")
    await alice.shows("^bob: from the chat$")
    types(alice, "bob: from the messenger")
    await chat.shows("^alice: from the messenger$")
    types(chat, "/query server anybody there")
    await chat.shows("server answers: the server has received: anybody there")


@pytest_twisted.ensureDeferred
async def test_without_a_server_a_client_says_so(children: list[Child], free_port: int) -> None:
    alice = PROGRAMS.runs(children, "client.py", "alice", "127.0.0.1", str(free_port))
    assert await alice.over() == 1
    assert "cannot connect" in alice.shown


@pytest_twisted.ensureDeferred
async def test_without_a_name_a_client_says_how_it_is_used(children: list[Child]) -> None:
    client = PROGRAMS.runs(children, "client.py")
    assert await client.over() == 1
    assert client.shown.strip() == "usage: python client.py ME [HOST] [PORT]"
