"""Counting who knocks."""

from __future__ import annotations

import pytest

from esframework import ServerOptions
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
    free = Admission(ServerOptions(max_connections_per_address=1))
    limited = Admission(ServerOptions(max_connections_per_address=1, limit_loopback=True))
    for admission, refused in ((free, None), (limited, "max_connections_per_address")):
        admission.enter(host)
        assert admission.enter(host) == refused


def test_all_addresses_of_one_network_share_its_limits() -> None:
    admission = Admission(ServerOptions(max_connections_per_address=2))
    hosts = [f"2001:db8::{number}" for number in (1, 2, 3)]
    assert [admission.enter(host) for host in hosts] == [None, None, "max_connections_per_address"]
    for host in hosts:
        admission.leave(host)
    assert admission.enter("2001:db8::4") is None
    assert admission.enter("2001:db8:0:1::1") is None
