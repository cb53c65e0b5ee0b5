"""Every way to the daemon: UNIX sockets, TLS with the server verified, a SOCKS5 proxy; and no plain bytes on TLS."""

from __future__ import annotations

import stat
import struct
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.endpoints import clientFromString, connectProtocol, serverFromString
from twisted.internet.protocol import Factory, Protocol

from esframework import ClientEngine, ServerEngine
from esframework.client.options import ClientOptions, Socks5Proxy
from esframework.errors import ConnectionFailed
from esframework.net import outgoing
from tests.integration.certificates import Authority
from tests.integration.support import Daemon, Echo, logged_on, reactor, until, within

pytestmark = pytest.mark.integration
Start = Callable[..., Daemon]


@pytest_twisted.ensureDeferred
async def test_a_unix_socket_serves(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "es.sock"
    daemon = await start("--open", listen=f"unix:{path}:mode=600").ready()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    alice = await logged_on("alice", f"unix:{path}")
    bob = await logged_on("bob", f"unix:{path}")
    assert await alice.custom.query("bob", 1, b"local") == b"local"
    await alice.custom.send_blob("bob", 2, bytes(2_000_000))
    await alice.custom.send_acked("bob", 3, b"")
    assert len(bob.handler.told[0][2]) == 2_000_000
    await alice.close()
    await bob.close()
    assert await daemon.end() == 0
    assert not path.exists()


# --- TLS --------------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom our clients trust."""
    return Authority(tmp_path_factory.mktemp("tls") / "trusted")


def tls_listener(authority: Authority, name: str, folder: Path) -> str:
    """An endpoint string of a server that is called so."""
    key, certificate = authority.sign(name, folder)
    return f"ssl:0:interface=127.0.0.1:privateKey={key}:certKey={certificate}"


class Recorder(Protocol):
    """A relay that keeps what passes, as somebody on the way could."""

    passed: bytearray
    onward_to: str
    other: Any = None

    def connectionMade(self) -> None:
        self.held = b""
        peer = Onward(self)
        connectProtocol(clientFromString(reactor, self.onward_to), peer).addCallback(self.reached)

    def reached(self, other: Any) -> None:
        self.other = other
        other.transport.write(self.held)

    def dataReceived(self, data: bytes) -> None:
        self.passed += data
        if self.other is None:
            self.held += data
        else:
            self.other.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self.other is not None:
            self.other.transport.loseConnection()


class Onward(Protocol):
    """The relay's other end."""

    def __init__(self, back: Any) -> None:
        self.back = back

    def dataReceived(self, data: bytes) -> None:
        self.back.passed += data
        self.back.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        self.back.transport.loseConnection()


@pytest_twisted.async_yield_fixture()
async def relay() -> AsyncIterator[Callable[..., Any]]:
    """Starts relays; gives the port and what passes there."""
    ports = []

    async def listening(onward_to: str) -> tuple[int, bytearray]:
        passed = bytearray()
        kind = type("Recorder", (Recorder,), {"passed": passed, "onward_to": onward_to})
        port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(Factory.forProtocol(kind))
        ports.append(port)
        return port.getHost().port, passed

    yield listening
    for port in ports:
        await port.stopListening()


@pytest_twisted.ensureDeferred
async def test_tls_lets_nothing_be_read_on_the_way(
    start: Start, authority: Authority, relay: Callable[..., Any], tmp_path: Path
) -> None:
    daemon = await start("--open", listen=tls_listener(authority, "localhost", tmp_path)).ready()
    port, passed = await relay(daemon.endpoint)
    endpoint = f"tls:localhost:{port}:trustRoots={authority.folder}"
    alice = await logged_on("alice-in-the-clear", endpoint)
    bob = await logged_on("bob", endpoint)
    for _ in range(20):
        assert await alice.custom.query("bob", 1, b"marked words") == b"marked words"
    await alice.custom.send_blob("bob", 2, b"marked words" * 100_000)
    await alice.custom.send_acked("bob", 3, b"")
    assert bob.handler.told[0][2] == b"marked words" * 100_000
    assert len(passed) > 2_000_000
    assert b"marked words" not in passed
    assert b"alice-in-the-clear" not in passed
    await alice.close()
    await bob.close()
    assert "Traceback" not in daemon.shown


@pytest_twisted.ensureDeferred
async def test_without_tls_the_same_relay_reads_it(start: Start, relay: Callable[..., Any]) -> None:
    daemon = await start("--open").ready()
    port, passed = await relay(daemon.endpoint)
    alice = await logged_on("alice", f"tcp:localhost:{port}")
    assert await alice.custom.query("alice", 1, b"marked words") == b"marked words"
    assert b"marked words" in passed
    await alice.close()


@pytest_twisted.ensureDeferred
async def test_a_server_with_another_name_is_refused(start: Start, authority: Authority, tmp_path: Path) -> None:
    daemon = await start("--open", listen=tls_listener(authority, "elsewhere.example", tmp_path)).ready()
    with pytest.raises(ConnectionFailed, match="VerificationError|verif|certificate|DNSMismatch"):
        await logged_on("alice", f"tls:localhost:{daemon.port}:trustRoots={authority.folder}")
    assert "logged on" not in daemon.shown


@pytest_twisted.ensureDeferred
async def test_a_server_whom_nobody_trusted_signed_is_refused(
    start: Start, authority: Authority, tmp_path: Path
) -> None:
    impostor = Authority(tmp_path / "impostor")
    daemon = await start("--open", listen=tls_listener(impostor, "localhost", tmp_path)).ready()
    with pytest.raises(ConnectionFailed, match="certificate verify failed"):
        await logged_on("alice", f"tls:localhost:{daemon.port}:trustRoots={authority.folder}")
    assert "logged on" not in daemon.shown


@pytest.mark.parametrize("secure", [True, False], ids=["TLS", "plain TCP"])
@pytest_twisted.ensureDeferred
async def test_bytes_are_put_into_the_socket_directly_only_without_tls(
    monkeypatch: pytest.MonkeyPatch, authority: Authority, tmp_path: Path, secure: bool
) -> None:
    written: list[int] = []
    send_now = outgoing.send_now

    def counted(transport: Any, data: bytes) -> int:
        written.append(send_now(transport, data))
        return written[-1]

    monkeypatch.setattr(outgoing, "send_now", counted)
    listener = tls_listener(authority, "localhost", tmp_path) if secure else "tcp:0:interface=127.0.0.1"
    server = ServerEngine(Echo(), reactor=reactor)
    port = (await server.listen(listener)).getHost().port
    endpoint = f"tls:localhost:{port}:trustRoots={authority.folder}" if secure else f"tcp:localhost:{port}"
    client = await logged_on("alice", endpoint)
    assert await client.custom.query(None, 1, b"?") == b"?"
    await client.custom.send_blob("alice", 2, bytes(1_000_000))
    await client.custom.send_acked("alice", 3, b"")
    assert bool(written) is not secure
    await client.close()
    await server.close()


# --- SOCKS5 -----------------------------------------------------------------------------------------------------------
class Proxy(Protocol):
    """A SOCKS5 proxy that wants a name and a password, and knows one host, which is this machine."""

    other: Any = None

    def connectionMade(self) -> None:
        self.held = b""
        self.passed = bytearray()
        self.step = self.greet

    def dataReceived(self, data: bytes) -> None:
        self.held += data
        while self.held and self.step():
            pass

    def take(self, size: int) -> bytes:
        taken, self.held = self.held[:size], self.held[size:]
        return taken

    def greet(self) -> bool:
        if len(self.held) < 2 or len(self.held) < 2 + self.held[1]:
            return False
        assert 2 in self.take(2 + self.held[1])[2:]
        self.say(b"\x05\x02")
        self.step = self.authenticate
        return True

    def authenticate(self) -> bool:
        wanted = b"\x01\x04user\x06secret"
        if len(self.held) < len(wanted):
            return False
        right = self.take(len(wanted)) == wanted
        self.say(b"\x01\x00" if right else b"\x01\x01")
        self.step = self.connect
        return right

    def connect(self) -> bool:
        if len(self.held) < 5 or len(self.held) < 7 + self.held[4]:
            return False
        request = self.take(7 + self.held[4])
        assert request[3] == 3, "the name is the proxy's to resolve"
        assert request[5:-2] == b"hidden.example"
        port = struct.unpack("!H", request[-2:])[0]
        self.step = lambda: False
        onward = connectProtocol(clientFromString(reactor, f"tcp:127.0.0.1:{port}"), Onward(self))
        onward.addCallback(self.reached)
        return False

    def reached(self, other: Any) -> None:
        self.other = other
        self.step = self.forward
        self.say(b"\x05\x00\x00\x01" + bytes(6))

    def forward(self) -> bool:
        self.other.transport.write(self.take(len(self.held)))
        return False

    def say(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)

    def connectionLost(self, reason: Any = None) -> None:
        if self.other is not None:
            self.other.transport.loseConnection()


@pytest_twisted.async_yield_fixture()
async def proxy() -> AsyncIterator[str]:
    """The endpoint of a proxy."""
    port = await serverFromString(reactor, "tcp:0:interface=127.0.0.1").listen(Factory.forProtocol(Proxy))
    yield f"tcp:127.0.0.1:{port.getHost().port}"
    await port.stopListening()


@pytest.mark.parametrize("kind", ["tcp", "tls"])
@pytest_twisted.ensureDeferred
async def test_a_client_goes_and_comes_back_through_a_proxy(
    start: Start, proxy: str, authority: Authority, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    listen = tls_listener(authority, "hidden.example", tmp_path) if kind == "tls" else "tcp:0:interface=127.0.0.1"
    # Through a proxy, `tls:` trusts what the platform trusts: here a file that OpenSSL is told of.
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.folder / "authority.pem"))
    daemon = await start("--open", listen=listen).ready()
    options = {"proxy": Socks5Proxy(proxy, "user", "secret"), "reconnect_first_delay": 0.1}
    client = await logged_on("alice", f"{kind}:hidden.example:{daemon.port}", **options)
    assert await client.custom.query("alice", 1, b"?") == b"?"
    back = []
    client.relogon_completed.subscribe(back.append)
    client.close_connection(reconnect_now=True)
    await until(lambda: bool(back), "the way back")
    assert await client.custom.query("alice", 1, b"again") == b"again"
    await client.close()


@pytest_twisted.ensureDeferred
async def test_a_proxy_that_refuses_fails_the_log_on(start: Start, proxy: str) -> None:
    daemon = await start("--open").ready()
    client = ClientEngine(options=ClientOptions(proxy=Socks5Proxy(proxy, "user", "guess!")), reactor=reactor)
    with pytest.raises(ConnectionFailed):
        await within(client.log_on("alice", "", f"tcp:hidden.example:{daemon.port}"), "the refusal")
    assert not client.connected
