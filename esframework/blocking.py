"""A client for scripts that do one thing after another: calls wait and return plain results.

Twisted runs in a thread of its own, one for the whole process. Knows no feature: calls from other threads hop to the
reactor by themselves (`net.threads`).
"""

from __future__ import annotations

import threading
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from twisted.internet.defer import Deferred
from twisted.internet.error import ReactorNotRestartable
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.threads import blockingCallFromThread
from twisted.python import threadable

from esframework.errors import LocalError
from esframework.net.clock import use_monotonic_time

if TYPE_CHECKING:
    from esframework.client.engine import ClientEngine
    from esframework.client.options import ClientOptions

T = TypeVar("T")

_starting = threading.Lock()


@contextmanager
def connect(
    user_id: str,
    password: str,
    endpoint: str | IStreamClientEndpoint,
    handler: Any = None,
    *,
    options: ClientOptions | None = None,
    managers: Sequence[Any] | None = None,
    register: bool = False,
) -> Iterator[ClientEngine]:
    """A client that is logged on, for a `with` statement; closed at its end, after everything queued has left.

    With `register` the server is asked for an account of that name and password first. Raises `LogonFailed` or
    `ConnectionFailed`. Each call of its facades waits and returns what the Deferred would have
    fired with, or raises its error: `answer = client.custom.query("bob", 1, b"?")`. The client may be used in several
    threads at once. `handler` and events are called in the reactor's thread: what takes long holds everything up
    there, and engine calls return Deferreds there, as everywhere in Twisted. Raises LocalError when it is itself called
    in the reactor's thread, or after the reactor was stopped.
    """
    reactor = _running_reactor()
    from esframework.client import engine

    def make() -> ClientEngine:
        return engine.ClientEngine(handler, options=options, managers=managers, reactor=reactor)

    client: ClientEngine = blockingCallFromThread(reactor, make)
    try:
        if register:
            client.accounts.register(user_id, password, endpoint)
        else:
            client.log_on(user_id, password, endpoint)
        yield client
    finally:
        client.close()


def each(things: AsyncIterator[T]) -> Iterator[T]:
    """What an engine gives one after the other, waited for: `for progress in blocking.each(transfer.progress())`.

    Raises what `things` raises. When the loop is left early, `things` is closed. Raises LocalError in the reactor's
    thread, as `connect` does.
    """
    reactor = _running_reactor()
    end: Any = object()
    try:
        while (thing := _waited_for(reactor, _next(things, end))) is not end:
            yield thing
    finally:
        if isinstance(things, AsyncGenerator):
            _waited_for(reactor, _closed(things))


def _waited_for(reactor: Any, work: Coroutine[Any, Any, Any]) -> Any:
    return blockingCallFromThread(reactor, lambda: Deferred.fromCoroutine(work))


async def _next(things: AsyncIterator[T], end: Any) -> Any:
    return await anext(things, end)


async def _closed(things: AsyncGenerator[Any, None]) -> None:
    await things.aclose()


def _running_reactor() -> Any:
    """The process's reactor, started in a daemon thread unless it runs already."""
    from twisted.internet import reactor

    with _starting:
        if not _is_running(reactor):
            _start(reactor)
    if threadable.isInIOThread():
        raise LocalError("this is the reactor's thread, where nothing may wait; use ClientEngine and its Deferreds")
    return reactor


def _start(reactor: Any) -> None:
    use_monotonic_time(reactor)
    decided = threading.Event()
    reactor.callWhenRunning(decided.set)
    # A daemon thread ends with the script; signals are the main thread's, which goes on without Twisted.
    threading.Thread(target=_run, args=(reactor, decided), name="esframework-reactor", daemon=True).start()
    decided.wait()
    if not _is_running(reactor):
        raise LocalError("Twisted's reactor ran in this process and was stopped; it cannot be started again")


def _run(reactor: Any, decided: threading.Event) -> None:
    try:
        reactor.run(installSignalHandlers=False)
    except ReactorNotRestartable:
        decided.set()


def _is_running(reactor: Any) -> bool:
    return bool(reactor.running)
