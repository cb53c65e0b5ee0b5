"""Drives a coroutine or a Deferred on virtual time: what is due runs, and when everybody waits, time goes on.

Knows the reactor and what it is told of threads; no engine.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from esframework.testing.reactor import VirtualReactor

_THREAD_TURN = 0.05
"""Real seconds that a busy thread is waited for before virtual time goes on."""

_LAST_HOPE = 0.2
"""Real seconds that a thread is waited for when nothing else can happen."""


def drive(reactor: VirtualReactor, awaitable: Any, patience: float, threads_at_work: Callable[[], bool]) -> Any:
    """The result of a coroutine or Deferred.

    A coroutine goes on in a turn of its own, never inside the engine that fired what it awaited. Raises TimeoutError
    after `patience` virtual seconds, and what the awaitable raises.
    """
    if not isinstance(awaitable, Deferred):
        return _drive_coroutine(reactor, awaitable, patience, threads_at_work)
    wait_for(reactor, awaitable, patience, threads_at_work)
    results: list[Any] = []
    awaitable.addBoth(results.append)
    if isinstance(results[0], Failure):
        results[0].raiseException()
    return results[0]


def _drive_coroutine(
    reactor: VirtualReactor, coroutine: Coroutine[Any, Any, Any], patience: float, threads_at_work: Callable[[], bool]
) -> Any:
    try:
        while True:
            # A Deferred that is awaited gives itself until it has a result, which it then hands over by itself.
            awaited = coroutine.send(None)
            if not isinstance(awaited, Deferred):
                raise TypeError(f"a coroutine on this network may await Deferreds, not {awaited!r}")
            wait_for(reactor, awaited, patience, threads_at_work)
    except StopIteration as stop:
        return stop.value
    finally:
        coroutine.close()


def wait_for(
    reactor: VirtualReactor, deferred: Deferred[Any], patience: float, threads_at_work: Callable[[], bool]
) -> None:
    """Run until the Deferred has its result, which stays in it."""
    fired: list[bool] = []

    def mark(result: Any) -> Any:
        fired.append(True)
        return result

    deferred.addBoth(mark)
    until = reactor.seconds() + patience
    reactor.settle()
    while not fired:
        at = reactor.next_call_at
        # With no timer left, only a thread can bring things on.
        patience_for_thread = _LAST_HOPE if at is None else _THREAD_TURN if threads_at_work() else 0.0
        if not (patience_for_thread and reactor.wait_for_thread(patience_for_thread)):
            if at is None or at > until:
                raise TimeoutError(f"still waiting after {patience:g} virtual seconds for {deferred!r}")
            reactor.advance(at - reactor.seconds())
        reactor.settle()


def simulated(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Make an ordinary test of a coroutine function whose argument `network` is a `MemoryNetwork` of its own.

    Works with pytest (other arguments stay fixtures) and unittest. When the test has passed, everything that the
    network made is closed; a timer or a connection that stays behind, or a failure that was logged and not taken from
    `network.failures`, fails it.
    """

    @wraps(test)
    def run(*args: Any, **kwargs: Any) -> None:
        from esframework.testing.network import MemoryNetwork

        network = MemoryNetwork()
        try:
            network.run(test(*args, network=network, **kwargs))
            network.close()
        finally:
            network.failures.stop()

    signature = inspect.signature(test)
    others = [parameter for name, parameter in signature.parameters.items() if name != "network"]
    run.__signature__ = signature.replace(parameters=others, return_annotation=None)  # type: ignore[attr-defined]
    return run
