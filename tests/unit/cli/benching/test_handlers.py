"""Handlers alone: which are found, where they are called, and what is counted."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from esframework.cli.benching import handlers
from esframework.cli.benching.handlers import DEFERRED_IN_THREAD, HandlerLoad, NoHandler, Work, find_handler

MODULE = """
class Handler:
    def handle_information(self, source, information_type, content): ...
    def handle_query(self, source, information_type, content): ...

class Needy(Handler):
    def __init__(self, database): ...

class Rooms:
    lobby = Handler()

an_object = Handler()
number = 5

def make():
    return Handler()
"""


@pytest.fixture
def application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    name = f"application_{tmp_path.name}".replace("-", "_")
    (tmp_path / f"{name}.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    return name


@pytest.mark.parametrize("name", ["Handler", "an_object", "make", "Rooms.lobby"])
def test_an_object_a_class_or_a_factory_is_found_in_the_current_folder(application: str, name: str) -> None:
    assert type(find_handler(f"{application}:{name}")).__name__ == "Handler"


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("{}", "not of the form module:object"),
        ("{}:nobody", "nobody"),
        ("{}:number", "5, which has no handle_information"),
        ("{}:Needy", "database"),
        ("no_such_module_at_all:x", "no_such_module_at_all"),
    ],
)
def test_what_is_no_handler_is_named(application: str, path: str, words: str) -> None:
    with pytest.raises(NoHandler, match=words):
        find_handler(path.format(application))


def plain(source: str | None, information_type: int, content: bytes | None) -> Any: ...


async def coroutine(source: str | None, information_type: int, content: bytes | None) -> Any: ...


@pytest.mark.parametrize(("function", "in_threads"), [(plain, True), (coroutine, False)])
def test_plain_functions_go_into_threads_and_coroutines_into_the_reactor(function: Any, in_threads: bool) -> None:
    assert Work(function, 1, b"", 1, 1.0).runs_in_threads is in_threads
    assert Work(function, 1, b"", 1, 1.0, not in_threads).runs_in_threads is not in_threads


class Calls:
    """Says in the reactor when a handler has been called in `number` threads, however long they took to start."""

    def __init__(self, number: int) -> None:
        self.happened: Deferred[None] = Deferred()
        self._number = number
        self._threads: set[int] = set()

    def called(self) -> None:
        self._threads.add(threading.get_ident())
        if len(self._threads) == self._number:
            self._number = 0
            reactor.callFromThread(self.happened.callback, None)


async def driven(work: Work, until: Deferred[None] | None = None) -> HandlerLoad:
    load = HandlerLoad(reactor, work)
    load.begin()
    if until is not None:
        await until
        load.end()
    await load.settle()
    return load


@pytest_twisted.ensureDeferred
async def test_each_caller_has_a_thread_and_gives_its_name() -> None:
    seen: set[tuple[str | None, int]] = set()
    meeting, calls = threading.Barrier(3, timeout=30), Calls(3)

    def handle(source: str | None, information_type: int, content: bytes | None) -> None:
        assert (information_type, content) == (7, b"abc")
        if (source, threading.get_ident()) not in seen:
            seen.add((source, threading.get_ident()))
            meeting.wait()
        calls.called()

    load = await driven(Work(handle, 7, b"abc", 3, 30.0), calls.happened)
    assert {source for source, _ in seen} == {"caller0", "caller1", "caller2"}
    assert len({thread for _, thread in seen}) == 3
    assert threading.get_ident() not in {thread for _, thread in seen}
    assert load.total == load.sent >= 3
    assert load.latency.count == load.total
    assert dict(load.errors) == {}


@pytest_twisted.ensureDeferred
async def test_what_a_handler_raises_is_counted_by_its_words() -> None:
    calls = Calls(2)

    def handle(source: str | None, information_type: int, content: bytes | None) -> None:
        calls.called()
        raise ValueError("no such room")

    load = await driven(Work(handle, 1, b"", 2, 30.0), calls.happened)
    assert load.total == 0
    assert set(load.errors) == {"ValueError: no such room"}
    assert load.sent == sum(load.errors.values()) > 0


@pytest_twisted.ensureDeferred
async def test_a_coroutine_that_a_plain_function_returns_is_run_in_the_reactor() -> None:
    threads: set[int] = set()
    answered: Deferred[None] = Deferred()

    async def answer() -> bytes:
        threads.add(threading.get_ident())
        if not answered.called:
            reactor.callLater(0, answered.callback, None)
        return b""

    load = await driven(Work(lambda *message: answer(), 1, b"", 2, 30.0), answered)
    assert threads == {threading.get_ident()}
    assert load.total > 0


@pytest_twisted.ensureDeferred
async def test_a_deferred_from_a_thread_is_refused_with_the_way_out() -> None:
    calls = Calls(1)

    def handle(*message: Any) -> Deferred[bytes]:
        calls.called()
        return succeed(b"")

    load = await driven(Work(handle, 1, b"", 1, 30.0), calls.happened)
    assert set(load.errors) == {f"TypeError: {DEFERRED_IN_THREAD}"}


@pytest_twisted.ensureDeferred
async def test_deferreds_are_awaited_where_the_reactor_is_asked_for() -> None:
    load = await driven(Work(lambda *message: succeed(b""), 1, b"", 2, 0.05, in_threads=False))
    assert load.total > 0
    assert dict(load.errors) == {}


@pytest_twisted.ensureDeferred
async def test_a_handler_that_never_comes_back_is_counted_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handlers, "SETTLE_SECONDS", 0.02)
    release, calls = threading.Event(), Calls(2)

    def handle(*message: Any) -> None:
        calls.called()
        release.wait()

    load = await driven(Work(handle, 1, b"", 2, 30.0), calls.happened)
    release.set()
    [(words, number)] = load.errors.items()
    assert "still in the handler" in words
    assert (number, load.total) == (2, 0)


def test_callers_look_at_the_time_themselves() -> None:
    clock = Clock()

    async def handle(source: str | None, information_type: int, content: bytes | None) -> None:
        clock.rightNow += 0.3

    load = HandlerLoad(clock, Work(handle, 1, b"", 1, 2.0))
    load.begin()
    while clock.getDelayedCalls():
        clock.advance(0)
    assert load.total == 7
    assert load.seconds == pytest.approx(2.1)
    assert load.per_second == (3, 3)
