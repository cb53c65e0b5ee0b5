"""What the query programs on Twisted share: an epoll reactor, and 64 askers at once over a call."""

from __future__ import annotations

import argparse
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from twisted.internet import defer, task

from benchmarks.asking import Asking


async def ask_all(options: argparse.Namespace, call: Callable[[bytes], Awaitable[object]]) -> None:
    """Run the measurement on this reactor and print it."""
    asking = Asking(options)
    askers = [defer.Deferred.fromCoroutine(asking.ask(call)) for _ in range(options.outstanding)]
    await defer.gatherResults(askers, consumeErrors=True)
    asking.report()


def run(main: Callable[[], Coroutine[defer.Deferred[Any], Any, Any]]) -> None:
    """Run a coroutine to its end on the reactor; its failure is the exit code."""
    task.react(lambda reactor: defer.Deferred.fromCoroutine(main()))


def forever() -> defer.Deferred[None]:
    """What a server awaits: it is ended from outside."""
    return defer.Deferred()
