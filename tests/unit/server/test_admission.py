"""Counting who knocks."""

from __future__ import annotations

import pytest

from esframework import ServerOptions
from esframework.limits import MAX_TRACKED_ADDRESSES
from esframework.server.admission import Admission


def test_the_maximum_of_connections() -> None:
    admission = Admission(ServerOptions(max_connections=2))
    assert [admission.enter("10.0.0.1"), admission.enter("10.0.0.2")] == [None, None]
    assert admission.is_full
    assert admission.enter("10.0.0.3") == "max_connections"
    admission.leave("10.0.0.3")
    admission.leave("10.0.0.1")
    assert not admission.is_full
    assert admission.enter("10.0.0.3") is None


def test_zero_is_no_maximum() -> None:
    admission = Admission(ServerOptions(max_connections=0, max_connections_per_address=0))
    assert [admission.enter("10.0.0.1") for _ in range(1000)] == [None] * 1000
    assert not admission.is_full


def test_one_address_may_not_take_all() -> None:
    admission = Admission(ServerOptions(max_connections_per_address=2))
    assert [admission.enter("10.0.0.1") for _ in range(3)] == [None, None, "max_connections_per_address"]
    admission.leave("10.0.0.1")
    assert admission.enter("10.0.0.2") is None
    admission.leave("10.0.0.1")
    assert admission.enter("10.0.0.1") is None
    assert admission.count == 3


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "unix"])
def test_loopback_counts_only_where_the_options_say_so(host: str) -> None:
    free = Admission(ServerOptions(max_connections_per_address=1, max_log_on_tries=1))
    limited = Admission(ServerOptions(max_connections_per_address=1, max_log_on_tries=1, limit_loopback=True))
    for admission, refused in ((free, None), (limited, "max_connections_per_address")):
        admission.enter(host)
        assert admission.enter(host) == refused
        admission.log_on_failed(host, 0.0)
        assert (admission.wait_before_log_on(host, 0.0) > 0) is (refused is not None)


def test_failed_log_ons_are_counted_for_a_minute_from_the_first() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=2))
    admission.log_on_failed("10.0.0.1", 100.0)
    assert admission.wait_before_log_on("10.0.0.1", 101.0) == 0
    admission.log_on_failed("10.0.0.1", 110.0)
    assert admission.wait_before_log_on("10.0.0.1", 120.0) == 40.0
    assert admission.wait_before_log_on("10.0.0.2", 120.0) == 0
    assert admission.wait_before_log_on("10.0.0.1", 160.0) == 0
    admission.log_on_failed("10.0.0.1", 161.0)
    assert admission.wait_before_log_on("10.0.0.1", 162.0) == 0


def test_old_failures_are_forgotten_and_recent_ones_are_not() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=1))
    admission.log_on_failed("10.0.0.1", 0.0)
    admission.log_on_failed("10.0.0.2", 50.0)
    admission.forget_old(70.0)
    assert admission.wait_before_log_on("10.0.0.1", 59.0) == 0
    assert admission.wait_before_log_on("10.0.0.2", 71.0) > 0


def test_addresses_are_remembered_up_to_a_bound() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=1))
    for number in range(MAX_TRACKED_ADDRESSES + 10):
        admission.log_on_failed(f"10.{number}", 0.0)
    assert len(admission._failures) <= MAX_TRACKED_ADDRESSES
