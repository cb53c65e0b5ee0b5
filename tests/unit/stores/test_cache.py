"""Answers kept for a while: how long, how many, and that a change is never overlooked."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework.stores.cache import Cache


class Source:
    """Answers when the test says so, and counts who asks."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.open: list[Deferred[str]] = []

    def load(self, key: str) -> Callable[[], Deferred[str]]:
        def load() -> Deferred[str]:
            self.asked.append(key)
            answer: Deferred[str] = Deferred()
            self.open.append(answer)
            return answer

        return load


class Time:
    """A clock that the test turns."""

    now = 0.0


def result_of(answer: Deferred[str]) -> str:
    results: list[str] = []
    answer.addCallback(results.append)
    assert results, "it has not fired"
    return results[0]


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def cache() -> Cache[str, str]:
    return Cache(len, maximum=10, lifetime=30, now=lambda: Time.now)


@pytest.fixture(autouse=True)
def time() -> None:
    Time.now = 0.0


def fill(cache: Cache[str, str], key: str, value: str) -> None:
    cache.get(key, lambda: succeed(value))


def is_kept(cache: Cache[str, str], key: str) -> bool:
    asked: list[str] = []
    cache.get(key, lambda: asked.append(key) or Deferred())  # type: ignore[func-returns-value]
    cache.forget(key) if asked else None
    return not asked


def test_an_answer_is_asked_for_once(cache: Cache[str, str], source: Source) -> None:
    first = cache.get("a", source.load("a"))
    source.open[0].callback("A")
    assert result_of(first) == result_of(cache.get("a", source.load("a"))) == "A"
    assert source.asked == ["a"]


def test_all_who_wait_share_one_question(cache: Cache[str, str], source: Source) -> None:
    answers = [cache.get("a", source.load("a")) for _ in range(5)]
    other = cache.get("b", source.load("b"))
    assert source.asked == ["a", "b"]
    source.open[0].callback("A")
    assert [result_of(answer) for answer in answers] == ["A"] * 5
    assert not other.called


def test_one_who_gives_up_does_not_spoil_it_for_the_others(cache: Cache[str, str], source: Source) -> None:
    one, other = (cache.get("a", source.load("a")) for _ in range(2))
    one.addErrback(lambda failure: None)
    one.cancel()
    source.open[0].callback("A")
    assert result_of(other) == "A"


def test_a_failure_is_told_to_all_and_not_kept(cache: Cache[str, str], source: Source) -> None:
    failures: list[type] = []
    for _ in range(2):
        cache.get("a", source.load("a")).addErrback(lambda failure: failures.append(failure.type))
    source.open[0].errback(ZeroDivisionError())
    assert failures == [ZeroDivisionError] * 2
    assert not is_kept(cache, "a")


def test_what_changed_is_asked_for_anew(cache: Cache[str, str]) -> None:
    fill(cache, "a", "A")
    fill(cache, "b", "B")
    cache.forget("a", "unknown")
    assert not is_kept(cache, "a")
    assert is_kept(cache, "b")
    cache.clear()
    assert not is_kept(cache, "b")


@pytest.mark.parametrize("everything", [False, True])
def test_a_change_during_a_question_is_not_overlooked(
    cache: Cache[str, str], source: Source, everything: bool
) -> None:
    early = cache.get("a", source.load("a"))
    cache.clear() if everything else cache.forget("a")
    late = cache.get("a", source.load("a"))
    source.open[0].callback("old")
    assert result_of(early) == "old"
    assert not late.called
    source.open[1].callback("new")
    assert result_of(late) == "new"
    assert result_of(cache.get("a", source.load("a"))) == "new"
    assert source.asked == ["a", "a"]


def test_an_answer_grows_old(cache: Cache[str, str]) -> None:
    fill(cache, "a", "A")
    Time.now = 29.9
    assert is_kept(cache, "a")
    Time.now = 30.0
    assert not is_kept(cache, "a")


def test_what_was_not_asked_for_longest_goes_first(cache: Cache[str, str]) -> None:
    for key in "abc":
        fill(cache, key, "xxx")
    assert is_kept(cache, "a")
    fill(cache, "d", "xxx")
    assert [key for key in "abcd" if is_kept(cache, key)] == ["a", "c", "d"]


def test_an_answer_larger_than_the_cache_is_not_kept(cache: Cache[str, str]) -> None:
    fill(cache, "a", "A")
    fill(cache, "b", "x" * 11)
    assert not is_kept(cache, "b")


def test_an_answer_that_is_renewed_weighs_once(cache: Cache[str, str]) -> None:
    for time in range(5):
        Time.now = time * 40.0
        fill(cache, "a", "xxxxxx")
    fill(cache, "b", "xxxx")
    assert is_kept(cache, "a")
    assert is_kept(cache, "b")
