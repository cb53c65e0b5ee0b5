"""What peers can provoke is logged seldom."""

from __future__ import annotations

from twisted.internet.task import Clock

from esframework.plugins.quiet import Quiet


def test_the_first_is_logged_and_then_one_in_an_interval_with_the_number_passed_over() -> None:
    clock = Clock()
    quiet = Quiet(clock, interval=10.0)
    assert [quiet.admits("a") for _ in range(4)] == [0, None, None, None]
    clock.advance(10.0)
    assert [quiet.admits("a") for _ in range(2)] == [3, None]


def test_kinds_do_not_silence_each_other() -> None:
    quiet = Quiet(Clock())
    assert [quiet.admits(kind) for kind in ("a", "b", "a")] == [0, 0, None]


def test_kinds_are_remembered_up_to_a_bound() -> None:
    quiet = Quiet(Clock())
    for kind in range(5000):
        quiet.admits(kind)
    assert len(quiet._kinds) <= 1024
