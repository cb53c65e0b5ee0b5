"""Deferreds become asyncio futures, asyncio's coroutines are awaited by engines, and a wrong reactor is named."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from typing import Any

import pytest
from twisted.internet import reactor
from twisted.internet.defer import CancelledError, Deferred, succeed
from zope.interface import implementer

from esframework import aio
from esframework.errors import LocalError, TargetAbsent
from esframework.interfaces import IOngoing
from esframework.plugins.hooks import Event


class Manager:
    """A manager's facade."""

    limit = 5

    def __init__(self) -> None:
        self.changed: Event[int] = Event("manager.changed")
        self.waiting: Deferred[bytes] = Deferred()

    def ask(self, number: int, *, louder: bool = False) -> Deferred[bytes]:
        """Waits."""
        return self.waiting.addCallback(lambda answer: answer * number if louder else answer)

    def count(self) -> int:
        return 3

    def begin(self) -> Deferred[Ongoing]:
        """Gives something that goes on."""
        return succeed(Ongoing())


@implementer(IOngoing)
class Ongoing:
    """What goes on after the call that gave it."""

    state = "going"

    def done(self) -> Deferred[Ongoing]:
        """Waits for its end, and gives itself as transfers do."""
        return succeed(self)

    async def progress(self) -> AsyncIterator[int]:
        """Waits by Deferreds."""
        for number in range(3):
            yield await succeed(number)
        raise TargetAbsent("bob is not online", "bob", 1)


def in_asyncio(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """Runs a test in an event loop of its own; no engine is in it."""

    def run() -> None:
        asyncio.run(test())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


@in_asyncio
async def test_a_call_of_a_facade_gives_a_future_of_its_result() -> None:
    manager = Manager()
    asked = aio.Facade(manager).ask(2, louder=True)
    assert isinstance(asked, asyncio.Future) and not asked.done()
    manager.waiting.callback(b"ha")
    assert await asked == b"haha"


@in_asyncio
async def test_what_goes_on_after_a_call_returns_futures_too() -> None:
    ongoing = await aio.Facade(Manager()).begin()
    assert ongoing.state == "going"
    done = ongoing.done()
    assert isinstance(done, asyncio.Future) and (await done).state == "going"
    numbers = []
    with pytest.raises(TargetAbsent):
        async for number in ongoing.progress():
            numbers.append(number)
    assert numbers == [0, 1, 2]


@in_asyncio
async def test_a_failed_call_raises_its_error() -> None:
    manager = Manager()
    asked = aio.Facade(manager).ask(1)
    manager.waiting.errback(TargetAbsent("bob is not online", "bob", 1))
    with pytest.raises(TargetAbsent, match="bob is not online"):
        await asked


@in_asyncio
async def test_giving_up_on_a_future_cancels_the_call() -> None:
    given_up: list[object] = []
    manager = Manager()
    manager.waiting = Deferred(given_up.append)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(aio.Facade(manager).ask(1), 0.001)
    assert given_up == [manager.waiting]


def test_plain_values_and_events_are_the_facades_own() -> None:
    manager = Manager()
    facade = aio.Facade(manager)
    assert (facade.limit, facade.count()) == (5, 3)
    assert facade.changed is manager.changed
    assert facade.ask.__doc__ == "Waits." and "ask" in dir(facade)
    with pytest.raises(AttributeError):
        _ = facade.nothing


def test_what_is_set_on_a_facade_reaches_it() -> None:
    manager = Manager()
    facade = aio.Facade(manager)
    facade.limit = 7
    assert (manager.limit, facade.limit, aio.Facade(manager).limit) == (7, 7, 7)


class Handler:
    """Answers when it is let."""

    def __init__(self) -> None:
        self.let = asyncio.Event()

    async def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        await self.let.wait()

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        if information_type == 0:
            return content
        return succeed(content) if information_type == 1 else self._slow(content)

    async def _slow(self, content: bytes | None) -> bytes | None:
        await self.let.wait()
        return content

    async def verify(self, request: object) -> bool:
        await self.let.wait()
        raise LookupError("nobody is known")


@in_asyncio
async def test_what_an_asyncio_coroutine_returns_is_the_answer() -> None:
    handler = Handler()
    wrapped = aio._Handler(handler)
    answers: list[Any] = []
    Deferred.fromCoroutine(wrapped.handle_query("alice", 2, b"slow")).addBoth(answers.append)
    await asyncio.sleep(0)
    assert answers == []
    handler.let.set()
    while not answers:
        await asyncio.sleep(0)
    assert answers == [b"slow"]


@in_asyncio
async def test_plain_results_and_deferreds_of_handlers_go_through() -> None:
    wrapped = aio._Handler(Handler())
    assert wrapped.handle_query("alice", 0, b"plain") == b"plain"
    assert isinstance(wrapped.handle_query("alice", 1, b"deferred"), Deferred)


@in_asyncio
async def test_a_handler_that_is_given_up_is_cancelled() -> None:
    wrapped = aio._Handler(Handler())
    failed: list[Any] = []
    handling = Deferred.fromCoroutine(wrapped.handle_information("alice", 1, b""))
    handling.addErrback(failed.append)
    await asyncio.sleep(0)
    handling.cancel()
    while not failed:
        await asyncio.sleep(0)
    assert failed[0].check(CancelledError, asyncio.CancelledError)
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


@in_asyncio
async def test_a_verifier_may_be_a_coroutine_of_asyncio_and_may_raise() -> None:
    handler = Handler()
    failed: list[Any] = []
    Deferred.fromCoroutine(aio._Verifier(handler).verify(None)).addErrback(failed.append)
    handler.let.set()
    while not failed:
        await asyncio.sleep(0)
    assert failed[0].check(LookupError)


def test_outside_of_a_coroutine_there_is_no_loop_to_run_in() -> None:
    with pytest.raises(LocalError, match="inside a coroutine"):
        aio.ClientEngine()


@in_asyncio
async def test_another_reactor_is_named_with_what_to_do() -> None:
    with pytest.raises(LocalError, match=f"{type(reactor).__name__} is installed already.*aio.install()"):
        aio.ServerEngine()


@in_asyncio
async def test_a_handler_that_knows_of_messages_that_waited_is_asked_for_them_and_others_have_no_such_method() -> None:
    class Knowing:
        async def handle_offline(self, message: bytes) -> bytes:
            await asyncio.sleep(0)
            return message.upper()

    wrapped = aio._Handler(Knowing())
    answers: list[Any] = []
    Deferred.fromCoroutine(wrapped.handle_offline(b"late")).addBoth(answers.append)
    while not answers:
        await asyncio.sleep(0)
    assert answers == [b"LATE"]
    assert not hasattr(aio._Handler(object()), "handle_offline")
