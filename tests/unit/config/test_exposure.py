"""Who can reach a listener, from its endpoint string; and what must be said twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.config import (
    ConfigError,
    Exposure,
    Protection,
    Reach,
    ServiceConfig,
    check_exposure,
    exposure_of,
    exposure_warnings,
)

LOOPBACK, BEYOND, UNKNOWN = Reach.LOOPBACK, Reach.BEYOND, Reach.UNKNOWN
TLS, PLAIN, LOCAL = Protection.TLS, Protection.PLAIN, Protection.LOCAL


@pytest.mark.parametrize(
    ("endpoint", "reach", "protection"),
    [
        ("tcp:4530", BEYOND, PLAIN),
        ("tcp:4530:interface=127.0.0.1", LOOPBACK, PLAIN),
        ("tcp:4530:127.0.0.2", LOOPBACK, PLAIN),
        ("tcp:interface=127.0.0.1:port=4530", LOOPBACK, PLAIN),
        ("tcp:4530:interface=localhost", LOOPBACK, PLAIN),
        ("tcp:4530:interface=0.0.0.0", BEYOND, PLAIN),
        ("tcp:4530:interface=192.168.1.2", BEYOND, PLAIN),
        ("tcp:4530:interface=chat.example", UNKNOWN, PLAIN),
        ("tcp:4530:interface=", BEYOND, PLAIN),
        ("tcp6:4530", BEYOND, PLAIN),
        (r"tcp6:4530:interface=\:\:1", LOOPBACK, PLAIN),
        (r"tcp6:4530:50:\:\:1", LOOPBACK, PLAIN),
        (r"tcp6:4530:interface=\:\:", BEYOND, PLAIN),
        (r"tcp6:4530:interface=fe80\:\:1%eth0", BEYOND, PLAIN),
        (r"tcp6:4530:interface=\:\:ffff\:127.0.0.1", LOOPBACK, PLAIN),
        (r"tcp6:4530:interface=\:\:ffff\:10.0.0.1", BEYOND, PLAIN),
        ("ssl:4531:privateKey=key.pem:certKey=cert.pem", BEYOND, TLS),
        ("ssl:4531:key.pem:cert.pem:TLSv1_METHOD:127.0.0.1", LOOPBACK, TLS),
        ("ssl:4531:interface=127.0.0.1", LOOPBACK, TLS),
        ("tls:/etc/certificates:4531", BEYOND, TLS),
        ("tls:/etc/certificates:4531:interface=127.0.0.1", LOOPBACK, TLS),
        ("unix:/run/es.sock", LOOPBACK, LOCAL),
        ("unix:/run/es.sock:mode=600", LOOPBACK, LOCAL),
        ("systemd:domain=INET:index=0", UNKNOWN, PLAIN),
        ("systemd:INET6:0", UNKNOWN, PLAIN),
        ("systemd:domain=UNIX:index=0", LOOPBACK, LOCAL),
        ("haproxy:tcp:4530", BEYOND, PLAIN),
        (r"haproxy:tcp:4530:interface=127.0.0.1", LOOPBACK, PLAIN),
        ("onion:80", UNKNOWN, PLAIN),
        ("4530", UNKNOWN, PLAIN),
        ("", UNKNOWN, PLAIN),
    ],
)
def test_reach_and_protection(endpoint: str, reach: Reach, protection: Protection) -> None:
    assert exposure_of(endpoint) == Exposure(reach, protection)


@given(st.one_of(st.text(), st.text(alphabet="tcpsl6:=\\.01haproxy").map("tcp:".__add__)))
def test_no_string_is_too_odd(endpoint: str) -> None:
    assert exposure_of(endpoint).reach in Reach


def test_the_default_gives_no_warning() -> None:
    assert exposure_warnings(ServiceConfig()) == []


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [("tcp:4530", "is reachable"), ("systemd:domain=INET:index=0", "may be reachable")],
)
def test_a_listener_beyond_loopback_without_tls_warns(endpoint: str, words: str) -> None:
    (warning,) = exposure_warnings(ServiceConfig(listen=(endpoint,)))
    assert warning.startswith(endpoint)
    assert words in warning
    assert "TLS" in warning


@pytest.mark.parametrize("endpoint", ["ssl:4531", "unix:/run/es.sock", "tcp:4530:interface=127.0.0.1"])
def test_a_listener_that_leaks_nothing_does_not_warn(endpoint: str) -> None:
    assert exposure_warnings(ServiceConfig(listen=(endpoint,))) == []


def test_console_and_metrics_are_listeners_too() -> None:
    config = ServiceConfig(console="tcp:4580", metrics="off")
    assert [warning.split(": ")[0] for warning in exposure_warnings(config)] == ["tcp:4580"]


def test_open_warns_everywhere() -> None:
    (warning,) = exposure_warnings(ServiceConfig(open=1))
    assert "anybody" in warning


@pytest.mark.parametrize("endpoint", ["tcp:4530", "ssl:4531", "systemd:domain=INET:index=0", "onion:80"])
def test_open_beyond_loopback_must_be_said_twice(endpoint: str) -> None:
    with pytest.raises(ConfigError, match="--open twice"):
        check_exposure(ServiceConfig(listen=(endpoint,), open=1))
    check_exposure(ServiceConfig(listen=(endpoint,), open=2))
    check_exposure(ServiceConfig(listen=(endpoint,), open=0))


@pytest.mark.parametrize("listen", [(), ("unix:/run/es.sock",), ("tcp:4530:interface=127.0.0.1",)])
def test_open_on_this_machine_is_said_once(listen: tuple[str, ...]) -> None:
    check_exposure(ServiceConfig(listen=listen, open=1))
