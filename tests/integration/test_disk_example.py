"""The network disk of examples/disk does what its README says: for our clients, and for those of the manual's demo."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred

from esframework import ClientEngine, limits
from esframework.errors import TransferInterrupted
from esframework.wire.compact import codec
from tests.integration.example_programs import ExamplePrograms, types
from tests.integration.support import Child

pytestmark = pytest.mark.integration
PROGRAMS = ExamplePrograms("disk")
NAMES = codec(list[str])


async def server_at(children: list[Child], port: int, folder: Path) -> Child:
    server = PROGRAMS.runs(children, "server.py", str(port), str(folder / "disk"))
    await server.shows(f"listening on port {port}")
    return server


@pytest_twisted.ensureDeferred
async def test_a_shell_on_the_disk(
    children: list[Child], free_port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    server = await server_at(children, free_port, tmp_path)
    alice = await PROGRAMS.client_at(children, "alice", free_port)
    bob = await PROGRAMS.client_at(children, "bob", free_port)
    (tmp_path / "letter.txt").write_text("hello")
    types(alice, "mkdir mail")
    types(alice, f"put {tmp_path}/letter.txt mail/")
    await alice.shows("^done: /mail/letter.txt$")
    await server.shows("^alice uploaded /mail/letter.txt$")
    types(alice, "cd mail")
    types(alice, "ls")
    await alice.shows("^letter.txt 5 bytes$")
    types(alice, "quota")
    await alice.shows("^5 of 1073741824 bytes are used$")
    types(alice, "share letter.txt bob")
    await alice.shows("^bob finds it at /shared/alice/letter.txt$")
    types(bob, f"get /shared/alice/letter.txt {tmp_path}/copy.txt")
    await bob.shows("^done: ")
    assert (tmp_path / "copy.txt").read_text() == "hello"
    types(bob, "rm /shared/alice/letter.txt")
    await bob.shows("^! .*not permitted|cannot be removed")
    types(bob, "fly")
    await bob.shows("^ls, cd, mkdir")
    types(bob, "mv a")
    await bob.shows("^! not so")
    types(alice, "quit")
    assert await alice.over() == 0


@pytest_twisted.ensureDeferred
async def test_the_manuals_demo(children: list[Child], free_port: int, tmp_path: Path) -> None:
    await server_at(children, free_port, tmp_path)
    files = tmp_path / "disk" / "files"
    client = ClientEngine(reactor=reactor)
    await client.log_on("alice", "", f"tcp:127.0.0.1:{free_port}")
    try:
        assert NAMES.decode(await client.custom.query(None, 0, b"")) == []
        (tmp_path / "song.txt").write_text("la")
        await (await client.files.send(None, tmp_path / "song.txt")).done()
        assert (files / "song.txt").read_text() == "la"
        for number in range(limits.DISK_PAGE + 1):
            (files / f"zoo {number}").mkdir()
        assert NAMES.decode(await client.custom.query(None, 0, b"")) == ["song.txt"]
        with pytest.raises(TransferInterrupted):
            await (await client.files.send(None, tmp_path / "song.txt")).done()

        offers: Deferred[Any] = Deferred()
        client.files.offered.subscribe(offers.callback)
        await client.custom.send(None, 1, b"song.txt")
        offer = await offers
        assert (offer.source, offer.name) == (None, "song.txt")
        await offer.accept(tmp_path / "copy.txt").done()
        assert (tmp_path / "copy.txt").read_text() == "la"
    finally:
        await client.close()


@pytest_twisted.ensureDeferred
async def test_the_demo_gives_nothing_else_away(children: list[Child], free_port: int, tmp_path: Path) -> None:
    await server_at(children, free_port, tmp_path)
    (tmp_path / "disk" / "secret").write_text("secret")
    (tmp_path / "disk" / "files" / "link").symlink_to(tmp_path / "disk" / "secret")
    client = ClientEngine(reactor=reactor)
    await client.log_on("mallory", "", f"tcp:127.0.0.1:{free_port}")
    try:
        offers: list[Any] = []
        client.files.offered.subscribe(offers.append)
        for name in ("../secret", "link", "/etc/passwd", "nothing", ""):
            await client.custom.send_acked(None, 1, name.encode())
        # Handlers run one after the other: this answer comes when those are done.
        assert NAMES.decode(await client.custom.query(None, 0, b"")) == []
        assert offers == []
    finally:
        await client.close()
