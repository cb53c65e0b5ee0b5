"""The law of attachments: each state meets each input, and then what single rules say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from esframework import limits
from esframework.managers.custom.attachments.contracts import UNKNOWN_SIZE, Refusal
from esframework.managers.custom.attachments.machine import (
    Broken,
    Incoming,
    OpenAttachments,
    Outgoing,
    ReceiverState,
    SenderState,
    TooManyOpen,
)

S, R = SenderState, ReceiverState
WINDOW = 1000
ILLEGAL = "the program itself erred"
BROKEN = "the other end erred"


# --- the sender: state x input ----------------------------------------------------------------------------------------
def sender_in(state: SenderState) -> Outgoing:
    """A sender of ten bytes that has come to a state; its receiver is `phone`, and may get six bytes."""
    machine = Outgoing(10, 0.0, 30.0)
    if state is S.WANT_ANSWER:
        return machine
    if state is S.OVER:
        machine.close()
        return machine
    machine.grant("phone", 6, 1.0)
    if state is S.WANT_GRANT:
        machine.piece(6)
    if state is S.WANT_CONFIRMATION:
        machine.grant("phone", 10, 1.0)
        machine.piece(10)
        machine.end()
    assert machine.state is state
    return machine


SENDER_INPUTS: dict[str, Callable[[Outgoing], Any]] = {
    "grant": lambda machine: machine.grant("phone", 8, 2.0),
    "grant of another": lambda machine: machine.grant("laptop", 8, 2.0),
    "refusal": lambda machine: machine.refuse("phone", Refusal.FAILED, 1),
    "refusal of another": lambda machine: machine.refuse("laptop", Refusal.FAILED, 2),
    "piece": lambda machine: machine.piece(6),
    "end": lambda machine: machine.end(),
    "confirmation": lambda machine: machine.confirm("phone"),
    "confirmation of another": lambda machine: machine.confirm("laptop"),
    "close": lambda machine: machine.close(),
}

# State and input -> what the input gives, and the state after it.
SENDER_LAW: dict[SenderState, dict[str, tuple[Any, SenderState]]] = {
    S.WANT_ANSWER: {
        "grant": (True, S.WANT_CONTENT),
        "grant of another": (True, S.WANT_CONTENT),
        "refusal": (True, S.OVER),
        "refusal of another": (False, S.WANT_ANSWER),
        "piece": (ILLEGAL, S.WANT_ANSWER),
        "end": (ILLEGAL, S.WANT_ANSWER),
        "confirmation": (False, S.WANT_ANSWER),
        "confirmation of another": (False, S.WANT_ANSWER),
        "close": (True, S.OVER),
    },
    S.WANT_CONTENT: {
        "grant": (True, S.WANT_CONTENT),
        "grant of another": (False, S.WANT_CONTENT),
        "refusal": (True, S.OVER),
        "refusal of another": (False, S.WANT_CONTENT),
        "piece": (0, S.WANT_GRANT),
        "end": (False, S.WANT_CONTENT),
        "confirmation": (False, S.WANT_CONTENT),
        "confirmation of another": (False, S.WANT_CONTENT),
        "close": (True, S.OVER),
    },
    S.WANT_GRANT: {
        "grant": (True, S.WANT_CONTENT),
        "grant of another": (False, S.WANT_GRANT),
        "refusal": (True, S.OVER),
        "refusal of another": (False, S.WANT_GRANT),
        "piece": (ILLEGAL, S.WANT_GRANT),
        "end": (False, S.WANT_GRANT),
        "confirmation": (False, S.WANT_GRANT),
        "confirmation of another": (False, S.WANT_GRANT),
        "close": (True, S.OVER),
    },
    S.WANT_CONFIRMATION: {
        "grant": (True, S.WANT_CONFIRMATION),
        "grant of another": (False, S.WANT_CONFIRMATION),
        "refusal": (True, S.OVER),
        "refusal of another": (False, S.WANT_CONFIRMATION),
        "piece": (ILLEGAL, S.WANT_CONFIRMATION),
        "end": (ILLEGAL, S.WANT_CONFIRMATION),
        "confirmation": (True, S.OVER),
        "confirmation of another": (False, S.WANT_CONFIRMATION),
        "close": (True, S.OVER),
    },
    S.OVER: {
        "grant": (False, S.OVER),
        "grant of another": (False, S.OVER),
        "refusal": (False, S.OVER),
        "refusal of another": (False, S.OVER),
        "piece": (ILLEGAL, S.OVER),
        "end": (ILLEGAL, S.OVER),
        "confirmation": (False, S.OVER),
        "confirmation of another": (False, S.OVER),
        "close": (False, S.OVER),
    },
}


@pytest.mark.parametrize("given", SENDER_INPUTS)
@pytest.mark.parametrize("state", SenderState)
def test_the_senders_law(state: SenderState, given: str) -> None:
    machine = sender_in(state)
    result, after = SENDER_LAW[state][given]
    if result is ILLEGAL:
        with pytest.raises(AssertionError):
            SENDER_INPUTS[given](machine)
    else:
        assert SENDER_INPUTS[given](machine) == result
    assert machine.state is after


# --- the receiver: state x input --------------------------------------------------------------------------------------
def receiver_in(state: ReceiverState) -> Incoming:
    """A receiver that was offered ten bytes, and has come to a state; four bytes have come, or all."""
    machine = Incoming(10, 0.0, WINDOW)
    if state is not R.WANT_DECISION:
        machine.accept(1.0)
        machine.piece(0, 4, 1.0)
    if state is R.WANT_CONSUMER:
        machine.piece(4, 6, 1.0)
        machine.end(10, 1.0)
    if state is R.OVER:
        machine.close()
    assert machine.state is state
    return machine


RECEIVER_INPUTS: dict[str, Callable[[Incoming], Any]] = {
    "acceptance": lambda machine: machine.accept(2.0),
    "the next piece": lambda machine: machine.piece(machine.received, 6, 2.0),
    "a piece beyond the offered size": lambda machine: machine.piece(machine.received, 7, 2.0),
    "a piece beyond the grant": lambda machine: machine.piece(machine.received, WINDOW + 1, 2.0),
    "a piece out of order": lambda machine: machine.piece(machine.received + 1, 1, 2.0),
    "a piece once more": lambda machine: machine.piece(machine.received - 1, 1, 2.0),
    "a question": lambda machine: machine.piece(machine.received, 0, 2.0),
    "a question out of order": lambda machine: machine.piece(machine.received + 1, 0, 2.0),
    "the end, too early": lambda machine: machine.end(4, 2.0),
    "the end, of another size": lambda machine: machine.end(11, 2.0),
    "close": lambda machine: machine.close(),
}

RECEIVER_LAW: dict[ReceiverState, dict[str, tuple[Any, ReceiverState]]] = {
    R.WANT_DECISION: {
        **dict.fromkeys(RECEIVER_INPUTS, (BROKEN, R.OVER)),
        "acceptance": (None, R.WANT_PIECES),
        "a question": (False, R.WANT_DECISION),
        "a question out of order": (False, R.WANT_DECISION),
        "close": (True, R.OVER),
    },
    R.WANT_PIECES: {
        **dict.fromkeys(RECEIVER_INPUTS, (BROKEN, R.OVER)),
        "acceptance": (ILLEGAL, R.WANT_PIECES),
        "the next piece": (False, R.WANT_PIECES),
        "a question": (True, R.WANT_PIECES),
        "close": (True, R.OVER),
    },
    R.WANT_CONSUMER: {
        **dict.fromkeys(RECEIVER_INPUTS, (BROKEN, R.OVER)),
        "acceptance": (ILLEGAL, R.WANT_CONSUMER),
        "a question": (True, R.WANT_CONSUMER),
        "close": (True, R.OVER),
    },
    R.OVER: {
        **dict.fromkeys(RECEIVER_INPUTS, (False, R.OVER)),
        "acceptance": (ILLEGAL, R.OVER),
        "the end, too early": (None, R.OVER),
        "the end, of another size": (None, R.OVER),
    },
}


@pytest.mark.parametrize("given", RECEIVER_INPUTS)
@pytest.mark.parametrize("state", ReceiverState)
def test_the_receivers_law(state: ReceiverState, given: str) -> None:
    machine = receiver_in(state)
    result, after = RECEIVER_LAW[state][given]
    if result is ILLEGAL or result is BROKEN:
        with pytest.raises(AssertionError if result is ILLEGAL else Broken):
            RECEIVER_INPUTS[given](machine)
    else:
        assert RECEIVER_INPUTS[given](machine) == result
    assert machine.state is after


# --- single rules -----------------------------------------------------------------------------------------------------
def test_an_attachment_goes_from_one_end_to_the_other() -> None:
    sender, receiver = Outgoing(UNKNOWN_SIZE, 0.0, 30.0), Incoming(UNKNOWN_SIZE, 0.0, 8)
    receiver.accept(0.0)
    sender.grant("phone", receiver.granted, 0.0)
    for length in (8, 5, 3, 0):
        if length:
            receiver.piece(sender.piece(length), length, 1.0)
            assert receiver.take(length, 1.0)
            sender.grant("phone", receiver.granted, 1.0)
    assert sender.taken == 16
    assert sender.end()
    receiver.end(sender.sent, 2.0)
    assert receiver.is_whole
    assert sender.confirm("phone")


def test_a_repeated_or_smaller_grant_takes_nothing_back() -> None:
    sender = sender_in(S.WANT_CONTENT)
    sender.grant("phone", 3, 2.0)
    assert sender.room == 6


def test_it_is_refused_when_the_last_device_has_refused_and_not_before() -> None:
    sender = Outgoing(10, 0.0, 30.0)
    assert [sender.refuse(device, Refusal.REFUSED, 2) for device in ("phone", "phone", "laptop")] == [
        False,
        False,
        True,
    ]


def test_a_device_that_came_after_the_offer_refuses_nothing() -> None:
    sender = Outgoing(10, 0.0, 30.0)
    assert not sender.refuse("newcomer", Refusal.UNKNOWN, 1)
    assert sender.state is S.WANT_ANSWER


def test_a_source_may_give_no_more_and_no_less_than_was_offered() -> None:
    sender = Outgoing(10, 0.0, 30.0)
    sender.grant("phone", WINDOW, 0.0)
    assert sender.fits(10) and not sender.fits(11)
    sender.piece(9)
    assert sender.fits(1) and not sender.fits(2)
    assert not sender.end()
    assert Outgoing(UNKNOWN_SIZE, 0.0, 30.0).fits(2**62)


@pytest.mark.parametrize(("timeout", "silent"), [(30.0, True), (31.0, False), (0.0, False)])
def test_the_decision_has_a_time_and_zero_is_for_ever(timeout: float, silent: bool) -> None:
    assert Outgoing(10, 0.0, timeout).is_silent(30.0) is silent


@pytest.mark.parametrize("state", [S.WANT_CONTENT, S.WANT_GRANT, S.WANT_CONFIRMATION])
def test_a_receiver_that_is_not_heard_of_for_long_is_given_up(state: SenderState) -> None:
    sender = sender_in(state)
    heard = 1.0
    assert not sender.is_silent(heard + limits.ATTACHMENT_IDLE_TIMEOUT - 1)
    assert sender.is_silent(heard + limits.ATTACHMENT_IDLE_TIMEOUT)
    sender.grant("phone", 6, heard + 30)
    assert not sender.is_silent(heard + limits.ATTACHMENT_IDLE_TIMEOUT)


def test_a_sender_asks_now_and_then_and_only_when_it_hears_nothing() -> None:
    sender = sender_in(S.WANT_GRANT)
    pause = limits.ATTACHMENT_ASK_INTERVAL
    moments = (pause, 1.0 + pause, 2.0 + pause, 1.0 + 2 * pause)
    assert [sender.wants_to_ask(now) for now in moments] == [False, True, False, True]
    sender.grant("phone", 6, 25.0)
    assert [sender.wants_to_ask(now) for now in (24.0 + pause, 25.0 + pause)] == [False, True]
    sender.close()
    assert not sender.wants_to_ask(100.0)


def test_a_sender_that_is_not_heard_of_for_long_is_given_up_unless_everything_is_here() -> None:
    receivers = {state: receiver_in(state) for state in ReceiverState}
    silent = {state: receivers[state].is_silent(61.0) for state in ReceiverState}
    assert silent == {R.WANT_DECISION: True, R.WANT_PIECES: True, R.WANT_CONSUMER: False, R.OVER: False}
    receivers[R.WANT_PIECES].piece(4, 0, 60.0)
    assert not receivers[R.WANT_PIECES].is_silent(61.0)


def test_more_is_granted_when_it_is_worth_a_message_or_nothing_was_said_for_long() -> None:
    receiver = Incoming(UNKNOWN_SIZE, 0.0, 80)
    receiver.accept(0.0)
    receiver.piece(0, 30, 0.0)
    assert [receiver.take(length, 0.0) for length in (9, 1)] == [False, True]
    assert receiver.granted == 90
    pause = limits.ATTACHMENT_ASK_INTERVAL
    assert [receiver.take(1, now) for now in (pause - 1, pause)] == [False, True]
    assert receiver.granted == 92


def test_a_receiver_asks_now_and_then_and_only_when_it_hears_nothing() -> None:
    pause = limits.ATTACHMENT_ASK_INTERVAL
    moments = (pause, 1.0 + pause, 2.0 + pause, 1.0 + 2 * pause)
    asks = {state: [receiver_in(state).wants_to_ask(now) for now in moments[:2]] for state in ReceiverState}
    assert [state for state, asked in asks.items() if any(asked)] == [R.WANT_PIECES]
    receiver = receiver_in(R.WANT_PIECES)
    assert [receiver.wants_to_ask(now) for now in moments] == [False, True, False, True]
    receiver.piece(4, 1, 30.0)
    assert [receiver.wants_to_ask(now) for now in (29.0 + pause, 30.0 + pause)] == [False, True]


def test_it_is_whole_when_the_end_was_said_and_everything_is_taken() -> None:
    receiver = receiver_in(R.WANT_CONSUMER)
    receiver.take(4, 2.0)
    assert not receiver.is_whole
    receiver.take(6, 2.0)
    assert receiver.is_whole


# --- the table ------------------------------------------------------------------------------------------------------
@dataclass(eq=False)
class Entry:
    """What a receiver keeps."""

    machine: Incoming


def entry() -> Entry:
    return Entry(Incoming(1, 0.0))


def test_the_attachments_of_one_sender_are_limited_and_so_are_all() -> None:
    table: OpenAttachments[Entry] = OpenAttachments(2, 3)
    first = entry()
    table.add("alice", 1, first)
    table.add("alice", 2, entry())
    with pytest.raises(TooManyOpen, match="alice has 2"):
        table.add("alice", 3, entry())
    table.add("bob", 1, entry())
    with pytest.raises(TooManyOpen, match="3 attachments are open"):
        table.add("carol", 1, entry())
    table.remove("alice", 1, first)
    table.add("carol", 1, entry())
    assert len(table) == 3


def test_what_is_removed_is_the_entry_and_not_its_number() -> None:
    table: OpenAttachments[Entry] = OpenAttachments()
    old, new = entry(), entry()
    table.add("alice", 1, old)
    table.remove("alice", 1, old)
    table.add("alice", 1, new)
    table.remove("alice", 1, old)
    table.remove("nobody", 1, old)
    assert table.find("alice", 1) is new and table.find("bob", 1) is None
    assert table.of("alice") == list(table.all()) == [new]
