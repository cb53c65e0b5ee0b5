"""The table of an attempt's states is whole; that attempts keep to it is in test_punch."""

from __future__ import annotations

import pytest

from esframework.rudp.stages import TRANSITIONS, State, Step


def test_every_state_has_a_row() -> None:
    assert set(TRANSITIONS) == set(State)


def test_every_state_is_reached_and_every_step_does_something() -> None:
    reached, steps = {State.NEW}, set()
    for _ in State:
        for state in list(reached):
            reached |= set(TRANSITIONS[state].values())
            steps |= set(TRANSITIONS[state])
    assert reached == set(State)
    assert steps == set(Step)


@pytest.mark.parametrize("state", State)
def test_what_is_over_stays_so_and_anything_else_can_be_stopped(state: State) -> None:
    if state.is_over:
        assert not TRANSITIONS[state]
    else:
        assert TRANSITIONS[state][Step.STOP] is State.STOPPED


@pytest.mark.parametrize("state", [state for state in State if not state.is_over and state is not State.OPEN])
def test_from_every_state_a_path_may_come_of_it_and_before_one_is_in_use_failure_too(state: State) -> None:
    reached = {state}
    for _ in State:
        reached |= {after for before in list(reached) for after in TRANSITIONS[before].values()}
    assert State.OPEN in reached
    assert (State.FAILED in reached) is (state is not State.UPGRADING)
