"""Engine calls from worker threads: they hop to the reactor, wait there, and give the plain result back."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from threading import get_ident
from typing import Any, ParamSpec, TypeVar

from twisted.internet.threads import blockingCallFromThread
from twisted.python import threadable

P = ParamSpec("P")
R = TypeVar("R")


def hops_to_reactor(method: Callable[P, R]) -> Callable[P, R]:
    """For a facade's method: called in the reactor's thread it simply runs; in another thread it runs in the reactor
    while the calling thread waits, and a Deferred's result is returned (or its error raised) there.

    The object needs an attribute `reactor`.
    """

    @wraps(method)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        thread = threadable.ioThread
        if thread is None or thread == get_ident():
            return method(*args, **kwargs)
        owner: Any = args[0]
        result: R = blockingCallFromThread(owner.reactor, method, *args, **kwargs)
        return result

    return call
