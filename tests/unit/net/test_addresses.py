"""What addresses count as."""

from __future__ import annotations

import pytest

from esframework.net.addresses import is_in, network_of, networks_of


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


@pytest.mark.parametrize(
    ("host", "network", "lies_in"),
    [
        ("10.1.2.3", "10.0.0.0/8", True),
        ("11.1.2.3", "10.0.0.0/8", False),
        ("::ffff:10.1.2.3", "10.0.0.0/8", True),
        ("10.1.2.3", "::ffff:10.0.0.0/104", True),
        ("10.1.2.3", "10.1.2.3", True),
        ("2001:db8::1", "2001:db8::/32", True),
        ("2001:db9::1", "2001:db8::/32", False),
        ("10.1.2.3", "2001:db8::/32", False),
        ("10.1.2.3", "::/0", False),
        ("unix", "0.0.0.0/0", False),
        ("", "0.0.0.0/0", False),
    ],
)
def test_which_addresses_lie_in_a_network(host: str, network: str, lies_in: bool) -> None:
    assert is_in(host, networks_of([network])) is lies_in


def test_no_network_holds_nothing() -> None:
    assert not is_in("10.1.2.3", networks_of([]))


@pytest.mark.parametrize("text", ["10.0.0.1/8", "10.0.0.0/33", "home", "", "10.0.0.0/8 "])
def test_what_is_no_network_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="is no network such as") as caught:
        networks_of(["10.0.0.0/8", text])
    assert repr(text) in str(caught.value)
