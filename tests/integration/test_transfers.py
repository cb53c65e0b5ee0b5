"""`esframework send` and `receive`: real processes, a real server, plugs that are pulled."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.conftest import require
from tests.integration.support import Child, Daemon
from tests.integration.test_offline import PASSWORD as ACCOUNT_PASSWORD
from tests.integration.test_offline import add_accounts
from tests.integration.test_programs import Program, Terminal, at, chatting

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]

FILM = 8_000_000
PACE = "2M"
"""Bytes a second: slow enough for a plug to be pulled in the middle."""


@pytest.fixture
def holidays(tmp_path: Path) -> Path:
    """A folder to send."""
    folder = tmp_path / "alice" / "holidays"
    (folder / "rome" / "empty").mkdir(parents=True)
    (folder / "film").write_bytes(os.urandom(FILM))
    for name, content in (("1.jpg", b"one"), ("没有", b""), ("run.sh", b"#!/bin/sh\n")):
        (folder / "rome" / name).write_bytes(content)
    (folder / "rome" / "run.sh").chmod(0o755)
    return folder


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    """Where bob receives."""
    return tmp_path / "inbox"


def tree_of(folder: Path) -> dict[str, tuple[bytes | None, int, bool]]:
    """All that is in a folder: contents, times and executable bits."""
    found: dict[str, tuple[bytes | None, int, bool]] = {}
    for path in sorted(folder.rglob("*")):
        state = path.stat()
        name = str(path.relative_to(folder))
        if path.is_dir():
            found[name] = (None, 0, False)
        else:
            found[name] = (path.read_bytes(), state.st_mtime_ns, bool(state.st_mode & 0o100))
    return found


class Transfers:
    """Alice and bob at one daemon; programs end with the test."""

    def __init__(self, daemon: Daemon, children: list[Child], inbox: Path, state: Path) -> None:
        self.daemon = daemon
        self._children = children
        self._inbox = inbox
        self._state = state

    def send(self, path: Path, *options: str) -> Program:
        """Alice sends to bob."""
        return Program(self._children, "send", str(path), "bob", "--as", at(self.daemon, "alice"), *options)

    def receiving(self, *options: str, program: type[Any] = Program) -> Any:
        """Bob receives."""
        place = ("--into", str(self._inbox), "--state", str(self._state))
        return program(self._children, "receive", at(self.daemon, "bob"), *place, *options)

    async def receive(self, *options: str, program: type[Any] = Program) -> Any:
        """Bob's program, when it is ready."""
        receiving = self.receiving(*options, program=program)
        await receiving.shows("waiting for what is sent|\"event\": \"ready\"")
        return receiving


@pytest_twisted.async_yield_fixture()
async def transfers(start: Start, children: list[Child], inbox: Path, tmp_path: Path) -> Any:
    daemon = await start("--open").ready()
    yield Transfers(daemon, children, inbox, tmp_path / "state")


def events(program: Program) -> list[dict[str, Any]]:
    """What a program told a script."""
    return [json.loads(line) for line in program.out.splitlines()]


@pytest_twisted.ensureDeferred
async def test_a_folder_arrives_as_it_is(transfers: Transfers, holidays: Path, inbox: Path) -> None:
    bob = await transfers.receive("--yes", "--once")
    alice = transfers.send(holidays, "--comment", "at last")
    assert await alice.over() == 0
    assert await bob.over() == 0
    assert tree_of(inbox / "holidays") == tree_of(holidays)
    assert os.listdir(inbox) == ["holidays"]
    assert alice.out.startswith("sent holidays/ to bob: 4 files, 8.0 MB")
    assert bob.out.startswith("received holidays/ from alice: 4 files, 8.0 MB")


@pytest_twisted.ensureDeferred
async def test_several_go_one_after_the_other(
    transfers: Transfers, holidays: Path, inbox: Path, children: list[Child]
) -> None:
    bob = await transfers.receive("--yes")
    film, folder = str(holidays / "film"), str(holidays / "rome")
    alice = Program(children, "send", film, folder, "bob", "--as", at(transfers.daemon, "alice"), "--json", "--quiet")
    assert await alice.over() == 0
    assert [(told["event"], told["name"]) for told in events(alice)] == [
        *((event, "film") for event in ("offered", "started", "completed")),
        *((event, "rome") for event in ("offered", "started", "completed")),
    ]
    assert sorted(os.listdir(inbox)) == ["film", "rome"]
    assert await bob.end(signal.SIGINT) == 130


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_is_killed_goes_on_when_it_is_started_again(
    transfers: Transfers, holidays: Path, inbox: Path
) -> None:
    bob = await transfers.receive("--yes", "--json")
    alice = transfers.send(holidays, "--rate-limit", PACE, "--json")
    await alice.shows('"event": "progress"', times=2)
    await bob.end(signal.SIGKILL)
    await alice.shows('"event": "waiting"')
    assert not (inbox / "holidays").exists()
    again = await transfers.receive("--yes", "--once", "--json")
    assert await alice.over() == 0
    assert await again.over() == 0
    [resumed] = [told for told in events(again) if told["event"] == "resumed"]
    assert resumed["skipped"] > 0
    assert tree_of(inbox / "holidays") == tree_of(holidays)
    assert os.listdir(inbox) == ["holidays"]


@pytest_twisted.ensureDeferred
async def test_the_same_command_goes_on_after_ctrl_c(transfers: Transfers, holidays: Path, inbox: Path) -> None:
    bob = await transfers.receive("--yes", "--json")
    alice = transfers.send(holidays, "--rate-limit", PACE, "--json")
    await alice.shows('"event": "progress"', times=2)
    assert await alice.end(signal.SIGINT) == 130
    await bob.shows('"reason": "cancelled_by_other"')
    assert not (inbox / "holidays").exists()
    again = transfers.send(holidays, "--json")
    assert await again.over() == 0
    [resumed] = [told for told in events(again) if told["event"] == "resumed"]
    assert resumed["skipped"] > 0
    assert tree_of(inbox / "holidays") == tree_of(holidays)


@pytest_twisted.ensureDeferred
async def test_ctrl_c_at_the_receiver_is_told_to_the_sender_and_keeps_what_has_come(
    transfers: Transfers, holidays: Path, inbox: Path
) -> None:
    bob = await transfers.receive("--yes")
    alice = transfers.send(holidays, "--rate-limit", PACE, "--json")
    await alice.shows('"event": "progress"', times=2)
    assert await bob.end(signal.SIGINT) == 130
    assert await alice.over() == 1
    assert events(alice)[-1]["event"] == "failed"
    await transfers.receive("--yes", "--once")
    again = transfers.send(holidays, "--json")
    assert await again.over() == 0
    assert [told["skipped"] > 0 for told in events(again) if told["event"] == "resumed"] == [True]
    assert tree_of(inbox / "holidays") == tree_of(holidays)


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_restarted_is_waited_for(
    start: Start, children: list[Child], holidays: Path, inbox: Path, tmp_path: Path, free_port: int
) -> None:
    data, listen = tmp_path / "data", f"tcp:{free_port}:interface=127.0.0.1"
    daemon = await start("--open", data=data, listen=listen).ready()
    transfers = Transfers(daemon, children, inbox, tmp_path / "state")
    bob = await transfers.receive("--yes", "--once")
    alice = transfers.send(holidays, "--rate-limit", PACE, "--json", "--no-p2p")
    await alice.shows('"event": "progress"', times=2)
    await daemon.end(signal.SIGKILL)
    await alice.shows('"event": "connection_interrupted"')
    await start("--open", data=data, listen=listen).ready()
    assert await alice.over() == 0
    assert await bob.over() == 0
    assert tree_of(inbox / "holidays") == tree_of(holidays)


@pytest_twisted.ensureDeferred
async def test_what_goes_by_a_channel_needs_no_server_any_more(
    transfers: Transfers, holidays: Path, inbox: Path
) -> None:
    bob = await transfers.receive("--yes", "--once")
    alice = transfers.send(holidays, "--rate-limit", PACE, "--json")
    await alice.shows('"event": "progress".*"way": "tcp"')
    await transfers.daemon.end(signal.SIGKILL)
    assert await alice.over() == 0
    assert await bob.over() == 0
    assert tree_of(inbox / "holidays") == tree_of(holidays)


@pytest_twisted.ensureDeferred
async def test_who_is_asked_may_refuse(transfers: Transfers, holidays: Path, inbox: Path) -> None:
    bob = await transfers.receive(program=Terminal)
    alice = transfers.send(holidays / "film", "--comment", "\x1b[31mred")
    await bob.shows(r"alice offers film \(8.0 MB\): \\u001b\[31mred")
    await bob.shows(r"\[y/N\] ")
    bob.types("n")
    assert await alice.over() == 4
    assert "bob refused it: not wanted" in alice.err
    again = transfers.send(holidays / "film")
    await bob.shows(r"\[y/N\] ", times=2)
    bob.types("y")
    assert await again.over() == 0
    assert (inbox / "film").read_bytes() == (holidays / "film").read_bytes()
    bob.presses("\x03")
    assert await bob.over() == 130


@pytest_twisted.ensureDeferred
async def test_what_is_there_is_replaced_only_when_asked_to(
    transfers: Transfers, holidays: Path, inbox: Path
) -> None:
    inbox.mkdir()
    (inbox / "film").write_bytes(b"mine")
    bob = await transfers.receive("--yes")
    alice = transfers.send(holidays / "film")
    assert await alice.over() == 4
    assert "there already" in alice.err
    assert (inbox / "film").read_bytes() == b"mine"
    await bob.end(signal.SIGINT)
    bob = await transfers.receive("--yes", "--once", "--replace")
    assert await transfers.send(holidays / "film").over() == 0
    assert (inbox / "film").read_bytes() == (holidays / "film").read_bytes()


@pytest_twisted.ensureDeferred
async def test_others_than_those_named_are_refused(transfers: Transfers, holidays: Path) -> None:
    await transfers.receive("--yes", "--from", "carol")
    alice = transfers.send(holidays / "film")
    assert await alice.over() == 4
    assert "nothing is received from you here" in alice.err


@pytest_twisted.ensureDeferred
async def test_who_is_away_is_told_of_and_waited_for_only_when_asked_to(
    transfers: Transfers, holidays: Path, inbox: Path
) -> None:
    alice = transfers.send(holidays / "film")
    assert await alice.over() == 1
    assert alice.err.startswith("esframework: bob is not online")
    patient = transfers.send(holidays / "film", "--wait", "30")
    await patient.shows("waiting up to 0:30 for bob")
    await transfers.receive("--yes", "--once")
    assert await patient.over() == 0
    assert (inbox / "film").exists()


@pytest_twisted.ensureDeferred
async def test_a_terminal_shows_bars(transfers: Transfers, holidays: Path, children: list[Child]) -> None:
    require("rich", "bars are drawn with it")
    await transfers.receive("--yes", "--once")
    account = at(transfers.daemon, "alice")
    alice = Terminal(children, "send", str(holidays), "bob", "--as", account, "--rate-limit", "6M")
    await alice.shows(r"holidays/ to bob ━+.* \d+ %, .* of 8\.0 MB, .*/s, \d:\d\d left")
    await alice.shows(r"sent holidays/ to bob: 4 files, 8\.0 MB")
    assert await alice.over() == 0


@pytest_twisted.ensureDeferred
async def test_what_is_left_with_the_server_survives_its_end_and_waits_for_the_receiver(
    start: Start, children: list[Child], holidays: Path, inbox: Path, tmp_path: Path
) -> None:
    data = tmp_path / "data"
    await add_accounts(data, "alice", "bob")
    daemon = await start(data=data).ready()
    film = str(holidays / "film")
    to_bob = ("send", film, "bob", "--as", at(daemon, "alice"), "--offline", "--comment", "for later")
    alice = Program(children, *to_bob, password=ACCOUNT_PASSWORD)
    assert await alice.over() == 0
    assert "bob is not online; the server keeps film for bob" in alice.err
    await daemon.end(signal.SIGKILL)
    daemon = await start(data=data).ready()
    place = ("--into", str(inbox), "--state", str(tmp_path / "state"))
    bob = Terminal(children, "receive", at(daemon, "bob"), *place, "--once", password=ACCOUNT_PASSWORD)
    await bob.shows(r"alice left film \(8\.0 MB\) for you at .*: for later")
    await bob.shows(r"\[y/n\] ")
    bob.types("y")
    await bob.shows("received film from alice: 8.0 MB")
    assert await bob.over() == 0
    assert (inbox / "film").read_bytes() == Path(film).read_bytes()


@pytest_twisted.ensureDeferred
async def test_chats_send_files_too(transfers: Transfers, holidays: Path, inbox: Path, children: list[Child]) -> None:
    bob = await chatting(children, transfers.daemon, "bob")
    alice = await chatting(children, transfers.daemon, "alice")
    alice.types(f"/send bob {holidays}", "bob: did you get it?")
    await bob.shows(r"^alice offers holidays/ \(4 files, 8\.0 MB\) \(/receive alice, /decline alice\)$")
    await bob.shows(r"^alice: did you get it\?$")
    bob.types(f"/receive alice {inbox}")
    assert await alice.finishes() == 0
    await bob.shows(r"^received holidays/ from alice: 4 files, 8\.0 MB, by the server$")
    assert tree_of(inbox / "holidays") == tree_of(holidays)
