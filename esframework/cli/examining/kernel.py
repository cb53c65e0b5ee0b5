"""What the operating system allows: file descriptors, waiting connections, local ports; and whether its clock is sane.

Reads limits and files under /proc; a platform without them is not judged.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from esframework import limits
from esframework.cli.examining.finding import Finding, fail, ok, warn

SPARE_DESCRIPTORS: Final = 100
"""Descriptors that a server needs besides its connections: log, accounts, listeners, reactor."""

FEW_DESCRIPTORS: Final = 4096
"""Below this a server that sets no maximum is full sooner than most expect."""

ENOUGH_WAITING: Final = 1024
"""Connections that may wait to be accepted: after a restart all clients come back within seconds."""

ENOUGH_PORTS: Final = 20_000
"""Local ports for connections that go out: those of bench, and of a proxy beside the server."""

EARLIEST: Final = datetime(2025, 1, 1)
"""A clock that is before this release was made has lost its battery."""

LATEST: Final = datetime(2100, 1, 1)

PROC: Final = Path("/proc/sys/net")


def check_descriptors(max_connections: int) -> Finding:
    """The limit of file descriptors, against `max_connections` (0: none was set)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    check = "file descriptors"
    text = f"{_count(soft)} may be open (at most {_count(hard)} if the limit is raised)"
    if soft == resource.RLIM_INFINITY:
        return ok(check, text)
    wanted = max_connections + SPARE_DESCRIPTORS if max_connections else FEW_DESCRIPTORS
    if soft >= wanted:
        return ok(check, f"{text}: room for about {soft - SPARE_DESCRIPTORS:,} connections")
    by_user = hard == resource.RLIM_INFINITY or hard >= wanted
    mend = (
        f"ulimit -n {wanted}{'' if by_user else ' (as root: the hard limit is lower)'} before the server is started; "
        f"with systemd LimitNOFILE={wanted} in its unit, else nofile in /etc/security/limits.conf"
    )
    if max_connections:
        return fail(check, f"{text}; max_connections = {max_connections} needs {wanted}", mend)
    return warn(check, f"{text}: full at about {max(0, soft - SPARE_DESCRIPTORS):,} connections", mend)


def check_waiting_connections(folder: Path = PROC) -> Finding:
    """How many connections the kernel lets wait until the server accepts them."""
    number = _numbers(folder / "core" / "somaxconn")
    check = "somaxconn"
    if not number:
        return ok(check, "this platform does not tell")
    text = f"up to {number[0]:,} connections may wait to be accepted"
    if number[0] >= ENOUGH_WAITING:
        return ok(check, f"{text}, as many as backlog= of the endpoint says")
    return warn(
        check,
        f"{text}: when many come at the same time, some must try again",
        f"sysctl -w net.core.somaxconn={4 * ENOUGH_WAITING}, and in /etc/sysctl.d/; backlog=1024 in the endpoint",
    )


def check_udp_buffers(folder: Path = PROC) -> Finding:
    """How much the kernel keeps for a UDP socket, each way: channels over UDP ask for `limits.UDP_SOCKET_BUFFER`."""
    check, wanted = "udp buffers", limits.UDP_SOCKET_BUFFER
    received, sent = _numbers(folder / "core" / "rmem_max"), _numbers(folder / "core" / "wmem_max")
    if not received or not sent:
        return ok(check, "this platform does not tell")
    text = f"at most {received[0]:,} bytes to be received and {sent[0]:,} to be sent wait at a socket"
    if received[0] >= wanted <= sent[0]:
        return ok(check, f"{text}, as many as P2P channels ask for")
    return warn(
        check,
        f"{text}; P2P channels over UDP ask for {wanted:,}, and lose datagrams on quick lines without",
        f"sysctl -w net.core.rmem_max={wanted} net.core.wmem_max={wanted}, for good in /etc/sysctl.d/",
    )


def check_congestion_control(folder: Path = PROC) -> Finding:
    """Whether P2P channels over TCP may use bbr, which bears loss that makes cubic crawl. Works without."""
    check, name = "tcp congestion control", "tcp_available_congestion_control"
    available, allowed = _words(folder / "ipv4" / name), _words(folder / "ipv4" / name.replace("available", "allowed"))
    if not available:
        return ok(check, "this platform does not tell")
    if "bbr" in allowed or ("bbr" in available and os.geteuid() == 0):
        return ok(check, "P2P channels over TCP use bbr")
    first = "" if "bbr" in available else "modprobe tcp_bbr; "
    allow = f'sysctl -w net.ipv4.tcp_allowed_congestion_control="{" ".join([*allowed, "bbr"])}"'
    return ok(check, f"P2P channels over TCP use {available[0]}; on lossy lines bbr is quicker: {first}{allow}")


def check_local_ports(listening: list[int], folder: Path = PROC) -> Iterator[Finding]:
    """The range of ports for connections that go out, and whether one of ours lies in it."""
    check = "local ports"
    numbers = _numbers(folder / "ipv4" / "ip_local_port_range")
    if len(numbers) != 2:
        yield ok(check, "this platform does not tell")
        return
    first, last = numbers
    reserved = _reserved(folder / "ipv4" / "ip_local_reserved_ports")
    taken = [port for port in listening if first <= port <= last and port not in reserved]
    if taken:
        ports = ",".join(map(str, taken))
        yield warn(
            check,
            f"{first} to {last} are given to connections that go out; that may be {ports}, before the server starts",
            f"sysctl -w net.ipv4.ip_local_reserved_ports={ports}, for good in /etc/sysctl.d/",
        )
    if last - first + 1 < ENOUGH_PORTS:
        yield warn(
            check,
            f"{first} to {last}: at most {last - first + 1:,} connections can go out to one port (bench, a proxy)",
            'sysctl -w net.ipv4.ip_local_port_range="32768 60999", for good in /etc/sysctl.d/',
        )
    elif not taken:
        yield ok(check, f"{first} to {last} for connections that go out")


def check_clock(now: datetime | None = None) -> Iterator[Finding]:
    """The date, which log-ons of generation 7 carry, and the time zone, by which it is the local one."""
    local = datetime.now().astimezone() if now is None else now.astimezone()
    plain, check = local.replace(tzinfo=None), "clock"
    text = f"{local:%Y-%m-%d %H:%M}, time zone {local.tzname()} (UTC{local:%z})"
    if EARLIEST <= plain < LATEST:
        yield ok(check, text)
    else:
        yield fail(
            check,
            f"{text} cannot be right; generation-7 clients and TLS certificates are refused",
            "set the clock, and let it be kept (timedatectl set-ntp true)",
        )
    zone = os.environ.get("TZ")
    if zone and not _is_zone(zone):
        yield warn(
            "time zone", f"TZ={zone} names no time zone, so UTC is used", "unset TZ, or TZ=Europe/Berlin and the like"
        )


def _is_zone(zone: str) -> bool:
    name = zone.removeprefix(":")
    # POSIX spells a zone without a data base, as in CET-1CEST; that always has a digit.
    if any(character.isdigit() for character in name):
        return True
    try:
        ZoneInfo(name)
    except (OSError, ValueError, KeyError):
        return Path(name).is_absolute() and Path(name).exists()
    return True


def _numbers(file: Path) -> list[int]:
    try:
        return [int(word) for word in file.read_text().split()]
    except (OSError, ValueError):
        return []


def _words(file: Path) -> list[str]:
    try:
        return file.read_text().split()
    except OSError:
        return []


def _reserved(file: Path) -> set[int]:
    """Ports that the kernel gives to nobody: numbers and ranges with commas between."""
    try:
        words = file.read_text().strip().split(",")
    except OSError:
        return set()
    ports: set[int] = set()
    for word in filter(None, words):
        first, _, last = word.partition("-")
        ports.update(range(int(first), int(last or first) + 1))
    return ports


def _count(limit: int) -> str:
    return "any number" if limit == resource.RLIM_INFINITY else f"{limit:,}"
