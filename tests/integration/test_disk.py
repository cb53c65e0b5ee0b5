"""`esframework disk` against a real daemon: scripts, an interruption by Ctrl-C, a server that is killed."""

from __future__ import annotations

import hashlib
import json
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.integration.support import Child, Daemon, until
from tests.integration.test_offline import PASSWORD, add_accounts
from tests.integration.test_programs import Program

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
LARGE = random.Random(5).randbytes(8_000_000)
SLOW = ("--rate-limit", "2M")


class Disk:
    """alice's and bob's disks on one daemon, which can be killed and started again."""

    def __init__(self, start: Start, children: list[Child], folder: Path) -> None:
        self._start, self._children = start, children
        self.folder = folder
        self.data = folder / "data"
        self.server: Daemon

    async def begin(self, port: int = 0, config: str = "") -> Disk:
        if not self.data.exists():
            await add_accounts(self.data, "alice", "bob")
        listen = f"tcp:{port}:interface=127.0.0.1"
        self.server = await self._start(data=self.data, listen=listen, config=config).ready()
        return self

    def runs(self, *arguments: str, user: str = "alice", as_json: bool = False) -> Program:
        where = ("--as", f"{user}@127.0.0.1:{self.server.port}", *(("--json",) if as_json else ()))
        return Program(self._children, "disk", *arguments, *where, password=PASSWORD)

    async def does(self, *arguments: str, user: str = "alice", code: int = 0) -> str:
        program = self.runs(*arguments, user=user)
        assert await program.over() == code, program.shown
        return program.out

    def parts(self) -> int:
        """Bytes that are half received."""
        return sum(path.stat().st_size for path in (self.data / "disk").glob("users/*/uploads/.*"))


@pytest.fixture
def disk(start: Start, children: list[Child], tmp_path: Path) -> Disk:
    return Disk(start, children, tmp_path)


def events(program: Program) -> list[dict[str, Any]]:
    return [json.loads(line) for line in program.out.splitlines()]


@pytest_twisted.ensureDeferred
async def test_scripts_use_the_disk(disk: Disk) -> None:
    await disk.begin()
    (disk.folder / "tree" / "deep").mkdir(parents=True)
    (disk.folder / "tree" / "deep" / "x").write_text("hello")
    await disk.does("mkdir", "-p", "docs/a")
    await disk.does("put", str(disk.folder / "tree"), "docs/a")
    assert await disk.does("ls", "/", "docs/a/tree/deep") == "docs/\nshared/\nx\n"
    checksum = hashlib.blake2b(b"hello", digest_size=32).hexdigest()
    assert checksum in await disk.does("info", "--checksum", "blake2b", "docs/a/tree/deep/x")
    assert await disk.does("share", "docs/a", "--user", "bob") == "others find it at /shared/alice/a\n"
    assert await disk.does("shares", user="bob") == "/shared/alice/a  read\n"
    await disk.does("get", "/shared/alice/a/tree", str(disk.folder / "copy"), user="bob")
    assert (disk.folder / "copy" / "deep" / "x").read_text() == "hello"
    await disk.does("rm", "/shared/alice/a/tree/deep/x", user="bob", code=4)
    await disk.does("mv", "docs/a/tree/deep/x", "docs/y")
    await disk.does("rm", "docs", code=1)
    await disk.does("rm", "-r", "docs")
    assert "used: 0 bytes" in await disk.does("quota")
    await disk.does("info", "nothing", code=1)
    assert await disk.does("shares", user="bob") == ""


@pytest_twisted.ensureDeferred
async def test_an_upload_interrupted_by_ctrl_c_goes_on_by_the_same_command(disk: Disk) -> None:
    await disk.begin()
    (disk.folder / "large").write_bytes(LARGE)
    command = ("put", str(disk.folder / "large"), "/")
    program = disk.runs(*command, *SLOW, as_json=True)
    await until(lambda: disk.parts() > 500_000, "half a megabyte on the server")
    assert await program.end(signal.SIGINT) == 130
    assert await disk.does("ls") == "shared/\n"
    program = disk.runs(*command, as_json=True)
    assert await program.over() == 0
    assert [event["skipped"] > 0 for event in events(program) if event["event"] == "resumed"] == [True]
    (stored,) = (disk.data / "disk").glob("users/*/files/large")
    assert stored.read_bytes() == LARGE
    assert disk.parts() == 0


@pytest_twisted.ensureDeferred
async def test_an_upload_goes_on_when_the_server_was_killed_and_is_back(disk: Disk) -> None:
    await disk.begin()
    (disk.folder / "large").write_bytes(LARGE)
    program = disk.runs("put", str(disk.folder / "large"), "/", *SLOW, as_json=True)
    # What is on the disk is noted once a second.
    await until(lambda: disk.parts() > 4_000_000, "four megabytes on the server")
    port = disk.server.port
    await disk.server.end(signal.SIGKILL)
    await disk.begin(port)
    assert await program.over() == 0
    assert any(event["event"] == "resumed" for event in events(program))
    (stored,) = (disk.data / "disk").glob("users/*/files/large")
    assert stored.read_bytes() == LARGE


@pytest_twisted.ensureDeferred
async def test_a_download_interrupted_by_ctrl_c_goes_on_by_the_same_command(disk: Disk) -> None:
    await disk.begin(config="[files]\nrate_limit = 4_000_000\n")
    (disk.folder / "large").write_bytes(LARGE)
    await disk.does("put", str(disk.folder / "large"), "/")
    command = ("get", "/large", str(disk.folder / "copy"), "--state", str(disk.folder / "state"))
    program = disk.runs(*command, as_json=True)

    def has_begun() -> bool:
        return sum(path.stat().st_size for path in disk.folder.glob(".copy.*.part")) > 1_000_000

    await until(has_begun, "a megabyte here")
    assert await program.end(signal.SIGINT) == 130
    assert not (disk.folder / "copy").exists()
    program = disk.runs(*command, as_json=True)
    assert await program.over() == 0
    assert any(event["event"] == "resumed" for event in events(program))
    assert (disk.folder / "copy").read_bytes() == LARGE
