"""Counting who knocks."""

from __future__ import annotations

import pytest

from esframework import ServerOptions
from esframework.limits import MAX_TRACKED_ADDRESSES
from esframework.server.admission import Admission, network_of


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
        admission.begin_log_on(host, 0.0)
        assert (admission.begin_log_on(host, 0.0) > 0) is (refused is not None)


def test_tries_are_counted_for_a_minute_from_the_first() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=2))
    assert [admission.begin_log_on("10.0.0.1", now) for now in (100.0, 110.0, 120.0)] == [0, 0, 40.0]
    assert admission.begin_log_on("10.0.0.2", 120.0) == 0
    assert [admission.begin_log_on("10.0.0.1", now) for now in (160.0, 161.0, 162.0)] == [0, 0, 58.0]


def test_tries_that_are_verified_at_the_same_time_count_and_a_success_gives_its_try_back() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=10))
    waits = [admission.begin_log_on("10.0.0.1", 0.0) for _ in range(250)]
    assert waits == [0] * 10 + [60.0] * 240
    for _ in range(3):
        admission.log_on_succeeded("10.0.0.1")
    assert [admission.begin_log_on("10.0.0.1", 1.0) for _ in range(4)] == [0, 0, 0, 59.0]


def test_successes_give_back_no_more_than_was_reserved() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=1))
    for _ in range(3):
        admission.log_on_succeeded("10.0.0.1")
    assert [admission.begin_log_on("10.0.0.1", 0.0) for _ in range(2)] == [0, 60.0]


def test_no_limit_of_tries() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=0))
    assert [admission.begin_log_on("10.0.0.1", 0.0) for _ in range(1000)] == [0] * 1000


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::1", "2001:db8:1:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("::ffff:a00:1", "10.0.0.1"),
        ("10.0.0.1", "10.0.0.1"),
        ("unix", "unix"),
        ("no:address", "no:address"),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(host: str, network: str) -> None:
    assert network_of(host) == network


def test_all_addresses_of_one_network_share_its_limits() -> None:
    admission = Admission(ServerOptions(max_connections_per_address=2, max_log_on_tries=2))
    hosts = [f"2001:db8::{number}" for number in (1, 2, 3)]
    assert [admission.enter(host) for host in hosts] == [None, None, "max_connections_per_address"]
    assert [admission.begin_log_on(host, 0.0) > 0 for host in hosts] == [False, False, True]
    for host in hosts:
        admission.leave(host)
    assert admission.enter("2001:db8::4") is None
    assert admission.enter("2001:db8:0:1::1") is None


def test_old_tries_are_forgotten_and_recent_ones_are_not() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=1))
    admission.begin_log_on("10.0.0.1", 0.0)
    admission.begin_log_on("10.0.0.2", 50.0)
    admission.forget_old(70.0)
    assert admission.begin_log_on("10.0.0.1", 59.0) == 0
    assert admission.begin_log_on("10.0.0.2", 71.0) > 0


def test_addresses_are_remembered_up_to_a_bound_and_the_oldest_makes_room() -> None:
    admission = Admission(ServerOptions(max_log_on_tries=1))
    for now, hosts in ((0.0, ("renewed", "oldest")), (60.0, ("renewed",))):
        for host in hosts:
            admission.begin_log_on(host, now)
    for number in range(MAX_TRACKED_ADDRESSES - 1):
        admission.begin_log_on(f"10.{number}", 61.0)
    assert len(admission._tries) == MAX_TRACKED_ADDRESSES
    assert "oldest" not in admission._tries
    assert admission.begin_log_on("renewed", 62.0) == 58.0
