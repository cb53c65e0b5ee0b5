"""What an acknowledged keep promises: it is on the disk. Processes are killed, a database too; syncs are counted."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import pytest_twisted

from esframework.stores.sql import SqlStores
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.integration

PROGRAM = Path(__file__).with_name("keeping_program.py")
COUNTER = Path(__file__).with_name("sync_counter.c")
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a process that keeps messages; it is killed at the end of the test."""
    started: list[subprocess.Popen[str]] = []

    def start(where: str | Path, at_once: int, total: int = 0, **environment: str) -> subprocess.Popen[str]:
        command = [sys.executable, str(PROGRAM), str(where), str(at_once), str(total)]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def acknowledged(process: subprocess.Popen[str], lines: int) -> dict[int, str]:
    """Number and id of the next messages that the process was told are kept."""
    assert process.stdout is not None
    found = {}
    for _ in range(lines):
        number, key, _ = process.stdout.readline().split()
        found[int(number)] = key
    return found


def rest_of(process: subprocess.Popen[str]) -> dict[int, str]:
    """The same of all that it printed before it ended; a line that was cut off is no acknowledgement."""
    output, _ = process.communicate()
    complete = [line.split() for line in output.splitlines(keepends=True) if line.endswith("\n")]
    return {int(number): key for number, key, _ in complete}


async def kept_in(where: str | Path) -> dict[int, str]:
    stores = SqlStores(where)
    await stores.open()
    try:
        found: dict[int, str] = {}
        while portion := await stores.offline.summaries("bob", max(found, default=0), 10_000):
            found |= {one.number: one.id for one in portion}
        return found
    finally:
        await stores.close()


@pytest.mark.parametrize("round", range(3))
@pytest_twisted.ensureDeferred
async def test_whoever_is_killed_has_acknowledged_nothing_that_is_lost(
    start: Start, tmp_path: Path, round: int
) -> None:
    path = tmp_path / "stores.sqlite"
    process = start(path, at_once=50)
    told = acknowledged(process, random.randint(1, 1500))
    process.kill()
    told |= rest_of(process)
    kept = await kept_in(path)
    assert told.items() <= kept.items()
    # And the next process goes on behind them.
    process = start(path, at_once=1)
    [(number, key)] = acknowledged(process, 1).items()
    assert (key, number) == ("m0", next(number for number, key in kept.items() if key == "m0"))


@pytest_twisted.ensureDeferred
async def test_a_postgresql_that_crashes_has_acknowledged_nothing_that_is_lost(
    start: Start, postgresql: PostgreSQL
) -> None:
    url = postgresql.new_database()
    process = start(url, at_once=50)
    told = acknowledged(process, random.randint(100, 1500))
    postgresql.stop()
    told |= rest_of(process)
    assert process.returncode == 1
    postgresql.start()
    assert told.items() <= (await kept_in(url)).items()


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The library that counts syncs, compiled."""
    from tests.conftest import require

    compiler = require("cc", "syncs are counted by a small library in C: apt-get install gcc libc6-dev")
    library = tmp_path_factory.mktemp("counter") / "sync_counter.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", str(library), str(COUNTER), "-ldl"], check=True)
    return str(library)


def syncs(process: subprocess.Popen[str]) -> list[int]:
    output, _ = process.communicate()
    return [int(line.split()[2]) for line in output.splitlines()]


def test_each_message_kept_alone_was_synced_before_it_was_acknowledged(
    start: Start, tmp_path: Path, counter: str
) -> None:
    process = start(tmp_path / "stores.sqlite", at_once=1, total=30, LD_PRELOAD=counter)
    counted = syncs(process)
    assert len(counted) == 30
    assert all(later > earlier for earlier, later in zip(counted, counted[1:], strict=False))


def test_messages_kept_at_once_share_their_syncs(start: Start, tmp_path: Path, counter: str) -> None:
    counted = syncs(start(tmp_path / "stores.sqlite", at_once=100, total=1000, LD_PRELOAD=counter))
    assert len(counted) == 1000
    # The first of them goes alone, the other ninety-nine with the next transaction, and so on.
    assert 10 <= counted[-1] - counted[0] < 200
