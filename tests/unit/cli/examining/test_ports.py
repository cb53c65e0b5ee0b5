"""Ports: free, taken and by whom, not allowed, not there; and endpoints that exclude each other."""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from esframework.cli.examining import ports
from esframework.cli.examining.finding import Finding, Status
from esframework.cli.examining.ports import (
    Place,
    check_p2p,
    check_ports,
    examine_endpoints,
    owner_of,
    places_of,
)
from esframework.config import P2PConfig


@pytest.fixture
def taken() -> Iterator[int]:
    """A port of loopback on which this process listens, and UDP of the same number too."""
    with socket.socket() as listener, socket.socket(type=socket.SOCK_DGRAM) as receiver:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        receiver.bind(("127.0.0.1", port))
        yield port


def only(findings: Iterator[Finding]) -> Finding:
    [finding] = findings
    return finding


@pytest.mark.parametrize(
    ("endpoint", "places"),
    [
        ("tcp:4530", [Place("", 4530)]),
        ("tcp:4530:interface=127.0.0.1", [Place("127.0.0.1", 4530)]),
        ("tcp6:4530:interface=\\:\\:1", [Place("::1", 4530)]),
        ("tcp6:4530", [Place("::", 4530)]),
        ("unix:/run/es.sock", []),
    ],
)
def test_an_endpoint_tells_the_ports_that_it_opens(endpoint: str, places: list[Place]) -> None:
    assert places_of(endpoint) == places


def test_an_endpoint_that_cannot_be_made_fails_and_the_others_are_looked_at() -> None:
    places, findings = examine_endpoints(["tcp:4530", "ssl:4531:privateKey=/no/such/key.pem", "dance:1"])
    assert places == [Place("", 4530)]
    assert [finding.status for finding in findings] == [Status.FAIL, Status.FAIL]
    assert "/no/such/key.pem" in findings[0].text


def test_places_are_written_as_people_write_them() -> None:
    assert [str(place) for place in (Place("", 1), Place("127.0.0.1", 2), Place("::1", 3))] == [
        "0.0.0.0:1",
        "127.0.0.1:2",
        "[::1]:3",
    ]


def test_a_free_port_is_well_and_stays_free(taken: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    assert only(check_ports([Place("127.0.0.1", free)])).status is Status.OK
    assert only(check_ports([Place("127.0.0.1", free)])).status is Status.OK


def test_a_port_that_is_taken_names_who_has_it(taken: int) -> None:
    finding = only(check_ports([Place("127.0.0.1", taken)]))
    assert finding.status is Status.FAIL
    assert f"pid {os.getpid()} (" in finding.text


@pytest.mark.parametrize(
    "command",
    ["python /usr/bin/esframework serve --open", "python twistd -n esframework", "python -c from esframework.cli.main"],
)
def test_a_server_of_ours_that_runs_is_no_fault(taken: int, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setattr(ports, "owner_of", lambda port: f"pid 12 ({command})")
    finding = only(check_ports([Place("127.0.0.1", taken)]))
    assert finding.status is Status.OK
    assert "runs there already: pid 12" in finding.text


def test_a_program_that_only_lies_in_a_folder_of_our_name_is_a_stranger(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ports, "owner_of", lambda port: "pid 12 (/home/me/esframework/.venv/bin/python -m http.server)")
    assert only(check_ports([Place("127.0.0.1", taken)])).status is Status.FAIL


def test_one_port_given_twice_is_found(taken: int) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        place = Place("127.0.0.1", probe.getsockname()[1])
    first, second = check_ports([place, place])
    assert (first.status, second.status) == (Status.OK, Status.FAIL)
    assert "twice" in second.text


def test_every_address_of_ipv6_takes_ipv4_as_well() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    try:
        socket.socket(socket.AF_INET6).close()
        _, second = check_ports([Place("", port), Place("::", port)])
    except OSError:
        pytest.skip("this machine has no IPv6")
    if second.text.endswith("no such address"):
        pytest.skip("this machine has no IPv6")
    assert second.status is Status.FAIL
    assert "exclude each other" in second.text


@pytest.mark.parametrize(
    ("number", "words"),
    [(errno.EACCES, "not allowed"), (errno.EADDRNOTAVAIL, "no such address"), (errno.EMFILE, "cannot be opened")],
)
def test_each_reason_has_its_own_words(monkeypatch: pytest.MonkeyPatch, number: int, words: str) -> None:
    def refuse(place: Place, kind: object) -> socket.socket:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(ports, "_open", refuse)
    finding = only(check_ports([Place("192.0.2.1", 80)]))
    assert finding.status is Status.FAIL
    assert words in finding.text
    assert finding.mend


def test_p2p_takes_the_port_after_the_first(taken: int) -> None:
    finding = only(check_p2p(P2PConfig(), [Place("127.0.0.1", taken - 1)]))
    assert finding.check == f"p2p port {taken}"
    assert finding.status is Status.WARN
    assert "--p2p" in finding.mend


def test_p2p_needs_its_port_for_udp_and_tcp_at_every_interface() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival:
        rival.bind(("127.0.0.1", 0))
        port = rival.getsockname()[1]
        (finding,) = check_p2p(P2PConfig(port=port), [Place("127.0.0.1", 1)])
        assert finding.status is Status.WARN
        others = P2PConfig(port=port, interfaces=("127.0.0.2", "127.0.0.3"))
        assert [each.status for each in check_p2p(others, [Place("127.0.0.1", 1)])] == [Status.OK, Status.OK]


def test_p2p_that_is_off_needs_no_port(taken: int) -> None:
    finding = only(check_p2p(P2PConfig(port="off"), []))
    assert finding.status is Status.OK and "P2P is off" in finding.text
    assert only(check_p2p(P2PConfig(port=taken), [])).status is Status.WARN


def test_p2p_is_not_off_where_other_p2p_servers_are_named() -> None:
    config = P2PConfig(port="off", secret="sixteen letters.", servers=("p2p.example.org:9901",))
    assert "clients are told of p2p.example.org:9901" in only(check_p2p(config, [])).text


def test_a_secret_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    finding = next(check_p2p(P2PConfig(port="off", secret_file=tmp_path / "gone"), []))
    assert finding.status is Status.FAIL and "gone" in finding.text


def test_nobody_listens_where_nobody_listens(tmp_path: Path) -> None:
    assert owner_of(1, tmp_path) is None
