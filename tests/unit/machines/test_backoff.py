"""How long to wait before the next try."""

from __future__ import annotations

from random import Random

import pytest

from esframework.machines.backoff import Backoff


def test_the_bound_doubles_up_to_the_longest() -> None:
    backoff = Backoff(lambda: 1.0, first=1.0, longest=60.0)
    assert [backoff.next_delay() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]


def test_success_begins_anew() -> None:
    backoff = Backoff(lambda: 1.0)
    for _ in range(5):
        backoff.next_delay()
    backoff.reset()
    assert backoff.next_delay() == 1.0


def test_full_jitter_spreads_over_the_whole_bound() -> None:
    delays = sorted(Backoff(Random(seed).random, first=10.0).next_delay() for seed in range(200))
    assert delays[0] < 1.0
    assert delays[-1] > 9.0


@pytest.mark.parametrize("failures", [100, 100_000])
def test_it_never_overflows(failures: int) -> None:
    backoff = Backoff(lambda: 0.5, first=1.0, longest=60.0)
    backoff.failures = failures
    assert backoff.next_delay() == 30.0
