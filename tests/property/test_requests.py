"""A walk over the table of requests, beside a model of it that is too simple to be wrong."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from esframework.errors import TooManyRequests
from esframework.machines.requests import Requests

LIMIT = 6
TARGETS = st.sampled_from([None, "bob", "carol"])
TYPES = st.sampled_from([204, 206])
IDS = st.integers(0, 30)


@dataclass
class Open:
    """What the model knows of a request."""

    target: str | None
    answer_type: int
    deadline: float | None


class RequestsWalk(RuleBasedStateMachine):
    """Opens, answers, closes and lets time pass."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: Requests[int] = Requests(LIMIT)
        self.model: dict[int, Open] = {}
        self.now = 0.0
        self.opened = 0

    @rule(asked=TARGETS, answer_type=TYPES, timeout=st.sampled_from([0.0, -1.0, 1.0, 2.5, 10.0]))
    def open(self, asked: str | None, answer_type: int, timeout: float) -> None:
        self.opened += 1
        if len(self.model) >= LIMIT:
            with pytest.raises(TooManyRequests):
                self.requests.open(asked, 203, answer_type, timeout, self.now, self.opened)
            return
        message_id = self.requests.open(asked, 203, answer_type, timeout, self.now, self.opened)
        assert message_id not in self.model
        assert 0 < message_id < 2**31
        self.model[message_id] = Open(asked, answer_type, self.now + timeout if timeout > 0 else None)

    @rule(message_id=IDS, source=TARGETS, answer_type=TYPES)
    def answer(self, message_id: int, source: str | None, answer_type: int) -> None:
        known = self.model.get(message_id)
        is_expected = known is not None and (known.target, known.answer_type) == (source, answer_type)
        assert (self.requests.answered(message_id, source, answer_type) is not None) is is_expected
        if is_expected:
            del self.model[message_id]

    @rule(message_id=IDS)
    def close(self, message_id: int) -> None:
        assert (self.requests.close(message_id) is not None) is (self.model.pop(message_id, None) is not None)

    @rule(gone_target=TARGETS)
    def target_gone(self, gone_target: str | None) -> None:
        closed = self.requests.close_target(gone_target)
        gone = [message_id for message_id, known in self.model.items() if known.target == gone_target]
        assert len(closed) == len(gone)
        for message_id in gone:
            del self.model[message_id]

    @rule(seconds=st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        due = [
            message_id
            for message_id, known in self.model.items()
            if known.deadline is not None and known.deadline <= self.now
        ]
        assert len(self.requests.expired(self.now)) == len(due)
        for message_id in due:
            del self.model[message_id]

    @invariant()
    def both_agree(self) -> None:
        assert len(self.requests) == len(self.model)
        deadlines = [known.deadline for known in self.model.values() if known.deadline is not None]
        assert self.requests.next_deadline() == min(deadlines, default=None)


TestRequests = RequestsWalk.TestCase
TestRequests.settings = settings(max_examples=40, stateful_step_count=30)
