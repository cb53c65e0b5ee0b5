"""A reactor whose time is moved by hand."""

from __future__ import annotations

from threading import Thread, get_ident

import pytest
from twisted.internet.interfaces import IReactorFromThreads, IReactorTime
from twisted.internet.task import LoopingCall
from twisted.internet.threads import deferToThreadPool
from zope.interface.verify import verifyObject

from esframework.testing import VirtualReactor


def test_it_provides_what_engines_use() -> None:
    assert verifyObject(IReactorTime, VirtualReactor())
    assert verifyObject(IReactorFromThreads, VirtualReactor())


def test_each_call_runs_at_its_own_time() -> None:
    reactor = VirtualReactor()
    ran: list[float] = []
    loop = LoopingCall(lambda: ran.append(reactor.seconds()))
    loop.clock = reactor
    loop.start(1.0, now=False)
    reactor.advance(3.5)
    loop.stop()
    assert ran == [1.0, 2.0, 3.0]
    assert reactor.seconds() == 3.5


def test_a_jump_runs_what_is_due_late_and_once() -> None:
    reactor = VirtualReactor()
    ran: list[float] = []
    loop = LoopingCall(lambda: ran.append(reactor.seconds()))
    loop.clock = reactor
    loop.start(1.0, now=False)
    reactor.jump(100.0)
    loop.stop()
    assert ran == [100.0]


def test_calls_run_in_order_though_some_are_put_off_or_brought_forward() -> None:
    reactor = VirtualReactor()
    ran: list[str] = []
    calls = {name: reactor.callLater(seconds, ran.append, name) for name, seconds in (("a", 1), ("b", 2), ("c", 3))}
    calls["a"].delay(3)
    calls["c"].reset(0.5)
    reactor.callLater(2, ran.append, "after b")
    assert reactor.next_call_at == 0.5
    reactor.advance(10)
    assert ran == ["c", "b", "after b", "a"]
    assert reactor.next_call_at is None


def test_what_a_call_raises_comes_out() -> None:
    reactor = VirtualReactor()
    reactor.callLater(1, lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        reactor.advance(2)


def test_what_calls_itself_without_end_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("esframework.testing.reactor._MOST_CALLS_AT_ONCE", 100)
    reactor = VirtualReactor()

    def again() -> None:
        reactor.callLater(0, again)

    again()
    with pytest.raises(RuntimeError, match="calls itself"):
        reactor.settle()


def test_calls_from_threads_run_in_the_tests_thread() -> None:
    reactor = VirtualReactor()
    ran_in: list[int] = []
    thread = Thread(target=lambda: reactor.callFromThread(lambda: ran_in.append(get_ident())))
    thread.start()
    thread.join()
    assert ran_in == []
    reactor.settle()
    assert ran_in == [get_ident()]
    assert not reactor.wait_for_thread(0.001)


def test_triggers_can_be_added_and_removed() -> None:
    reactor = VirtualReactor()
    trigger = reactor.addSystemEventTrigger("during", "shutdown", lambda: None)
    reactor.removeSystemEventTrigger(trigger)
    with pytest.raises(KeyError):
        reactor.removeSystemEventTrigger(trigger)


def test_work_for_threads_is_done_in_its_turn_and_takes_no_time() -> None:
    reactor = VirtualReactor()
    told: list[object] = []
    deferToThreadPool(reactor, reactor.getThreadPool(), lambda: 6 * 7).addCallback(told.append)
    deferToThreadPool(reactor, reactor.getThreadPool(), lambda: 1 // 0).addErrback(
        lambda failure: told.append(failure.type)
    )
    assert told == []
    reactor.settle()
    assert (told, reactor.seconds()) == ([42, ZeroDivisionError], 0.0)


def test_a_call_that_was_put_off_may_be_wanted_sooner_again() -> None:
    reactor = VirtualReactor()
    ran: list[str] = []
    call = reactor.callLater(0.1, ran.append, "this")
    call.reset(1.0)
    reactor.callLater(0.9, ran.append, "that")
    reactor.advance(0.5)
    call.reset(0.0)
    reactor.settle()
    assert ran == ["this"]
    reactor.advance(1.0)
    assert ran == ["this", "that"]
