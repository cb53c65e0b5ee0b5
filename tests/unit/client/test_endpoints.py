"""Endpoint strings of clients."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.endpoints import (
    HostnameEndpoint,
    SSL4ClientEndpoint,
    TCP6ClientEndpoint,
    UNIXClientEndpoint,
    wrapClientTLS,
)
from twisted.internet.ssl import optionsForClientTLS
from twisted.internet.testing import MemoryReactorClock

from esframework import Socks5Proxy
from esframework.client import endpoints
from esframework.client.endpoints import InvalidEndpoint, client_endpoint
from esframework.net.socks import Socks5Endpoint

PROXY = Socks5Proxy("tcp:127.0.0.1:1080", "me", "secret")


def made(description: str, **arguments: Any) -> Any:
    return client_endpoint(MemoryReactorClock(), description, 30.0, **arguments)


@pytest.mark.parametrize(
    ("description", "host"),
    [
        ("tcp:example.org:4530", b"example.org"),
        ("tcp:127.0.0.1:4530", b"127.0.0.1"),
        ("tcp:host=example.org:port=4530", b"example.org"),
        ("tcp:example.org:port=4530", b"example.org"),
        ("TCP:example.org:4530", b"example.org"),
    ],
)
def test_tcp_finds_names_and_ipv4(description: str, host: bytes) -> None:
    endpoint = made(description)
    assert isinstance(endpoint, HostnameEndpoint)
    assert endpoint._hostBytes == host
    assert endpoint._port == 4530


@pytest.mark.parametrize("address", ["::1", "fe80::1%eth0", "2001:db8::7"])
def test_tcp_takes_ipv6_with_and_without_a_scope(address: str) -> None:
    endpoint = made("tcp:" + address.replace(":", "\\:") + ":4530")
    assert isinstance(endpoint, TCP6ClientEndpoint)
    assert endpoint._host == address


def test_tls_verifies_the_hosts_name_through_a_proxy_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    verified: list[str] = []

    def options(host: str) -> Any:
        verified.append(host)
        return optionsForClientTLS(host)

    monkeypatch.setattr(endpoints, "optionsForClientTLS", options)
    made("tls:example.org:4530", proxy=PROXY)
    assert verified == ["example.org"]
    assert type(made("tls:example.org:4530")) is type(wrapClientTLS(options("x.org"), made("tcp:x.org:1")))


def test_ssl_is_what_twisted_says_and_unix_too(tmp_path: Any) -> None:
    assert isinstance(made("ssl:example.org:4530"), SSL4ClientEndpoint)
    assert isinstance(made(f"unix:{tmp_path}/es.sock"), UNIXClientEndpoint)


@pytest.mark.parametrize(
    "description",
    [
        "",
        "example.org",
        "tcp:example.org",
        "tcp:example.org:port",
        "tcp:example.org:0",
        "tcp:example.org:65536",
        "tcp:example.org:1:2",
        "tcp:example.org:4530:colour=red",
        "tcp:::4530",
        "carrier-pigeon:example.org:1",
        "unix:",
    ],
)
def test_what_cannot_be_understood_is_named(description: str) -> None:
    with pytest.raises(InvalidEndpoint) as caught:
        made(description)
    assert isinstance(caught.value, ValueError)
    assert repr(description) in str(caught.value)


def test_a_proxy_stands_between() -> None:
    endpoint = made("tcp:example.org:4530", proxy=PROXY)
    assert isinstance(endpoint, Socks5Endpoint)
    with pytest.raises(InvalidEndpoint, match="SOCKS5"):
        made("unix:/run/es.sock", proxy=PROXY)
    with pytest.raises(InvalidEndpoint, match="'nowhere'"):
        made("tcp:example.org:4530", proxy=Socks5Proxy("nowhere"))


@pytest.mark.parametrize("timeout", [0.0, -1.0])
def test_no_connect_timeout(timeout: float) -> None:
    endpoint = client_endpoint(MemoryReactorClock(), "tcp:example.org:1", timeout)
    assert endpoint._timeout > 10**6  # type: ignore[attr-defined]
