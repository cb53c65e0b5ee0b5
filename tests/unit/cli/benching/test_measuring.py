"""Latencies, seconds and processes: the figures are what was measured, to within what is promised."""

from __future__ import annotations

import os
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.cli.benching import measuring
from esframework.cli.benching.measuring import Histogram, ProcessMeter, SecondCounter, Usage, usage_of


def test_nothing_measured_has_no_figures() -> None:
    assert Histogram().summary() is None


def test_the_slowest_is_exact_and_the_others_are_nearly_so() -> None:
    histogram = Histogram()
    for milliseconds in range(1, 1001):
        histogram.record(milliseconds / 1000)
    summary = histogram.summary()
    assert summary is not None
    assert (summary.max, summary.count) == (1.0, 1000)
    assert summary.p50 == pytest.approx(0.5, rel=0.017)
    assert summary.p99 == pytest.approx(0.99, rel=0.017)


@given(st.lists(st.floats(1e-5, 1000), min_size=1))
def test_the_median_is_at_most_two_percent_too_small_and_never_too_large(latencies: list[float]) -> None:
    histogram = Histogram()
    for seconds in latencies:
        histogram.record(seconds)
    exact = statistics.median_low(latencies)
    assert exact * 0.98 <= histogram.percentile(0.5) <= exact * 1.0000001


def test_a_latency_may_be_counted_many_times_at_once() -> None:
    histogram = Histogram()
    histogram.record(0.001, 99)
    histogram.record(1.0)
    assert histogram.percentile(0.99) == pytest.approx(0.001, rel=0.017)
    assert histogram.count == 100


def test_what_several_have_counted_is_put_together() -> None:
    one, other = Histogram(), Histogram()
    one.record(0.001)
    other.record(0.1, 3)
    one.merge(other)
    assert (one.count, one.longest) == (4, 0.1)
    assert one.percentile(0.5) == pytest.approx(0.1, rel=0.017)


def test_a_growing_total_is_told_second_by_second() -> None:
    counter = SecondCounter()
    assert [counter.tick(total) for total in (5, 5, 12)] == [5, 0, 7]
    assert counter.seconds == [5, 0, 7]


def test_this_process_uses_memory_and_has_used_time() -> None:
    usage = usage_of(os.getpid())
    assert usage is not None
    assert usage.resident_bytes > 1_000_000
    assert usage.cpu_seconds > 0


def test_a_process_that_is_not_there_uses_nothing() -> None:
    assert usage_of(2**22 + 1) is None
    meter = ProcessMeter(2**22 + 1)
    meter.begin(0.0)
    meter.sample(1.0)
    assert meter.figures() is None


def test_a_process_is_measured_between_begin_and_the_last_look(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([Usage(10.0, 500), Usage(10.5, 900), Usage(11.0, 700), None])
    monkeypatch.setattr(measuring, "usage_of", lambda process_id: next(looks))
    meter = ProcessMeter(1)
    meter.begin(100.0)
    meter.sample(101.0)
    meter.sample(102.0)
    meter.sample(103.0)
    figures = meter.figures()
    assert figures is not None
    assert (figures.cpu_percent, figures.resident_bytes) == (50.0, 900)
