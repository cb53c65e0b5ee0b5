"""`esframework p2p answer` and `p2p test` in two processes, and `esframework nat`, by a server in a third."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.support import COMMAND, Child, Daemon

pytestmark = pytest.mark.integration
SIZE = 20_000_000
OPEN = {"ESFRAMEWORK_PASSWORD": ""}


def program(children: list[Child], *arguments: str) -> Child:
    """A program of the command line, which ends with the test."""
    child = Child([*COMMAND, *arguments], OPEN)
    children.append(child)
    return child


async def answering(children: list[Child], daemon: Daemon, *arguments: str) -> Child:
    """Bob, who answers tests."""
    bob = program(children, "p2p", "answer", f"bob@127.0.0.1:{daemon.port}", *arguments)
    await bob.shows("^answering tests as bob")
    return bob


def types(child: Child, line: str) -> None:
    """Types a line into a program on pipes."""
    child.process.write(line.encode() + b"\n")


def result_of(child: Child) -> dict[str, Any]:
    """The one object that a test prints."""
    lines = [line for line in child.shown.splitlines() if line.startswith("{")]
    assert len(lines) == 1, child.shown
    return dict(json.loads(lines[0]))


@pytest.mark.parametrize("mode", ["tcp", "udp"])
@pytest_twisted.ensureDeferred
async def test_a_channel_between_two_processes_is_opened_and_measured(
    mode: str, start: Callable[..., Daemon], children: list[Child]
) -> None:
    daemon = await start("--open").ready()
    bob = await answering(children, daemon)
    alice = program(children, "p2p", "test", "bob", "--as", f"alice@127.0.0.1:{daemon.port}", "--mode", mode, "--json")
    assert await alice.over() == 0, alice.shown
    result = result_of(alice)
    assert (result["protocol"], result["bytes"], result["cause"]) == (mode, SIZE, None)
    assert [each["protocol"] for each in result["opened"]] == [mode]
    assert 0 < result["opened_in_ms"] < 10_000
    assert 0 < result["rtt_min_ms"] <= result["rtt_ms"] < 1000
    assert result["mbit_s"] > 1
    await bob.shows(f"^alice: channel opened: {mode}, ")
    await bob.shows(rf"^alice: 20.0 MB came in .* Mbit/s, direct \({mode}, ")
    await bob.shows(f"^alice: channel closed: {mode}, ")
    assert await bob.end(signal.SIGINT) == 130


@pytest_twisted.ensureDeferred
async def test_people_get_lines_and_by_both_kinds_tcp_is_used(
    start: Callable[..., Daemon], children: list[Child]
) -> None:
    daemon = await start("--open").ready()
    await answering(children, daemon)
    account = f"alice@127.0.0.1:{daemon.port}"
    alice = program(children, "p2p", "test", "bob", "--as", account, "--megabytes", "2")
    assert await alice.over() == 0, alice.shown
    for line in ("channel     tcp; open by", "from here   ", "bob         ", "round trip  ", "throughput  "):
        assert f"\n{line}" in f"\n{alice.shown}"
    assert "2.0 MB in " in alice.shown and "all there by its digest" in alice.shown
    # Even before anything was sent, nobody is told the guess of 333 ms that a protocol begins with.
    assert "333 ms" not in alice.shown


@pytest_twisted.ensureDeferred
async def test_who_is_not_there_and_a_server_without_p2p_have_codes_of_their_own(
    start: Callable[..., Daemon], children: list[Child]
) -> None:
    daemon = await start("--open").ready()
    alice = program(children, "p2p", "test", "bob", "--as", f"alice@127.0.0.1:{daemon.port}")
    assert await alice.over() == 1
    assert "run esframework p2p answer bob@HOST:PORT" in alice.shown
    assert await daemon.end() == 0
    without = await start("--open", "--p2p", "off").ready()
    alice = program(children, "p2p", "test", "bob", "--as", f"alice@127.0.0.1:{without.port}", "--json")
    assert await alice.over() == 5
    assert "offers no P2P" in result_of(alice)["cause"]
    nat = program(children, "nat", f"alice@127.0.0.1:{without.port}")
    assert await nat.over() == 1
    assert "no P2P server to ask" in nat.shown
    assert await without.end() == 0
    alice = program(children, "p2p", "test", "bob", "--as", f"alice@127.0.0.1:{without.port}")
    assert await alice.over() == 3


@pytest_twisted.ensureDeferred
async def test_a_channel_is_refused_in_words(start: Callable[..., Daemon], children: list[Child]) -> None:
    daemon = await start("--open").ready()
    await answering(children, daemon, "--mode", "tcp")
    account = f"alice@127.0.0.1:{daemon.port}"
    alice = program(children, "p2p", "test", "bob", "--as", account, "--mode", "udp")
    assert await alice.over() == 5
    assert "none of that kind" in alice.shown
    assert "messages to bob go by the server: " in alice.shown


@pytest_twisted.ensureDeferred
async def test_chats_tell_by_which_way_they_talk(start: Callable[..., Daemon], children: list[Child]) -> None:
    daemon = await start("--open").ready()
    alice = program(children, "chat", f"alice@127.0.0.1:{daemon.port}")
    bob = program(children, "chat", f"bob@127.0.0.1:{daemon.port}", "--mode", "udp")
    for chat in (alice, bob):
        types(chat, "/who")
        await chat.shows("^online: ")
    types(alice, "/p2p bob")
    await alice.shows(r"^bob: direct \(udp, \d")
    await bob.shows(r"^alice: direct \(udp, \d")
    types(bob, "alice: straight")
    await alice.shows("^bob: straight$")
    types(alice, "/p2p bob off")
    await alice.shows("^bob: by the server$")
    await bob.shows("^alice: by the server again$")


@pytest.mark.parametrize(
    ("options", "way"), [(("--mode", "udp"), "direct (udp)"), ((), "direct (tcp)"), (("--no-p2p",), "by the server")]
)
@pytest_twisted.ensureDeferred
async def test_sending_and_receiving_programs_tell_by_which_way_it_went(
    options: tuple[str, ...], way: str, start: Callable[..., Daemon], children: list[Child], tmp_path: Path
) -> None:
    daemon = await start("--open").ready()
    film, account = tmp_path / "film", f"alice@127.0.0.1:{daemon.port}"
    film.write_bytes(bytes(60_000_000))
    bob = program(
        children, "receive", f"bob@127.0.0.1:{daemon.port}", "--into", str(tmp_path / "in"), "--yes", "--from", "alice",
        "--once", "--state", str(tmp_path / "state"),
    )  # fmt: skip
    await bob.shows("^waiting for what is sent")
    # Slow enough to begin by the server and to go on by the channel.
    alice = program(children, "send", str(film), "bob", "--as", account, "--rate-limit", "20M", *options)
    assert await alice.over() == 0, alice.shown
    assert await bob.over() == 0, bob.shown
    assert re.search(rf"^sent film to bob: 60\.0 MB.*, {re.escape(way)}$", alice.shown, re.MULTILINE), alice.shown
    assert re.search(rf"^received film from alice: .*, {re.escape(way)}$", bob.shown, re.MULTILINE), bob.shown


@pytest_twisted.ensureDeferred
async def test_of_a_server_on_the_same_machine_nothing_is_learnt_about_nats_and_that_is_said(
    start: Callable[..., Daemon], children: list[Child]
) -> None:
    daemon = await start("--open").ready()
    nat = program(children, "nat", f"alice@127.0.0.1:{daemon.port}")
    assert await nat.over() == 0, nat.shown
    assert "UDP           works; seen as 127.0.0.1:" in nat.shown
    assert "ask one outside" in nat.shown
    nat = program(children, "nat", "--as", f"alice@127.0.0.1:{daemon.port}", "--json")
    assert await nat.over() == 0, nat.shown
    result = result_of(nat)
    assert (result["nat"], result["is_near"], result["is_translated"]) == ("unknown", True, False)
    assert result["udp"].startswith("127.0.0.1:") and result["tcp"].startswith("127.0.0.1:")
