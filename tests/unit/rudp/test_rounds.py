"""Both ends begin a round at the same moment, and end it in time whatever the other says."""

from __future__ import annotations

from math import inf

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.rounds import Rounds
from esframework.rudp.stages import Step


def test_nothing_is_due_before_the_beginning() -> None:
    rounds = Rounds(True)
    assert rounds.deadline == inf
    assert rounds.expired(1e9) is None


@pytest.mark.parametrize(
    ("relay_round_trip", "head_start"),
    [(0.2, 0.1), (0.0, 0.0), (-1.0, 0.0), (60.0, limits.LONGEST_HEAD_START)],
)
def test_a_leader_begins_when_its_announcement_has_arrived(relay_round_trip: float, head_start: float) -> None:
    rounds = Rounds(True)
    rounds.wait(5.0, relay_round_trip)
    assert rounds.deadline == 5.0 + head_start
    assert rounds.expired(5.0 + head_start) is Step.ROUND_BEGINS


def test_a_follower_waits_for_it_and_not_for_ever() -> None:
    rounds = Rounds(False)
    rounds.wait(5.0, 0.2)
    assert rounds.expired(5.0 + limits.SYNC_WAIT - 0.01) is None
    assert rounds.expired(5.0 + limits.SYNC_WAIT) is Step.ROUNDS_OVER


@pytest.mark.parametrize("is_leader", [True, False])
def test_rounds_follow_each_other_and_end(is_leader: bool) -> None:
    rounds = Rounds(is_leader)
    for number in range(1, limits.ROUNDS + 1):
        rounds.begin(number, 10.0)
        is_last = number == limits.ROUNDS
        longer = limits.NOMINATION_TIME if is_last and not is_leader else 0.0
        assert rounds.deadline == 10.0 + limits.ROUND_TIME + longer
        assert rounds.expired(rounds.deadline) is (Step.ROUNDS_OVER if is_last else Step.ROUND_OVER)


def test_only_a_later_round_begins_and_there_are_so_many() -> None:
    rounds = Rounds(False)
    rounds.begin(2, 0.0)
    allowed = [number for number in range(-1, 300) if rounds.may_begin(number)]
    assert allowed == [limits.ROUNDS]
