"""A walk over the table of penalties: whatever happens, its promises hold."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from esframework.machines.throttle import Penalties, Rule

MOST = 4
KEYS = st.sampled_from("abcdef")
RULE = Rule(free=3, forget=50.0, first=1.0, longest=40.0)


class ThrottleWalk(RuleBasedStateMachine):
    """Tries, successes, pardons and time; beside them, when each key failed, for as long as that may matter."""

    def __init__(self) -> None:
        super().__init__()
        self.penalties: Penalties[str] = Penalties(RULE, MOST)
        self.now = 0.0
        self.admitted: dict[str, list[float]] = {}

    @rule(key=KEYS)
    def try_and_fail(self, key: str) -> None:
        if self.penalties.wait(key, self.now) > 0:
            return
        self.penalties.count(key, self.now)
        self.admitted.setdefault(key, []).append(self.now)

    @rule(key=KEYS)
    def try_and_succeed(self, key: str) -> None:
        if self.penalties.wait(key, self.now) > 0:
            return
        before = len(self.penalties)
        self.penalties.count(key, self.now)
        self.penalties.give_back(key, self.now)
        assert self.penalties.wait(key, self.now) <= RULE.longest
        assert len(self.penalties) <= max(before, 1)

    @rule(key=KEYS)
    def forgive(self, key: str) -> None:
        self.penalties.forgive(key)
        self.admitted.pop(key, None)
        assert self.penalties.wait(key, self.now) == 0

    @rule(seconds=st.sampled_from([0.3, 1.0, 7.0, 50.0, 400.0]))
    def wait(self, seconds: float) -> None:
        before = {key: self.penalties.wait(key, self.now) for key in "abcdef"}
        self.now += seconds
        self.penalties.forget_old(self.now)
        for key, wait in before.items():
            assert abs(self.penalties.wait(key, self.now) - max(0.0, wait - seconds)) < 1e-6

    @invariant()
    def the_table_is_bounded_and_no_wait_longer_than_the_longest(self) -> None:
        assert len(self.penalties) <= MOST
        assert all(0 <= self.penalties.wait(key, self.now) <= RULE.longest for key in "abcdef")

    @invariant()
    def nobody_fails_more_often_than_was_promised(self) -> None:
        # Of those who were not displaced by others: the free ones, one for each that was forgotten, and the few whose
        # penalties are shorter than forgetting takes.
        if len(self.admitted) > MOST:
            return
        growing = RULE.free + 6
        for times in self.admitted.values():
            span = self.now - times[0]
            assert len(times) <= growing + span / RULE.forget + 1


TestThrottleWalk = ThrottleWalk.TestCase
TestThrottleWalk.settings = settings(max_examples=100, stateful_step_count=60)
