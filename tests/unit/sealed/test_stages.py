"""How each entry of the table of a connection's states comes about; the other end is played, and says what it likes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from esframework.rudp.events import CloseCode, Closed
from esframework.sealed import frames
from esframework.sealed.records import RecordSealer, connection_keys
from esframework.sealed.stages import TRANSITIONS, State, Step
from tests.sealed_ends import FOLLOWER_NONCE, LEADER_NONCE, end, session_keys


class Bench:
    """A connection, and the words of the other end."""

    def __init__(self, is_leader: bool = True) -> None:
        self.connection = end(is_leader)
        self._other = RecordSealer(connection_keys(session_keys(not is_leader), LEADER_NONCE, FOLLOWER_NONCE), 0.0)

    def hear(self, kind: int) -> None:
        self.connection.receive(self._other.seal(bytearray([kind]), 0.0), 0.0)

    def hear_close(self) -> None:
        record = bytearray()
        frames.put_close(record, CloseCode.DONE, "")
        self.connection.receive(self._other.seal(record, 0.0), 0.0)

    def choose(self) -> None:
        self.connection.choose(0.0)

    def close(self) -> None:
        self.connection.close(CloseCode.DONE, "", 0.0)

    def abort(self) -> None:
        self.connection.abort(CloseCode.DONE, "", 0.0)

    def words(self) -> dict[Step, Callable[[], None]]:
        """What the other end can say that leads somewhere in some state."""
        return {
            Step.READY: lambda: self.hear(frames.READY),
            Step.CHOSEN: lambda: self.hear(frames.CHOSEN),
            Step.AGREED: lambda: self.hear(frames.AGREED),
            Step.REMOTE_CLOSE: self.hear_close,
        }

    def take(self, step: Step) -> None:
        own = {Step.CHOICE: self.choose, Step.CLOSE: self.close, Step.END: self.abort}
        (self.words() | own)[step]()


def waiting() -> Bench:
    return Bench()


def found() -> Bench:
    bench = waiting()
    bench.take(Step.READY)
    return bench


def chosen() -> Bench:
    bench = found()
    bench.take(Step.CHOICE)
    return bench


def opened() -> Bench:
    bench = chosen()
    bench.take(Step.AGREED)
    return bench


def closing() -> Bench:
    bench = chosen()
    bench.take(Step.CLOSE)
    return bench


def closed() -> Bench:
    bench = waiting()
    bench.take(Step.END)
    return bench


LEADERS = {
    State.WAITING: waiting,
    State.FOUND: found,
    State.CHOSEN: chosen,
    State.OPEN: opened,
    State.CLOSING: closing,
    State.CLOSED: closed,
}
OF_LEADERS = [(state, step) for state, row in TRANSITIONS.items() for step in row if step is not Step.CHOSEN]
FORBIDDEN = [
    (state, step) for state in LEADERS for step in (Step.READY, Step.CHOSEN, Step.AGREED) if state is not State.CLOSED
]
"""Words that break the protocol, unless the table says that they lead somewhere; CHOSEN does for no leader."""


def test_the_table_is_whole() -> None:
    assert set(TRANSITIONS) == set(State) == set(LEADERS)
    assert {step for row in TRANSITIONS.values() for step in row} == set(Step)
    assert not TRANSITIONS[State.CLOSED]


@pytest.mark.parametrize(("state", "step"), OF_LEADERS, ids=lambda part: part.name)
def test_a_leader_goes_where_the_table_says(state: State, step: Step) -> None:
    bench = LEADERS[state]()
    assert bench.connection.state is state
    bench.take(step)
    assert bench.connection.state is TRANSITIONS[state][step]


def test_a_follower_opens_when_it_is_chosen_and_in_no_other_way() -> None:
    bench = Bench(is_leader=False)
    bench.take(Step.CHOSEN)
    assert bench.connection.state is TRANSITIONS[State.WAITING][Step.CHOSEN] is State.OPEN
    for step in (Step.READY, Step.AGREED):
        other = Bench(is_leader=False)
        other.take(step)
        assert ended(other).code == CloseCode.PROTOCOL


@pytest.mark.parametrize(("state", "step"), FORBIDDEN, ids=lambda part: part.name)
def test_a_word_that_the_table_does_not_know_ends_the_connection(state: State, step: Step) -> None:
    bench = LEADERS[state]()
    bench.take(step)
    if step in TRANSITIONS[state] and step is not Step.CHOSEN:
        assert bench.connection.state is TRANSITIONS[state][step]
    else:
        assert ended(bench).code == CloseCode.PROTOCOL


def test_nothing_happens_to_what_is_closed() -> None:
    bench = closed()
    for say in bench.words().values():
        say()
    assert bench.connection.state is State.CLOSED
    assert ended(bench).code == CloseCode.DONE


def ended(bench: Bench) -> Closed:
    """How it ended, which is told once."""
    assert bench.connection.state is State.CLOSED
    (told,) = [event for event in bench.connection.events(0.0) if isinstance(event, Closed)]
    return told
