"""Calls from worker threads."""

from __future__ import annotations

from threading import Thread, get_ident
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed

from esframework.net.threads import hops_to_reactor
from esframework.testing import VirtualReactor


class Facade:
    """A manager's face."""

    def __init__(self) -> None:
        self.reactor = VirtualReactor()
        self.threads: list[int] = []

    @hops_to_reactor
    def plain(self, value: int, *, times: int = 1) -> int:
        """A plain call."""
        self.threads.append(get_ident())
        return value * times

    @hops_to_reactor
    def later(self) -> Deferred[str]:
        """A call that waits."""
        self.threads.append(get_ident())
        return succeed("result")

    @hops_to_reactor
    def broken(self) -> Deferred[None]:
        """A call that fails."""
        return fail(KeyError("in the reactor"))


def in_thread(facade: Facade, call: Any) -> Any:
    """What a call gives in another thread."""
    results: list[Any] = []

    def run() -> None:
        try:
            results.append(call())
        except Exception as error:
            results.append(error)

    thread = Thread(target=run)
    thread.start()
    assert facade.reactor.wait_for_thread(10)
    thread.join(10)
    return results[0]


def test_in_the_reactors_thread_a_call_simply_runs() -> None:
    facade = Facade()
    assert facade.plain(3, times=2) == 6
    assert isinstance(facade.later(), Deferred)


def test_in_another_thread_it_runs_in_the_reactors_and_gives_the_plain_result() -> None:
    facade = Facade()
    assert in_thread(facade, lambda: facade.plain(3, times=2)) == 6
    assert in_thread(facade, facade.later) == "result"
    assert facade.threads == [get_ident()] * 2


def test_its_error_is_raised_in_the_calling_thread() -> None:
    facade = Facade()
    assert isinstance(in_thread(facade, facade.broken), KeyError)


def test_the_call_keeps_its_name_and_docstring() -> None:
    assert Facade.plain.__name__ == "plain"
    assert Facade.plain.__doc__ == "A plain call."
    with pytest.raises(TypeError):
        Facade().plain()
