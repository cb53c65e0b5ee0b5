"""When a P2P channel is busy."""

from __future__ import annotations

from esframework import limits
from esframework.net.channels import high_water


def test_a_mebibyte_may_wait_at_a_path_that_is_fast_or_unknown() -> None:
    assert high_water(0.0) == high_water(100e6) == limits.P2P_BUSY_BYTES


def test_two_seconds_worth_may_wait_at_a_slow_one() -> None:
    assert high_water(100e3) == 200_000


def test_a_rate_that_says_little_is_not_believed() -> None:
    assert high_water(10.0) == limits.P2P_LEAST_BUSY_BYTES
