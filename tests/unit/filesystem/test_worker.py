"""Work on one file, one piece after another."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from esframework.filesystem.worker import FileWorker


class Threads:
    """A reactor and its threads, which work when they are told to."""

    def __init__(self) -> None:
        self.given: list[tuple[Callable[[bool, Any], None], Callable[[], Any]]] = []
        self.is_stopped = False

    def getThreadPool(self) -> Threads:
        return self

    def callInThreadWithCallback(self, done: Callable[[bool, Any], None], work: Callable[[], Any]) -> None:
        if self.is_stopped:
            raise RuntimeError("stopped")
        self.given.append((done, work))

    def callFromThread(self, call: Callable[..., None], *arguments: Any) -> None:
        call(*arguments)

    def work(self) -> None:
        """Do what was given first."""
        done, work = self.given.pop(0)
        try:
            result = work()
        except Exception:
            done(False, Failure())
        else:
            done(True, result)


def raises() -> None:
    """Fails."""
    raise OSError("the disk is gone")


def results_of(answers: list[Deferred[Any]]) -> list[Any]:
    """What has come of each, errors by their types."""
    results: list[Any] = []
    for answer in answers:
        answer.addCallbacks(results.append, lambda failure: results.append(failure.type))
    return results


def test_one_piece_of_work_begins_when_the_one_before_has_ended() -> None:
    threads = Threads()
    worker = FileWorker(threads)
    results = results_of([worker.run(work) for work in (lambda: 1, raises, lambda: 3)])
    for expected in ([], [1], [1, OSError]):
        assert results == expected
        assert len(threads.given) == 1
        threads.work()
    assert results == [1, OSError, 3]
    assert threads.given == []
    assert results_of([worker.run(lambda: 4)]) == []
    assert len(threads.given) == 1


def test_work_that_is_given_up_is_done_all_the_same_before_the_next() -> None:
    threads = Threads()
    worker = FileWorker(threads)
    done: list[int] = []
    given_up, following = worker.run(lambda: done.append(1)), worker.run(lambda: done.append(2))
    results = results_of([given_up])
    given_up.cancel()
    assert results == [CancelledError]
    threads.work()
    threads.work()
    assert done == [1, 2]
    assert following.called


def test_an_answer_may_bring_more_work() -> None:
    threads = Threads()
    worker = FileWorker(threads)
    answers: list[Any] = []
    first = worker.run(lambda: 1)
    first.addCallback(lambda _: answers.append(worker.run(lambda: 2)))
    threads.work()
    threads.work()
    assert results_of(answers) == [2]


@pytest.mark.parametrize("waiting", [0, 2])
def test_when_there_are_no_threads_any_more_everybody_hears_of_it(waiting: int) -> None:
    threads = Threads()
    worker = FileWorker(threads)
    before = [worker.run(lambda: 1) for _ in range(waiting)]
    threads.is_stopped = True
    results = results_of([*before, worker.run(lambda: 2)])
    if waiting:
        threads.work()
    assert sorted(map(str, results)) == sorted(map(str, ([1] if waiting else []) + [RuntimeError] * max(1, waiting)))
