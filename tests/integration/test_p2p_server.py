"""P2P servers as processes, within the service or alone: who has a token hears how it is seen, whatever else comes."""

from __future__ import annotations

import os
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import ensureDeferred
from twisted.internet.endpoints import clientFromString, connectProtocol
from twisted.internet.error import ConnectionClosed
from twisted.internet.protocol import DatagramProtocol
from twisted.internet.task import deferLater
from twisted.web.client import Agent, readBody

from esframework import ServerEngine
from esframework.managers.p2p.foreign_contracts import PUBLIC_ENDPOINT, PublicEndpointBody
from esframework.managers.p2p.observing import Observer
from esframework.rudp.rendezvous.discovery import Behaviour, Discovery, Findings
from esframework.rudp.rendezvous.messages import ANSWER, ANSWER_SIZE, REQUEST_SIZE, Request
from esframework.rudp.rendezvous.tokens import Tokens
from esframework.wire.contracts import LOG_ON_REPLY
from esframework.wire.types import MessageType
from tests.conftest import absent
from tests.integration.support import COMMAND, TWISTD, Child, Daemon, Raw, logged_on, reactor, until, within

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]
SECRET = b"known to those who should know it"
TOKENS = Tokens([SECRET], os.urandom)
ALONE = (*COMMAND, "p2p-server")
BY_TWISTD = (*TWISTD, "esframework-p2p")
SERVED = r"P2P server at (\S+) port (\d+), UDP and TCP"


class Host(DatagramProtocol):
    """A UDP socket of this machine that asks, and keeps what comes."""

    def __init__(self, interface: str = "127.0.0.1") -> None:
        self.came: list[bytes] = []
        self.port: Any = reactor.listenUDP(0, self, interface=interface)
        self._asking: Discovery | None = None
        _hosts.append(self)

    @property
    def address(self) -> tuple[str, int]:
        """Where this end is."""
        return (self.port.getHost().host, self.port.getHost().port)

    def datagramReceived(self, datagram: bytes, address: Any) -> None:
        self.came.append(datagram)
        if self._asking is not None:
            self._asking.receive(datagram, reactor.seconds())

    async def ask(self, server: tuple[str, int], token: bytes | None = None, tests_filtering: bool = False) -> Findings:
        """What one server says."""
        token = TOKENS.issue(time.time()) if token is None else token
        asking = self._asking = Discovery(server, token, os.urandom, reactor.seconds(), tests_filtering=tests_filtering)
        while asking.findings is None:
            for datagram, target in asking.datagrams_to_send(reactor.seconds()):
                self.throw(datagram, target)
            await deferLater(reactor, 0.005, lambda: None)
        return asking.findings

    def throw(self, datagram: bytes, server: tuple[str, int]) -> None:
        """Send whatever."""
        self.transport.write(datagram, server)  # type: ignore[union-attr]


_hosts: list[Host] = []


@pytest_twisted.async_yield_fixture(autouse=True)
async def hosts() -> AsyncIterator[None]:
    """Sockets end with their test."""
    yield
    while _hosts:
        await _hosts.pop().port.stopListening()


async def ask_by_tcp(server: tuple[str, int], token: bytes | None = None) -> tuple[Any, Any]:
    """(how a connection is seen, how it is)."""
    host = server[0].replace(":", "\\:")
    observer = Observer(TOKENS.issue(time.time()) if token is None else token, os.urandom, set())
    await connectProtocol(clientFromString(reactor, f"tcp:{host}:{server[1]}"), observer)
    own: Any = observer.transport
    address = (own.getHost().host, own.getHost().port)
    seen = await within(observer.seen, "an answer by TCP")
    own.abortConnection()
    return seen, address


@pytest.fixture
def secret_file(tmp_path: Path) -> str:
    """A file with the secret that the tests have, too."""
    file = tmp_path / "p2p.secret"
    file.write_bytes(SECRET)
    return str(file)


@pytest.fixture
def alone(children: list[Child], secret_file: str, free_port: int) -> Callable[..., Child]:
    """Starts P2P servers that stand alone, at `free_port` of 127.0.0.1."""

    def started(*flags: str, program: Any = ALONE, interface: str = "127.0.0.1") -> Child:
        where = ("--port", str(free_port), "--interface", interface) if interface else ()
        child = Child((*program, "--secret-file", secret_file, *where, *flags))
        children.append(child)
        return child

    return started


def another_port() -> int:
    """A port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def can_have_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


# --- alone ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("program", [ALONE, BY_TWISTD], ids=["esframework p2p-server", "twistd -n"])
@pytest_twisted.ensureDeferred
async def test_it_answers_by_udp_and_tcp_and_ends_in_an_orderly_way(
    alone: Callable[..., Child], program: Any, free_port: int
) -> None:
    child = alone(program=program)
    await child.shows(SERVED)
    server, host = ("127.0.0.1", free_port), Host()
    findings = await host.ask(server)
    assert findings.reflexive == host.address
    assert findings.mapping is Behaviour.ENDPOINT_INDEPENDENT
    seen, address = await ask_by_tcp(server)
    assert seen == address
    assert await child.end() == (0 if program is ALONE else -signal.SIGTERM)
    await child.shows("closed")
    assert "Traceback" not in child.shown


@pytest_twisted.ensureDeferred
async def test_by_default_it_is_at_port_9901_of_every_address_of_both_families(
    alone: Callable[..., Child],
) -> None:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("0.0.0.0", 9901))
            except OSError:
                absent("port 9901 of this machine is taken")
    child = alone(interface="")
    await child.shows(SERVED)
    ends = ["127.0.0.1", *(["::1"] if can_have_ipv6() else [])]
    for end in ends:
        host = Host(end)
        assert (await host.ask((end, 9901))).reflexive == host.address
        seen, address = await ask_by_tcp((end, 9901))
        assert seen == address


@pytest_twisted.ensureDeferred
async def test_a_second_address_tells_everything_of_a_nat(alone: Callable[..., Child], free_port: int) -> None:
    child = alone("--second-address", "127.0.0.2")
    await child.shows(SERVED)
    findings = await Host("127.0.0.1").ask(("127.0.0.1", free_port), tests_filtering=True)
    assert findings.has_two_addresses
    assert (findings.mapping, findings.filtering) == (Behaviour.ENDPOINT_INDEPENDENT, Behaviour.ENDPOINT_INDEPENDENT)


@pytest.mark.parametrize("kind", ["epoll", "asyncio", "select", "poll"])
@pytest_twisted.ensureDeferred
async def test_every_reactor_serves(alone: Callable[..., Child], free_port: int, kind: str) -> None:
    child = alone(program=(*TWISTD, f"--reactor={kind}", "esframework-p2p"))
    await child.shows(SERVED)
    host = Host()
    assert (await host.ask(("127.0.0.1", free_port))).reflexive == host.address
    await ask_by_tcp(("127.0.0.1", free_port))


@pytest_twisted.ensureDeferred
async def test_who_has_no_token_hears_nothing_and_is_logged_once(alone: Callable[..., Child], free_port: int) -> None:
    child = alone("--security-log")
    await child.shows(SERVED)
    server, host = ("127.0.0.1", free_port), Host()
    for token in (bytes(32), Tokens([b"somebody else's secret"], os.urandom).issue(time.time())):
        host.throw(Request(bytes(12), token).encode(), server)
    host.throw(Request(bytes(12), TOKENS.issue(time.time() - 100)).encode(), server)
    with pytest.raises(ConnectionClosed):
        await ask_by_tcp(server, bytes(32))
    assert (await host.ask(server)).works
    await child.shows(r"refused \[127\.0\.0\.1\]:\d+: token_forged$")
    await child.shows(r"refused \[127\.0\.0\.1\]:\d+: token_expired$")
    assert child.shown.count("token_forged") == 1


@pytest_twisted.ensureDeferred
async def test_a_flood_of_garbage_costs_no_memory_and_nobody_an_answer(
    alone: Callable[..., Child], free_port: int, require: Any
) -> None:
    child = alone()
    await child.shows(SERVED)
    server, host = ("127.0.0.1", free_port), Host()
    await host.ask(server)
    before = resident(child.pid)
    garbage = [
        b"",
        b"\0",
        bytes(REQUEST_SIZE),
        b"\0\1" + os.urandom(94),
        os.urandom(512),
        os.urandom(1400),
        b"\xff" * 36,
    ]
    peers = [await connectProtocol(clientFromString(reactor, f"tcp:127.0.0.1:{free_port}"), Raw()) for _ in range(60)]
    for _ in range(200):
        for datagram in garbage * 5:
            host.throw(datagram, server)
        await deferLater(reactor, 0.001, lambda: None)
    for number, peer in enumerate(peers):
        peer.write(os.urandom(number * 20 + 1))
    findings = await host.ask(server)
    assert findings.reflexive == host.address
    assert all(datagram[0] == ANSWER for datagram in host.came)
    await until(lambda: sum(peer.closed.called for peer in peers) >= 50, "the end of those that brought too much")
    assert resident(child.pid) - before < 4 * 1024 * 1024
    assert "Traceback" not in child.shown


@pytest_twisted.ensureDeferred
async def test_a_flood_with_tokens_is_answered_as_often_as_is_fair(
    children: list[Child], tmp_path: Path, secret_file: str, free_port: int
) -> None:
    file = tmp_path / "p2p.toml"
    file.write_text(
        f"[p2p]\nport = {free_port}\ninterfaces = ['127.0.0.1']\nmax_per_second = 2\nsecret_file = 'p2p.secret'\n"
    )
    child = Child((*ALONE, "--config", str(file)))
    children.append(child)
    await child.shows(SERVED)
    host = Host()
    answers = host.came
    for _ in range(300):
        host.throw(Request(bytes(12), TOKENS.issue(time.time())).encode(), ("127.0.0.1", free_port))
        await deferLater(reactor, 0, lambda: None)
    await until(lambda: len(answers) >= 20, "the answers that are due")
    await deferLater(reactor, 0.3, lambda: None)
    assert 20 <= len(answers) <= 23
    assert {len(answer) for answer in answers} == {ANSWER_SIZE}


@pytest_twisted.ensureDeferred
async def test_one_that_is_killed_comes_back_at_its_port(alone: Callable[..., Child], free_port: int) -> None:
    child = alone()
    await child.shows(SERVED)
    server, host = ("127.0.0.1", free_port), Host()
    await ask_by_tcp(server)
    assert await child.end(signal.SIGKILL) == -signal.SIGKILL
    asking = ensureDeferred(host.ask(server))
    await alone().shows(SERVED)
    assert (await asking).works


@pytest_twisted.ensureDeferred
async def test_a_port_in_use_is_one_clear_line_and_exit_code_1(alone: Callable[..., Child], free_port: int) -> None:
    first = alone()
    await first.shows(SERVED)
    second = alone()
    assert await second.over() == 1
    assert f"cannot start: port {free_port} of 127.0.0.1, UDP and TCP: " in second.shown
    assert "Traceback" not in second.shown


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ((), "--secret-file: expected a file with the secret"),
        (("--secret-file", "/nowhere/at/all"), "/nowhere/at/all: cannot be read"),
        (("--port", "99999"), "--port = 99999: expected"),
        (("--interface", "here"), "--interface"),
        (("--second-address", "127.0.0.2"), "--second-address = '127.0.0.2'"),
        (("--nonsense",), "--nonsense"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest_twisted.ensureDeferred
async def test_what_cannot_be_is_said_without_a_traceback(
    children: list[Child], flags: tuple[str, ...], said: str
) -> None:
    child = Child((*ALONE, *flags))
    children.append(child)
    assert await child.over() == 2
    assert said in child.shown
    assert "Traceback" not in child.shown


@pytest_twisted.ensureDeferred
async def test_figures_are_fetched_over_http(alone: Callable[..., Child], free_port: int, require: Any) -> None:
    require("prometheus_client", "figures are served by it: pip install 'esframework[metrics]'")
    page_port = another_port()
    child = alone("--metrics", f"tcp:{page_port}:interface=127.0.0.1")
    await child.shows(SERVED)
    server, host = ("127.0.0.1", free_port), Host()
    host.throw(b"\0garbage", server)
    await host.ask(server)
    await ask_by_tcp(server)
    response = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{page_port}/metrics".encode())
    page = (await readBody(response)).decode()
    figures = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    # By UDP at both ports, and by TCP; a client that has waited 0.1 s for a busy machine asks again.
    assert float(figures["esframework_p2p_answers_total"]) >= 3
    assert float(figures["esframework_p2p_requests_total"]) == float(figures["esframework_p2p_answers_total"]) + 1
    assert "\nesframework_p2p_connections_told_total 1.0\n" in page
    assert '\nesframework_p2p_refused_total{reason="short"} 1.0\n' in page


# --- within the service -----------------------------------------------------------------------------------------------
async def p2p_port(daemon: Daemon) -> int:
    return int((await daemon.shows(SERVED))[2])


@pytest_twisted.ensureDeferred
async def test_the_service_has_one_at_the_next_port_and_clients_are_told_so(start: Start, free_port: int) -> None:
    listen = f"tcp:{free_port}:interface=127.0.0.1"
    daemon = await start("--open", listen=listen, config=f"[p2p]\nsecret = '{SECRET.decode()}'\n").ready()
    assert await p2p_port(daemon) == free_port + 1
    host = Host()
    assert (await host.ask(("127.0.0.1", free_port + 1))).reflexive == host.address
    await ask_by_tcp(("127.0.0.1", free_port + 1))
    peer = await Raw.connected(daemon.endpoint)
    peer.write(peer.log_on_frame("alice"))
    reply = LOG_ON_REPLY.decode(await peer.receives(MessageType.LOG_ON))
    assert (reply.p2p_enabled, reply.use_as_p2p_server) == (True, True)


@pytest.mark.parametrize(
    ("flags", "config", "told"),
    [
        (("--p2p", "off"), "", (False, False)),
        (("--p2p", "off"), "[p2p]\nsecret = 'sixteen letters.'\nservers = ['p2p.example.org']\n", (True, False)),
        (("--p2p", "{port}"), "", (True, False)),
    ],
    ids=["off", "alone", "another port"],
)
@pytest_twisted.ensureDeferred
async def test_clients_are_told_whether_there_is_one(
    start: Start, free_port: int, flags: tuple[str, ...], config: str, told: tuple[bool, bool]
) -> None:
    flags = tuple(flag.format(port=free_port) for flag in flags)
    daemon = await start("--open", *flags, config=config).ready()
    peer = await Raw.connected(daemon.endpoint)
    peer.write(peer.log_on_frame("alice"))
    reply = LOG_ON_REPLY.decode(await peer.receives(MessageType.LOG_ON))
    assert (reply.p2p_enabled, reply.use_as_p2p_server) == told


@pytest_twisted.ensureDeferred
async def test_a_port_that_is_taken_is_a_warning_and_everything_else_goes_on(start: Start) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rival:
        rival.bind(("127.0.0.1", 0))
        port = rival.getsockname()[1]
        daemon = await start("--open", "--p2p", str(port)).ready()
        await daemon.shows(rf"WARNING: no P2P server at port {port} of 127\.0\.0\.1")
        alice = await logged_on("alice", daemon.endpoint)
        assert await alice.basic.all_online_users() == ["alice"]
        await alice.close()


@pytest_twisted.ensureDeferred
async def test_clients_of_another_make_are_answered_by_udp_where_they_are_logged_on(start: Start) -> None:
    daemon = await start("--open").ready()
    port = await p2p_port(daemon)
    peer = await Raw.logged_on(daemon.endpoint, "alice")
    here, elsewhere = Host("127.0.0.1"), Host("127.0.0.2")
    for host, name in ((elsewhere, "alice"), (here, "bob"), (here, "alice")):
        host.throw(peer.frame(MessageType.MY_PUBLIC_ENDPOINT, b"", name, number=4), ("127.0.0.1", port))
    await until(lambda: bool(here.came), "the answer")
    await deferLater(reactor, 0.1, lambda: None)
    (answer,) = here.came
    assert elsewhere.came == []
    assert PUBLIC_ENDPOINT.decode(answer[peer.layout.header_size :]) == PublicEndpointBody(*here.address)
    peer.finish()
    await daemon.shows("alice logged off")
    here.throw(peer.frame(MessageType.MY_PUBLIC_ENDPOINT, b"", "alice"), ("127.0.0.1", port))
    await deferLater(reactor, 0.2, lambda: None)
    assert len(here.came) == 1


@pytest_twisted.ensureDeferred
async def test_listeners_at_neighbouring_ports_have_theirs_first(start: Start, free_port: int) -> None:
    loopback = "interface=127.0.0.1"
    daemon = start("--open", "--listen", f"tcp:{free_port + 1}:{loopback}", listen=f"tcp:{free_port}:{loopback}")
    await daemon.shows(rf"clients are served at 127\.0\.0\.1:{free_port + 1}$")
    await daemon.shows("WARNING: no P2P server")


@pytest_twisted.ensureDeferred
async def test_the_service_is_told_of_secrets_that_cannot_be_read(start: Start) -> None:
    daemon = start("--open", config="[p2p]\nsecret_file = 'nowhere'\n")
    assert await daemon.over() == 2
    assert re.search(r"secret_file = \S+nowhere: cannot be read", daemon.shown)
    assert "Traceback" not in daemon.shown


def resident(pid: int) -> int:
    """Bytes of memory that a process holds now."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status)[1]) * 1024  # type: ignore[index]


@pytest_twisted.ensureDeferred
async def test_an_engine_that_closes_and_opens_again_has_its_p2p_server_again(free_port: int) -> None:
    server = ServerEngine(reactor=reactor)
    for _ in range(3):
        await server.listen(f"tcp:{free_port}:interface=127.0.0.1")
        await deferLater(reactor, 0, lambda: None)
        assert server.p2p.rendezvous.endpoints() == [("", free_port + 1)]
        assert (await Host().ask(("127.0.0.1", free_port + 1), server.p2p.rendezvous.token())).works
        await server.close()
        assert not server.p2p.is_enabled


async def figures_of(port: int) -> dict[str, float]:
    """What a server tells Prometheus: its name without labels, and the value."""
    response = await Agent(reactor).request(b"GET", f"http://127.0.0.1:{port}/metrics".encode())
    page = (await readBody(response)).decode()
    lines = (line.split() for line in page.splitlines() if line.startswith("esframework_p2p_") and "{" not in line)
    return {line[0].removeprefix("esframework_p2p_"): float(line[1]) for line in lines}


@pytest_twisted.ensureDeferred
async def test_two_services_share_one_that_stands_alone_and_their_clients_open_channels_with_it(
    start: Start, alone: Callable[..., Child], free_port: int, require: Any
) -> None:
    require("prometheus_client", "figures are served by it: pip install 'esframework[metrics]'")
    page_port = another_port()
    await alone("--metrics", f"tcp:{page_port}:interface=127.0.0.1").shows(SERVED)
    config = f"p2p.port = 'off'\np2p.secret = '{SECRET.decode()}'\np2p.servers = ['127.0.0.1:{free_port}']\n"
    answered = 0.0
    for _ in range(2):
        daemon = await start("--open", config=config).ready()
        alice, bob = [await logged_on(name, daemon.endpoint) for name in ("alice", "bob")]
        await within(alice.p2p.connect("bob"), "a channel")
        answered, answered_before = (await figures_of(page_port))["answers_total"], answered
        assert answered > answered_before
        assert await alice.custom.query("bob", 1, b"straight") == b"straight"
        await alice.close()
        await bob.close()
        await daemon.shows(rf"P2P servers that clients are told of: 127\.0\.0\.1:{free_port}$")
        assert "P2P server at" not in daemon.shown
    assert (await figures_of(page_port))["connections_told_total"] >= 4
