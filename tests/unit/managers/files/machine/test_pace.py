"""Sizes of packages, limits of rate, and the speed that comes of them."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.managers.files.machine.pace import Pace, Speed


def test_packages_grow_on_a_fast_line_and_shrink_on_a_slow_one() -> None:
    pace = Pace(None, 0.0, 0, limits.MOST_FILE_PACKAGE)
    assert pace.package_size == limits.FIRST_FILE_PACKAGE
    for _ in range(20):
        pace.left(0.0)
    assert pace.package_size == limits.MOST_FILE_PACKAGE
    pace.left(limits.FILE_PACKAGE_TIME)
    assert pace.package_size == limits.MOST_FILE_PACKAGE
    for _ in range(20):
        pace.left(1.0)
    assert pace.package_size == limits.LEAST_FILE_PACKAGE


def test_those_who_share_a_line_share_its_size() -> None:
    one, other = Pace(None, 0.0, 0, limits.MOST_FILE_PACKAGE), Pace(None, 0.0, 5000, limits.MOST_FILE_PACKAGE)
    other.line = one.line
    other.left(0.0)
    assert one.package_size == 2 * limits.FIRST_FILE_PACKAGE and other.package_size == 5000


def test_a_fixed_size_stays_within_what_a_message_holds() -> None:
    pace = Pace(300, 0.0, 0, 10_000)
    pace.left(0.0)
    assert pace.package_size == 300
    assert Pace(20_000, 0.0, 0, 10_000).package_size == 10_000


@pytest.mark.parametrize("late", [0.0, 0.01])
def test_a_rate_is_kept_although_timers_are_late(late: float) -> None:
    pace, now, sent = Pace(None, 0.0, 100_000, 10_000), 0.0, 0
    assert not pace.is_free
    while now < 10.0:
        now += pace.delay(2000, now) + late
        sent += 2000
    assert 1_000_000 * 0.99 <= sent <= 1_010_000


def test_no_package_takes_longer_than_a_second_of_its_rate() -> None:
    pace = Pace(None, 0.0, 5000, limits.MOST_FILE_PACKAGE)
    for _ in range(20):
        pace.left(0.0)
    assert pace.package_size == 5000
    assert Pace(None, 0.0, 100, limits.MOST_FILE_PACKAGE).package_size == 100
    assert Pace(64 * 1024, 0.0, 5000, limits.MOST_FILE_PACKAGE).package_size == 5000


def test_an_interval_is_between_two_packages() -> None:
    pace = Pace(None, 0.5, 0, 10_000)
    assert pace.delay(10, 0.0) == 0.0
    assert pace.delay(10, 0.0) == pytest.approx(0.5 - limits.FILE_RATE_SLACK, abs=limits.FILE_RATE_SLACK)
    assert Pace(None, 0.0, 0, 10_000).is_free


def test_the_speed_is_that_of_the_last_seconds() -> None:
    speed = Speed()
    assert speed.per_second == 0.0
    for second in range(10):
        speed.at(float(second), second * 100)
    assert speed.per_second == pytest.approx(100)
    for second in range(10, 20):
        speed.at(float(second), 900 + (second - 9) * 1000)
    assert speed.per_second == pytest.approx(1000)
