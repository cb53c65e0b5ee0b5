"""Attachments between real processes: a gigabyte in flat memory, a slow consumer, a refusal, cuts and kills."""

from __future__ import annotations

import hashlib
import os
import re
import signal
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.task import deferLater
from twisted.internet.threads import deferToThread

from tests.integration.attachment_peer import MEGABYTE, pattern
from tests.integration.support import Child, Daemon, logged_on, reactor, until

pytestmark = pytest.mark.integration
Peer = Callable[..., Child]
PROGRAM = str(Path(__file__).with_name("attachment_peer.py"))
GIGABYTE = 1024
ALLOWED_GROWTH = 32 * MEGABYTE


def memory(child: Child, key: str = "VmHWM") -> int:
    """Bytes that a process holds, or held at most."""
    status = Path(f"/proc/{child.pid}/status").read_text()
    return int(re.search(rf"{key}:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


def digest(pieces: object) -> str:
    """What tells a content from any other."""
    hashed = hashlib.blake2b()
    for piece in pieces:  # type: ignore[attr-defined]
        hashed.update(piece)
    return hashed.hexdigest()


def digest_of(path: Path) -> str:
    """That of a file, a megabyte at a time."""
    with path.open("rb") as file:
        return digest(iter(lambda: file.read(MEGABYTE), b""))


@pytest_twisted.async_yield_fixture()
async def daemon(start: Callable[..., Daemon], tmp_path: Path) -> AsyncIterator[Daemon]:
    """A server that admits everybody."""
    yield await start("--open", data=tmp_path / "data").ready()


@pytest_twisted.async_yield_fixture()
async def peer(daemon: Daemon) -> AsyncIterator[Peer]:
    """Starts clients, and sees to it that all have ended."""
    running: list[Child] = []

    def started(*arguments: object) -> Child:
        running.append(Child([PROGRAM, daemon.endpoint, *map(str, arguments)]))
        return running[-1]

    yield started
    for child in running:
        await child.end(signal.SIGKILL)


@pytest.fixture(name="folder")
def received_files(tmp_path: Path) -> Path:
    """Where the receiver keeps what it gets."""
    folder = tmp_path / "received"
    folder.mkdir()
    return folder


@pytest_twisted.ensureDeferred
async def test_a_gigabyte_goes_from_client_to_client_in_flat_memory_and_a_ping_stays_fast(
    daemon: Daemon, peer: Peer, folder: Path
) -> None:
    receiver = peer("receive", folder)
    await receiver.shows("^ready")
    sender = peer("send", "large", GIGABYTE)
    await sender.shows("^ready")
    held = {child: memory(child, "VmRSS") for child in (daemon, receiver, sender)}
    watcher = await logged_on("watcher", daemon.endpoint)
    await receiver.shows("^begun large$")
    pings: list[float] = []
    while not sender.shown.count("sent"):
        pings.append(await watcher.basic.ping("receiver"))
        await deferLater(reactor, 0.02, lambda: None)
        grown = {child: memory(child) - held[child] for child in (daemon, receiver)}
        assert max(grown.values()) < ALLOWED_GROWTH
    print(sender.shown, f"{len(pings)} pings, the slowest {max(pings) * 1000:.0f} ms; grown by {list(grown.values())}")
    assert sorted(pings)[len(pings) // 2] < 0.1
    assert f"sent {GIGABYTE * MEGABYTE} bytes to receiver" in sender.shown
    peak = int((await sender.shows(r"VmHWM:\s+(\d+) kB"))[1]) * 1024
    assert peak - held[sender] < ALLOWED_GROWTH
    assert memory(receiver) - held[receiver] < ALLOWED_GROWTH
    assert os.listdir(folder) == ["attachment1"]
    expected = await deferToThread(digest, pattern(GIGABYTE))
    assert await deferToThread(digest_of, folder / "attachment1") == expected
    await watcher.close()


@pytest_twisted.ensureDeferred
async def test_a_slow_consumer_slows_the_sender_and_nobody_holds_more_for_it(
    daemon: Daemon, peer: Peer, folder: Path
) -> None:
    receiver = peer("receive", folder, 0.01)
    await receiver.shows("^ready")
    held = memory(daemon, "VmRSS")
    sender = peer("send", "slow", 5)
    await sender.shows("^sent 5242880 bytes")
    seconds = float((await sender.shows(r"in ([\d.]+) s"))[1])
    assert seconds > 5 * MEGABYTE / (16 * 1024) * 0.01
    assert memory(daemon) - held < ALLOWED_GROWTH


@pytest_twisted.ensureDeferred
async def test_a_refused_attachment_is_never_sent(daemon: Daemon, peer: Peer, folder: Path) -> None:
    await peer("receive", folder).shows("^ready")
    sender = peer("send", "refuse", 100_000)
    await sender.shows(r"^not sent: AttachmentRefused\(.*no thank you")
    assert os.listdir(folder) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
@pytest_twisted.ensureDeferred
async def test_of_a_killed_sender_no_file_is_left(
    daemon: Daemon, peer: Peer, folder: Path, number: signal.Signals
) -> None:
    receiver = peer("receive", folder)
    await receiver.shows("^ready")
    sender = peer("send", "endless", 100_000)
    await receiver.shows("^begun endless$")
    sender.tell(number)
    await receiver.shows("^failed: ")
    await until(lambda: not os.listdir(folder), "the file's end")


@pytest_twisted.ensureDeferred
async def test_a_killed_server_fails_it_at_both_ends(
    daemon: Daemon, peer: Peer, folder: Path, start: Callable[..., Daemon], tmp_path: Path
) -> None:
    receiver = peer("receive", folder)
    await receiver.shows("^ready")
    sender = peer("send", "cut", 100_000)
    await receiver.shows("^begun cut$")
    daemon.tell(signal.SIGKILL)
    await sender.shows(r"^not sent: ConnectionInterrupted")
    await receiver.shows(r"^failed: ConnectionInterrupted")
    await until(lambda: not os.listdir(folder), "the file's end")


@pytest_twisted.ensureDeferred
async def test_a_killed_receiver_fails_the_sender_and_the_next_one_gets_it(
    daemon: Daemon, peer: Peer, folder: Path
) -> None:
    receiver = peer("receive", folder)
    await receiver.shows("^ready")
    sender = peer("send", "killed", 100_000)
    await receiver.shows("^begun killed$")
    receiver.tell(signal.SIGKILL)
    await sender.shows(r"^not sent: (TargetAbsent|ConnectionInterrupted)")
    assert all(not path.name.startswith("attachment") for path in folder.iterdir())
    await peer("receive", folder).shows("^ready")
    await peer("send", "again", 2).shows("^sent 2097152 bytes")
    assert (folder / "attachment1").stat().st_size == 2 * MEGABYTE
