"""TLS through a SOCKS5 proxy on real sockets: the certificate that is checked is the target's."""

from __future__ import annotations

import datetime
import struct
from typing import Any

import pytest
import pytest_twisted
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet import reactor as global_reactor
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    connectProtocol,
    wrapClientTLS,
    wrapServerTLS,
)
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import Certificate, PrivateCertificate, optionsForClientTLS

from esframework.machines.socks import SocksRefused
from esframework.net.socks import Socks5Endpoint

pytestmark = pytest.mark.integration

reactor: Any = global_reactor
HOST_KNOWN_TO_THE_PROXY_ONLY = "inner.example"


class Echo(Protocol):
    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.write(data)


class Collector(Protocol):
    """Fires when `wanted` has come."""

    def __init__(self, wanted: bytes) -> None:
        self.wanted = wanted
        self.data = b""
        self.complete: Deferred[bytes] = Deferred()
        self.closed: Deferred[None] = Deferred()

    def dataReceived(self, data: bytes) -> None:
        self.data += data
        if self.data == self.wanted:
            self.complete.callback(self.data)

    def connectionLost(self, reason: Any = None) -> None:
        self.closed.callback(None)


class Proxy(Protocol):
    """A SOCKS5 proxy that needs no password and knows one name."""

    target: Any = None
    held = b""
    greeted = False

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        if self.target is not None:
            self.target.transport.write(data)
            return
        self.held += data
        if not self.greeted and len(self.held) >= 3:
            self.greeted, self.held = True, b""
            self.transport.write(b"\x05\x00")
        elif self.greeted and len(self.held) >= 5 and len(self.held) == 7 + self.held[4]:
            self.connect(self.held[5:-2].decode(), struct.unpack("!H", self.held[-2:])[0])

    def connect(self, name: str, port: int) -> None:
        assert self.transport is not None
        if name != HOST_KNOWN_TO_THE_PROXY_ONLY:
            self.transport.write(b"\x05\x04\x00\x01" + bytes(6))
            return
        onward = connectProtocol(TCP4ClientEndpoint(reactor, "127.0.0.1", port), Onward(self))
        onward.addCallback(self.reached)

    def reached(self, target: Any) -> None:
        assert self.transport is not None
        self.target = target
        self.transport.write(b"\x05\x00\x00\x01" + bytes(6))

    def connectionLost(self, reason: Any = None) -> None:
        if self.target is not None:
            self.target.transport.loseConnection()


class Onward(Protocol):
    def __init__(self, proxy: Any) -> None:
        self.proxy = proxy

    def dataReceived(self, data: bytes) -> None:
        self.proxy.transport.write(data)


def certificate_for(name: str) -> tuple[PrivateCertificate, Certificate]:
    """A key with its self-signed certificate, and the certificate alone as what a client trusts."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return PrivateCertificate.loadPEM(public + private), Certificate.loadPEM(public)


@pytest_twisted.ensureDeferred
async def test_tls_to_a_name_that_only_the_proxy_knows() -> None:
    identity, trust = certificate_for(HOST_KNOWN_TO_THE_PROXY_ONLY)
    listen_on = TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1")
    target = await wrapServerTLS(identity.options(), listen_on).listen(Factory.forProtocol(Echo))
    proxy = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Proxy))
    tunnel = Socks5Endpoint(
        TCP4ClientEndpoint(reactor, "127.0.0.1", proxy.getHost().port),
        HOST_KNOWN_TO_THE_PROXY_ONLY,
        target.getHost().port,
    )
    options = optionsForClientTLS(HOST_KNOWN_TO_THE_PROXY_ONLY, trustRoot=trust)
    content = b"x" * 200_000
    collector = Collector(content)
    try:
        await connectProtocol(wrapClientTLS(options, tunnel), collector)
        assert collector.transport is not None
        collector.transport.write(content)
        assert await collector.complete == content
        collector.transport.loseConnection()
        await collector.closed
    finally:
        await target.stopListening()
        await proxy.stopListening()


@pytest_twisted.ensureDeferred
async def test_a_name_that_the_proxy_does_not_know() -> None:
    proxy = await TCP4ServerEndpoint(reactor, 0, interface="127.0.0.1").listen(Factory.forProtocol(Proxy))
    tunnel = Socks5Endpoint(
        TCP4ClientEndpoint(reactor, "127.0.0.1", proxy.getHost().port), "other.example", 1
    )
    try:
        with pytest.raises(SocksRefused, match="host is unreachable"):
            await connectProtocol(tunnel, Protocol())
    finally:
        await proxy.stopListening()
