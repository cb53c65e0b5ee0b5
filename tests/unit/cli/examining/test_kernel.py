"""Limits of the kernel and its clock: what is enough, what is not, and the command that mends it."""

from __future__ import annotations

import re
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest

from esframework.cli.examining.finding import Status
from esframework.cli.examining.kernel import (
    check_clock,
    check_congestion_control,
    check_descriptors,
    check_local_ports,
    check_udp_buffers,
    check_waiting_connections,
)

INFINITE = resource.RLIM_INFINITY


@pytest.mark.parametrize(
    ("soft", "hard", "maximum", "status"),
    [
        (65_536, 65_536, 0, Status.OK),
        (INFINITE, INFINITE, 100_000, Status.OK),
        (1024, 65_536, 0, Status.WARN),
        (1024, 65_536, 900, Status.OK),
        (1024, 65_536, 1000, Status.FAIL),
    ],
)
def test_descriptors_must_be_enough_for_the_connections_that_are_allowed(
    monkeypatch: pytest.MonkeyPatch, soft: int, hard: int, maximum: int, status: Status
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (soft, hard))
    assert check_descriptors(maximum).status is status


@pytest.mark.parametrize(("hard", "as_root"), [(65_536, False), (2048, True), (INFINITE, False)])
def test_too_few_descriptors_are_mended_by_ulimit_or_by_systemd(
    monkeypatch: pytest.MonkeyPatch, hard: int, as_root: bool
) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, hard))
    mend = check_descriptors(10_000).mend
    assert "ulimit -n 10100" in mend
    assert "LimitNOFILE=10100" in mend
    assert ("as root" in mend) is as_root


def kernel(folder: Path, **files: str) -> Path:
    (folder / "core").mkdir()
    (folder / "ipv4").mkdir()
    for name, text in files.items():
        (folder / ("core" if name in ("somaxconn", "rmem_max", "wmem_max") else "ipv4") / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    ("received", "sent", "status"),
    [("4194304", "8388608", Status.OK), ("212992", "8388608", Status.WARN), ("4194304", "212992", Status.WARN)],
)
def test_channels_by_udp_need_room_at_their_socket(
    tmp_path: Path, received: str, sent: str, status: Status
) -> None:
    finding = check_udp_buffers(kernel(tmp_path, rmem_max=received, wmem_max=sent))
    assert finding.status is status
    assert ("net.core.rmem_max=4194304 net.core.wmem_max=4194304" in finding.mend) is (status is Status.WARN)


@pytest.mark.parametrize(
    ("available", "allowed", "user", "words"),
    [
        ("reno cubic bbr", "reno cubic bbr", 1000, "use bbr"),
        ("reno cubic bbr", "reno cubic", 0, "use bbr"),
        ("cubic reno bbr", "reno cubic", 1000, 'use cubic; .* bbr is quicker: sysctl .*="reno cubic bbr"'),
        ("cubic reno", "reno cubic", 1000, "bbr is quicker: modprobe tcp_bbr; sysctl"),
    ],
)
def test_channels_by_tcp_are_quicker_with_bbr_and_work_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, available: str, allowed: str, user: int, words: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: user)
    folder = kernel(
        tmp_path, tcp_available_congestion_control=available, tcp_allowed_congestion_control=allowed
    )
    finding = check_congestion_control(folder)
    assert finding.status is Status.OK
    assert re.search(words, finding.text)


def test_of_p2p_a_platform_that_does_not_tell_is_not_judged(tmp_path: Path) -> None:
    assert check_udp_buffers(tmp_path).status is check_congestion_control(tmp_path).status is Status.OK


@pytest.mark.parametrize(("text", "status"), [("4096\n", Status.OK), ("128\n", Status.WARN)])
def test_many_connections_must_be_able_to_wait(tmp_path: Path, text: str, status: Status) -> None:
    finding = check_waiting_connections(kernel(tmp_path, somaxconn=text))
    assert finding.status is status
    assert ("net.core.somaxconn" in finding.mend) is (status is Status.WARN)


def test_a_platform_that_does_not_tell_is_not_judged(tmp_path: Path) -> None:
    assert check_waiting_connections(tmp_path).status is Status.OK
    assert [finding.status for finding in check_local_ports([4530], tmp_path)] == [Status.OK]


def test_an_ordinary_range_of_local_ports_is_well(tmp_path: Path) -> None:
    folder = kernel(tmp_path, ip_local_port_range="32768\t60999\n")
    assert [finding.status for finding in check_local_ports([4530], folder)] == [Status.OK]


def test_a_listening_port_within_the_range_may_be_gone_when_the_server_starts(tmp_path: Path) -> None:
    folder = kernel(tmp_path, ip_local_port_range="1024 60999", ip_local_reserved_ports="\n")
    [finding] = check_local_ports([4530, 443], folder)
    assert finding.status is Status.WARN
    assert "ip_local_reserved_ports=4530," in finding.mend


@pytest.mark.parametrize("reserved", ["4530", "80,4500-4600"])
def test_a_reserved_port_is_safe(tmp_path: Path, reserved: str) -> None:
    folder = kernel(tmp_path, ip_local_port_range="1024 60999", ip_local_reserved_ports=reserved)
    assert [finding.status for finding in check_local_ports([4530], folder)] == [Status.OK]


def test_a_narrow_range_ends_tests_with_many_connections(tmp_path: Path) -> None:
    [finding] = check_local_ports([4530], kernel(tmp_path, ip_local_port_range="40000 40999"))
    assert finding.status is Status.WARN
    assert "1,000 connections" in finding.text


@pytest.mark.parametrize(("year", "status"), [(1970, Status.FAIL), (2027, Status.OK), (2200, Status.FAIL)])
def test_a_clock_without_its_battery_is_found(year: int, status: Status) -> None:
    [finding] = check_clock(datetime(year, 6, 1, tzinfo=UTC))
    assert finding.status is status


@pytest.mark.parametrize(
    ("zone", "is_well"),
    [("UTC", True), (":UTC", True), ("CET-1CEST", True), ("Atlantis/Sunken", False), ("Atlantis", False)],
)
def test_a_time_zone_that_nobody_knows_is_told(monkeypatch: pytest.MonkeyPatch, zone: str, is_well: bool) -> None:
    monkeypatch.setenv("TZ", zone)
    warnings = [finding for finding in check_clock(datetime(2027, 6, 1, tzinfo=UTC)) if finding.status is Status.WARN]
    assert [zone in finding.text for finding in warnings] == ([] if is_well else [True])
