"""One direction of a link at its sender: how each entry of its table comes about, and what waits for which answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from esframework.managers.p2p.machine.records import MESSAGES, Counts, Record, pack_ask
from esframework.managers.p2p.machine.sending import SENDING, Sender, State, Step

EPOCH = 7


class Bench:
    """A sender, and what it has done."""

    def __init__(self) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.is_full = False
        self.sender = Sender(self, EPOCH)

    def relay(self, stream: int, record: Record) -> None:
        self.done.append(("relay", record.message_id))

    def relay_kept(self, stream: int, record: Record) -> bool:
        if self.is_full:
            return False
        self.relay(stream, record)
        return True

    def write(self, channel: Any, stream: int, data: bytes) -> None:
        self.done.append((channel, stream, data))

    def announce(self, epoch: int) -> None:
        self.done.append(("announce", epoch))

    def ask(self, epoch: int) -> None:
        self.done.append(("ask", epoch))

    def send(self, number: int) -> None:
        self.sender.send(MESSAGES, Record(1000, number, b"x"))

    def open(self, channel: str = "channel") -> None:
        self.sender.opened(channel)

    def lose(self, better: str | None = None) -> None:
        self.sender.lost(better)

    def answer(self, counts: Counts | None = (0, 0, 0)) -> None:
        self.sender.answered(self.sender.epoch, counts)

    @property
    def relayed(self) -> list[int]:
        return [what[1] for what in self.done if what[0] == "relay"]


def by_server() -> Bench:
    return Bench()


def direct() -> Bench:
    bench = Bench()
    bench.open()
    return bench


def returning() -> Bench:
    bench = direct()
    bench.lose()
    return bench


def returning_with_channel() -> Bench:
    bench = returning()
    bench.open("newer")
    return bench


def returning_with_more() -> Bench:
    """More than the server takes: all that is sent from now on."""
    bench = returning()
    bench.send(0)
    bench.is_full = True
    return bench


WALK: dict[tuple[State, Step], tuple[Callable[[], Bench], Callable[[Bench], None]]] = {
    (State.BY_SERVER, Step.OPENED): (by_server, Bench.open),
    (State.DIRECT, Step.OPENED): (direct, lambda bench: bench.open("better")),
    (State.DIRECT, Step.CHANGED): (direct, lambda bench: bench.lose("worse")),
    (State.DIRECT, Step.LOST): (direct, Bench.lose),
    (State.RETURNING, Step.OPENED): (returning, Bench.open),
    (State.RETURNING, Step.CHANGED): (returning_with_channel, lambda bench: bench.lose("worse")),
    (State.RETURNING, Step.LOST): (returning_with_channel, Bench.lose),
    (State.RETURNING, Step.ANSWERED): (returning, Bench.answer),
    (State.RETURNING, Step.ANSWERED_BESIDE_CHANNEL): (returning_with_channel, Bench.answer),
    (State.RETURNING, Step.GONE): (returning, lambda bench: bench.sender.absent()),
    (State.RETURNING, Step.NOT_ALL_TAKEN): (returning_with_more, Bench.answer),
}
"""How each entry of the table comes about: a sender in that state, and what happens to it."""

STATES = {State.BY_SERVER: by_server, State.DIRECT: direct, State.RETURNING: returning}


def test_the_whole_table_is_walked() -> None:
    assert set(WALK) == {(state, step) for state, row in SENDING.items() for step in row}


@pytest.mark.parametrize(("state", "step"), WALK, ids=lambda part: part.name)
def test_a_sender_goes_where_the_table_says(state: State, step: Step) -> None:
    make, happen = WALK[state, step]
    bench = make()
    assert bench.sender.state is state
    happen(bench)
    assert bench.sender.state is SENDING[state][step]


@pytest.mark.parametrize(("state", "step"), WALK, ids=lambda part: part.name)
def test_what_was_sent_in_any_state_goes_by_the_server_in_the_end(state: State, step: Step) -> None:
    make, happen = WALK[state, step]
    bench = make()
    bench.send(1)
    happen(bench)
    bench.send(2)
    bench.lose()
    bench.is_full = False
    bench.answer()
    assert [number for number in bench.relayed if number] == [1, 2]
    assert bench.sender.state is State.BY_SERVER
    assert bench.sender.kept_bytes == 0


@pytest.mark.parametrize("state", [State.BY_SERVER, State.DIRECT], ids=lambda state: state.name)
@pytest.mark.parametrize("happen", [Bench.answer, lambda bench: bench.sender.absent()], ids=["answer", "absence"])
def test_nobody_is_believed_who_was_not_asked(state: State, happen: Callable[[Bench], None]) -> None:
    bench = STATES[state]()
    bench.send(1)
    happen(bench)
    assert bench.sender.state is state
    assert bench.sender.epoch == EPOCH


def test_an_end_that_is_gone_from_the_server_and_has_a_channel_is_asked_by_that() -> None:
    bench = returning_with_channel()
    bench.send(1)
    bench.sender.absent()
    assert bench.sender.state is State.RETURNING
    assert bench.relayed == []
    bench.done.clear()
    bench.lose()
    assert bench.done == [("announce", EPOCH), ("ask", EPOCH)]
    bench.sender.absent()
    assert bench.relayed == [1]


def test_each_channel_that_is_to_be_used_is_asked_by() -> None:
    bench = returning_with_channel()
    bench.lose("worse")
    asked = [what[0] for what in bench.done if what[1:] == (MESSAGES, pack_ask(EPOCH))]
    assert asked == ["newer", "worse"]


def test_what_the_server_does_not_take_waits_and_is_not_lost() -> None:
    bench = returning()
    bench.send(1)
    bench.is_full = True
    bench.answer()
    bench.send(2)
    assert (bench.relayed, bench.sender.state) == ([], State.RETURNING)
    assert bench.sender.kept_bytes > 0
    bench.is_full = False
    bench.sender.say_again()
    bench.answer(None)
    assert (bench.relayed, bench.sender.state) == ([1, 2], State.BY_SERVER)


def test_what_comes_by_a_channel_is_announced_behind_what_had_to_go_by_the_server() -> None:
    bench = direct()
    bench.send(1)
    bench.send(2)
    bench.lose()
    taken = iter((True, False))
    bench.sender._actions.relay_kept = lambda stream, record: next(taken)
    bench.answer()
    bench.open("newer")
    bench.done.clear()
    bench.answer(None)
    assert bench.done[0] == ("announce", bench.sender.epoch)
    assert bench.sender.epoch > EPOCH


def test_what_nobody_wants_any_more_is_not_sent_by_the_server() -> None:
    bench = Bench()
    bench.open()
    for number in range(4):
        bench.send(number)
    bench.sender.delivered(EPOCH, (1, 0, 0))
    bench.lose()
    bench.send(4)
    bench.send(5)
    bench.sender.give_up(lambda record: record.message_id in (2, 5))
    bench.answer((2, 0, 0))
    assert bench.relayed == [3, 4]


def test_while_a_channel_is_there_everything_is_sent_that_has_a_number() -> None:
    bench = Bench()
    bench.open()
    bench.send(0)
    bench.sender.give_up(lambda record: True)
    bench.lose()
    bench.answer()
    assert bench.relayed == [0]
