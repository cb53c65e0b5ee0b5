"""Heartbeats and death."""

from __future__ import annotations

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.liveness import Liveness


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, 4.0), (0.5, 5.0), (1.0, 6.0)])
def test_a_heartbeat_is_due_when_nothing_was_answered_for_about_five_seconds(chance: float, seconds: float) -> None:
    life = Liveness(10.0, lambda: chance)
    assert life.deadline == pytest.approx(10.0 + seconds)
    assert not life.beats(10.0 + seconds - 0.1)
    assert life.beats(10.0 + seconds)
    assert not life.beats(10.0 + seconds)


def test_an_answer_postpones_it() -> None:
    life = Liveness(0.0, lambda: 0.5)
    life.answered(3.0)
    assert life.deadline == pytest.approx(8.0)


def test_death_comes_after_silence_and_not_before() -> None:
    life = Liveness(0.0, lambda: 0.5)
    assert life.dies_at == limits.SILENCE
    life.heard(10.0)
    assert life.dies_at == 10.0 + limits.SILENCE
    assert life.silence(12.0) == 2.0


def test_who_was_asleep_listens_a_little_before_giving_up() -> None:
    life = Liveness(0.0, lambda: 0.5)
    assert not life.is_over(limits.SILENCE - 0.1)
    assert not life.is_over(100.0)
    assert not life.is_over(100.0 + limits.LATE - 0.01)
    assert life.is_over(100.0 + limits.LATE)


def test_who_is_awake_gives_up_in_time() -> None:
    assert Liveness(0.0, lambda: 0.5).is_over(limits.SILENCE)


def test_the_path_is_lost_three_seconds_before_and_once_for_each_silence() -> None:
    life = Liveness(0.0, lambda: 0.5)
    life.beats(10.0)
    assert life.deadline == 12.0
    assert not life.is_lost(11.9)
    assert life.is_lost(12.0)
    assert not life.is_lost(13.0)
    assert life.deadline == limits.SILENCE
    life.heard(13.0)
    assert life.is_lost(25.0)


def test_a_doubt_is_answered_within_a_second_or_the_path_is_lost() -> None:
    life = Liveness(0.0, lambda: 0.5)
    life.doubt(1.0)
    assert life.deadline == 1.0 + limits.DOUBT
    life.heard(1.5)
    assert not life.is_lost(3.0)
    life.doubt(3.0)
    assert life.is_lost(4.0)
    assert not life.is_lost(5.0)
    # And once more before the other end is given up.
    assert life.is_lost(13.5)
