"""Whether the server's ports are free, and who listens where one is not. Opens each for a moment and answers nobody.

Knows endpoint strings only through Twisted, which is asked what it would open.
"""

from __future__ import annotations

import errno
import os
import re
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from twisted.internet.abstract import isIPv6Address
from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactorClock

from esframework.cli.examining.finding import Finding, Status, fail, ok, warn
from esframework.config import OFF, ConfigError, P2PConfig, p2p_secrets
from esframework.daemon import DEFAULT_PORT

OWN_SERVER: Final = re.compile(r"\besframework serve\b|\btwistd\b.* esframework\b|\besframework\.cli\.")
"""What the command line of a server of ours looks like, however it was started."""

LISTENING: Final = "0A"
"""How the kernel's tables write the state of a socket that listens."""


@dataclass(frozen=True, slots=True)
class Place:
    """An address and a port. `interface` empty is every IPv4 address of the machine."""

    interface: str
    port: int

    @property
    def is_ipv6(self) -> bool:
        """Whether it is an address of IPv6."""
        return isIPv6Address(self.interface.partition("%")[0])

    def __str__(self) -> str:
        host = self.interface or "0.0.0.0"
        return f"[{host}]:{self.port}" if self.is_ipv6 else f"{host}:{self.port}"


def places_of(endpoint: str) -> list[Place]:
    """The TCP ports that an endpoint string opens; raises what Twisted raises for one that it cannot make."""
    recorder: Any = MemoryReactorClock()
    serverFromString(recorder, endpoint).listen(Factory())
    opened = [*recorder.tcpServers, *recorder.sslServers]
    return [Place(arguments[-1] or "", arguments[0]) for arguments in opened]


def examine_endpoints(endpoints: Sequence[str]) -> tuple[list[Place], list[Finding]]:
    """The ports that the endpoints open together, and what is wrong with those that open nothing."""
    places: list[Place] = []
    findings: list[Finding] = []
    for endpoint in endpoints:
        try:
            opened = places_of(endpoint)
        except Exception as error:
            # Whatever makes it impossible (a word, a file with a key) is what the server would stumble over.
            text = f"{endpoint} cannot be opened: {type(error).__name__}: {error}"
            mend = "mend the endpoint string; tcp:4530:interface=127.0.0.1 is one that works"
            findings.append(fail("endpoint", text, mend))
            continue
        places += opened
        if not opened:
            findings.append(ok("endpoint", f"{endpoint} can be made"))
    return places, findings


def check_ports(places: Sequence[Place]) -> Iterator[Finding]:
    """Whether the TCP ports can be opened, all at the same time; where a server of ours listens is no fault."""
    with ExitStack() as held:
        opened: list[Place] = []
        for place in places:
            check = f"tcp port {place.port}"
            try:
                held.enter_context(_open(place, socket.SOCK_STREAM))
            except OSError as error:
                rivals = [other for other in opened if other.port == place.port]
                if error.errno == errno.EADDRINUSE and rivals:
                    yield _rivals(check, place, rivals[0])
                else:
                    yield _explain(check, place, error, owner_of(place.port))
            else:
                opened.append(place)
                yield ok(check, f"{place} is free")


def check_p2p(config: P2PConfig, places: Sequence[Place]) -> Iterator[Finding]:
    """Whether the ports of the P2P server can be opened, UDP and TCP; and whether its secrets can be read."""
    try:
        p2p_secrets(config)
    except ConfigError as error:
        yield fail("p2p secret", "; ".join(error.problems), "mend the file; it belongs to the server's user alone")
    if config.port == OFF:
        others = f"clients are told of {', '.join(config.servers)}" if config.servers else "P2P is off"
        yield ok("p2p port", f"there is no P2P server here: {others}")
        return
    listeners = places or [Place("127.0.0.1", DEFAULT_PORT)]
    number = listeners[0].port + 1 if config.port is None else int(config.port)
    for interface in dict.fromkeys(config.interfaces or [place.interface for place in listeners]):
        yield _check_p2p_place(Place(interface, number))


def _check_p2p_place(place: Place) -> Finding:
    check = f"p2p port {place.port}"
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        try:
            _open(place, kind).close()
        except OSError as error:
            # The process that has the UDP port is seen by the TCP port of the same number, if it is a P2P server.
            finding = _explain(check, place, error, owner_of(place.port))
            if finding.status is Status.OK:
                return finding
            text = f"{finding.text} (it is for P2P: without it everything goes by the server)"
            return warn(check, text, "give another with --p2p PORT, or --p2p off")
    return ok(check, f"{place} is free, UDP and TCP")


def _open(place: Place, kind: socket.SocketKind) -> socket.socket:
    """A socket as Twisted would open it."""
    probe = socket.socket(socket.AF_INET6 if place.is_ipv6 else socket.AF_INET, kind)
    try:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        resolved = socket.getaddrinfo(place.interface or "0.0.0.0", place.port, probe.family, kind)
        probe.bind(resolved[0][4])
        if kind == socket.SOCK_STREAM:
            probe.listen(1)
    except OSError:
        probe.close()
        raise
    return probe


def _rivals(check: str, place: Place, other: Place) -> Finding:
    if place == other:
        return fail(check, f"{place} is given twice", "leave one of the endpoints out")
    return fail(
        check,
        f"{place} and {other} exclude each other: a listener on every IPv6 address takes IPv4 as well",
        "leave the tcp: endpoint out, or name addresses: tcp6:4530:interface=2001\\:db8\\:\\:1",
    )


def _explain(check: str, place: Place, error: OSError, owner: str | None) -> Finding:
    if error.errno == errno.EADDRINUSE:
        if owner is not None and OWN_SERVER.search(owner):
            return ok(check, f"{place}: a server runs there already: {owner}")
        by = f"by {owner}" if owner else "by a process that only its owner or root can see"
        return fail(check, f"{place} is taken {by}", "end that program, or give the server another port with --listen")
    if error.errno in (errno.EACCES, errno.EPERM):
        return fail(
            check,
            f"{place}: not allowed ({error.strerror})",
            "take a port from 1024 up, or let systemd open it (systemd:), or give python cap_net_bind_service",
        )
    if error.errno == errno.EADDRNOTAVAIL:
        return fail(check, f"{place}: this machine has no such address", "ip address shows those that it has")
    return fail(check, f"{place} cannot be opened: {error}", "see what the error says; ip address and ss -ltn help")


def owner_of(port: int, folder: Path = Path("/proc")) -> str | None:
    """`pid 12 (nginx -g ...)` of a process that listens on a TCP port; None when it cannot be seen."""
    inodes = {f"socket:[{inode}]" for table in ("tcp", "tcp6") for inode in _inodes(folder / "net" / table, port)}
    if not inodes:
        return None
    for process in folder.glob("[0-9]*"):
        if not inodes.isdisjoint(_open_files(process / "fd")):
            return f"pid {process.name} ({_command_line(process / 'cmdline')})"
    return None


def _inodes(table: Path, port: int) -> Iterator[str]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    for line in lines:
        fields = line.split()
        if fields[3] == LISTENING and int(fields[1].rpartition(":")[2], 16) == port:
            yield fields[9]


def _open_files(folder: Path) -> Iterator[str]:
    try:
        names = os.listdir(folder)
    except OSError:
        # Another user's process, or one that has just ended.
        return
    for name in names:
        try:
            yield os.readlink(folder / name)
        except OSError:
            continue


def _command_line(file: Path) -> str:
    try:
        words = file.read_bytes().decode(errors="replace").split("\0")
    except OSError:
        return "ended meanwhile"
    shown = " ".join(word for word in words if word)
    return shown if len(shown) <= 120 else shown[:117] + "..."
