"""Where a database's work runs: not in the reactor, one writer at a time, only between opening and closing."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList, gatherResults

from esframework.errors import SchemaTooNew, StoreBusy, StoreClosed
from esframework.stores.sql.database import Database, open_database
from esframework.stores.sql.threads import DatabaseThreads


@pytest.fixture
def threads(tmp_path: Path) -> Iterator[DatabaseThreads]:
    threads = DatabaseThreads(open_database(tmp_path / "stores.sqlite"))
    yield threads
    pytest_twisted.blockon(threads.close())


def nothing(database: Database) -> None:
    """There is nothing to prepare."""


@pytest_twisted.ensureDeferred
async def test_nothing_runs_in_the_reactor_s_thread(threads: DatabaseThreads) -> None:
    prepared: list[int] = []
    await threads.open(lambda database: prepared.append(threading.get_ident()))
    used = await gatherResults([threads.read(threading.get_ident), threads.write(threading.get_ident)])
    assert threading.get_ident() not in [*prepared, *used]


@pytest_twisted.ensureDeferred
async def test_writes_run_one_after_the_other_in_the_order_of_asking(threads: DatabaseThreads) -> None:
    await threads.open(nothing)
    at_work, most, order = threading.Semaphore(1), [], []

    def write(number: int) -> None:
        most.append(at_work.acquire(blocking=False))
        order.append(number)
        at_work.release()

    await gatherResults([threads.write(lambda number=number: write(number)) for number in range(50)])
    assert all(most)
    assert order == list(range(50))


@pytest_twisted.ensureDeferred
async def test_who_waited_behind_a_write_that_found_the_database_locked_waits_no_longer(
    threads: DatabaseThreads,
) -> None:
    await threads.open(nothing)
    is_locked, tried = threading.Event(), []

    def write(number: int) -> None:
        tried.append(number)
        is_locked.wait()
        raise StoreBusy("another program holds it locked")

    writing = [threads.write(lambda number=number: write(number)) for number in range(50)]
    is_locked.set()
    outcomes = await DeferredList(writing, consumeErrors=True)
    assert {failure.type for _, failure in outcomes} == {StoreBusy}
    assert tried == [0]
    assert await threads.write(lambda: "written") == "written"


@pytest_twisted.ensureDeferred
async def test_readers_do_not_wait_for_a_writer(threads: DatabaseThreads) -> None:
    await threads.open(nothing)
    may_end = threading.Event()
    writing = threads.write(may_end.wait)
    assert await threads.read(lambda: "read") == "read"
    may_end.set()
    assert await writing


@pytest_twisted.ensureDeferred
async def test_it_must_be_opened_and_closing_lets_what_was_begun_end(threads: DatabaseThreads) -> None:
    with pytest.raises(StoreClosed, match="not open"):
        await threads.read(threading.get_ident)
    await threads.open(nothing)
    begun = [threads.write(threading.get_ident) for _ in range(10)]
    closed = threads.close()
    with pytest.raises(StoreClosed):
        await threads.write(threading.get_ident)
    assert len(await gatherResults(begun)) == 10
    await closed


@pytest_twisted.ensureDeferred
async def test_what_cannot_be_prepared_is_not_open(threads: DatabaseThreads) -> None:
    def refuse(database: Database) -> None:
        raise SchemaTooNew("newer")

    with pytest.raises(SchemaTooNew):
        await threads.open(refuse)
    with pytest.raises(StoreClosed):
        await threads.read(threading.get_ident)
