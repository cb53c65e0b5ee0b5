"""Attempts that failed are made again, ever more rarely."""

from __future__ import annotations

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.retry import Retry


@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (1.0, 1.2)])
def test_it_is_tried_again_later_each_time(chance: float, factor: float) -> None:
    retry = Retry(lambda: chance)
    waits = [retry.failed(100.0) - 100.0 for _ in range(5)]
    assert waits == pytest.approx([factor * seconds for seconds in (60.0, 300.0, 900.0, 900.0, 900.0)])
    assert retry.failures == 5


def test_after_a_success_or_with_other_addresses_all_begins_anew() -> None:
    retry = Retry(lambda: 0.5)
    retry.failed(0.0)
    retry.reset()
    assert retry.failed(0.0) == limits.RETRY_AFTER[0]
