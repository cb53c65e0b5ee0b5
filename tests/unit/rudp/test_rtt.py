"""Estimates of the round trip, by the sums of RFC 9002, section 5."""

from __future__ import annotations

import pytest

from esframework.limits import rudp as limits
from esframework.rudp.rtt import Rtt


def after(*samples: tuple[float, float]) -> Rtt:
    """An estimate after these (sample, delay of the acknowledgement)."""
    rtt = Rtt()
    for now, (sample, delay) in enumerate(samples):
        rtt.update(sample, delay, float(now))
    return rtt


def test_before_the_first_sample_it_is_what_is_known_of_the_path() -> None:
    assert Rtt().pto() == pytest.approx(0.333 * 3 + 0.025)
    assert Rtt(0.1).pto() == pytest.approx(0.1 * 3 + 0.025)


def test_the_first_sample_replaces_what_was_guessed() -> None:
    rtt = after((0.1, 0.02))
    assert (rtt.smoothed, rtt.variation, rtt.minimum) == (0.1, 0.05, 0.1)


def test_later_samples_move_it_slowly() -> None:
    rtt = after((0.1, 0.0), (0.2, 0.0))
    assert (rtt.smoothed, rtt.variation) == pytest.approx((0.1 + 0.1 / 8, 0.05 * 3 / 4 + 0.1 / 4))
    assert rtt.minimum == 0.1


def test_the_delay_of_an_acknowledgement_is_not_the_path() -> None:
    assert after((0.1, 0.0), (0.13, 0.02)).smoothed == pytest.approx(0.1 + 0.01 / 8)


def test_no_delay_is_believed_that_makes_the_path_shorter_than_it_ever_was() -> None:
    assert after((0.1, 0.0), (0.11, 0.02)).smoothed == pytest.approx(0.1 + 0.01 / 8)


def test_no_delay_is_believed_beyond_the_longest() -> None:
    assert after((0.1, 0.0), (0.3, 0.2)).smoothed == pytest.approx(0.1 + (0.3 - limits.MAX_ACK_DELAY - 0.1) / 8)


def test_a_steady_path_leaves_a_time_out_of_little_more_than_itself() -> None:
    steady = after(*[(0.1, 0.0)] * 100)
    assert steady.pto() == pytest.approx(0.1 + 0.001 + 0.025)
    assert steady.pto(0.0) == pytest.approx(0.1 + 0.001)


def test_patience_with_packets_that_were_overtaken() -> None:
    assert after((0.1, 0.0), (0.2, 0.0)).loss_delay() == pytest.approx(0.2 * 9 / 8)
    assert after((0.2, 0.0), (0.1, 0.0)).loss_delay() == pytest.approx((0.2 - 0.1 / 8) * 9 / 8)
    assert after((0.00001, 0.0)).loss_delay() == 0.001


def test_the_shortest_can_be_forgotten() -> None:
    rtt = after((0.1, 0.0), (0.2, 0.0))
    rtt.forget_minimum()
    assert rtt.minimum == 0.2
