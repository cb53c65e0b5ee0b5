"""The client's half of a SOCKS5 handshake (RFC 1928, user name and password by RFC 1929), as a pure machine.

Bytes from the proxy go in, bytes for the proxy come out; when `opened` is true the connection belongs to
the application, and `surplus` holds what the target has already said. Knows no clock, no transport and no
resolver: a host name is always resolved by the proxy, so that names are not leaked to the local network.
"""

from __future__ import annotations

import ipaddress
import struct
from collections.abc import Callable
from enum import Enum
from typing import Final

from esframework.errors import LocalError, RemoteError

VERSION: Final = 5
AUTHENTICATION_VERSION: Final = 1
NO_AUTHENTICATION: Final = 0
USER_NAME_AND_PASSWORD: Final = 2
NO_ACCEPTABLE_METHOD: Final = 255
CONNECT: Final = 1
IPV4: Final = 1
HOST_NAME: Final = 3
IPV6: Final = 4
LONGEST_FIELD: Final = 255
"""Bytes of a host name, user name or password: each has one length byte."""

REPLIES: Final[dict[int, str]] = {
    1: "general failure of the proxy",
    2: "the proxy's rules do not allow this connection",
    3: "the network is unreachable from the proxy",
    4: "the host is unreachable from the proxy, or its name is unknown there",
    5: "the target refused the connection",
    6: "the connection's time to live expired",
    7: "the proxy does not support the command CONNECT",
    8: "the proxy does not support this type of address",
}
"""What each reply code of RFC 1928, section 6 means."""


class SocksArgumentError(LocalError, ValueError):
    """A host, port, user name or password that SOCKS5 cannot carry; names it (never the password itself)."""


class SocksError(RemoteError):
    """The way through the proxy failed; the handshake is over and the connection is of no more use."""


class SocksProtocolError(SocksError):
    """The proxy sent bytes that are not SOCKS5."""


class SocksAuthenticationFailed(SocksError):
    """The proxy wants another way to authenticate, or refused this user name and password."""


class SocksRefused(SocksError):
    """The proxy could not or would not connect; `code` is its reply code (RFC 1928, section 6)."""

    def __init__(self, code: int, target: str) -> None:
        reason = REPLIES.get(code, "a reply code that RFC 1928 does not know")
        super().__init__(f"SOCKS5 proxy, connecting to {target}: {reason} (code {code})")
        self.code = code


class State(Enum):
    """What the handshake waits for."""

    WANT_START = "want_start"
    WANT_METHOD = "want_method"
    WANT_AUTHENTICATION = "want_authentication"
    WANT_REPLY = "want_reply"
    OPENED = "opened"
    FAILED = "failed"


class SocksHandshake:
    """One handshake to `host`:`port`; `user_name` and `password` are offered where both are given.

    `start()` gives the first bytes for the proxy, `receive(data)` takes the proxy's and gives the next.
    `receive` raises a `SocksError` and nothing else, whatever bytes come; after that the state is FAILED.
    At most one reply (262 bytes) is ever held; `surplus` is a slice of what the last `receive` was given.
    """

    def __init__(self, host: str, port: int, user_name: str | None = None, password: str | None = None) -> None:
        """Raise `SocksArgumentError` for what SOCKS5 cannot carry."""
        if not 1 <= port <= 65535:
            raise SocksArgumentError(f"port {port}: must be from 1 to 65535")
        if (user_name is None) != (password is None):
            raise SocksArgumentError("a SOCKS5 user name and password are given together or not at all")
        self.target = f"{host}:{port}"
        self.state = State.WANT_START
        self.surplus = b""
        self._request = struct.pack("!BBB", VERSION, CONNECT, 0) + _address(host) + struct.pack("!H", port)
        self._credentials: bytes | None = None
        if user_name is not None and password is not None:
            self._credentials = bytes([AUTHENTICATION_VERSION]) + b"".join(
                _field(what, text) for what, text in (("user name", user_name), ("password", password))
            )
        self._held = b""

    @property
    def opened(self) -> bool:
        """Whether the proxy has connected to the target."""
        return self.state is State.OPENED

    def start(self) -> bytes:
        """The greeting: which ways to authenticate are offered."""
        methods = [NO_AUTHENTICATION]
        if self._credentials is not None:
            methods.append(USER_NAME_AND_PASSWORD)
        self.state = State.WANT_METHOD
        return bytes([VERSION, len(methods), *methods])

    def receive(self, data: bytes) -> bytes:
        """Take bytes from the proxy and return what is to be sent to it, possibly nothing.

        Raises `SocksError`. In the states OPENED and FAILED the call is a mistake of the caller's.
        """
        read = _READERS[self.state]
        try:
            return read(self, self._held + data)
        except SocksError:
            self.state = State.FAILED
            self._held = b""
            raise

    def _want_method(self, data: bytes) -> bytes:
        if data[:1] and data[0] != VERSION:
            raise SocksProtocolError(f"not a SOCKS5 proxy: its first byte is {data[0]:#04x}, not 0x05")
        method = self._take(data, 2)
        if method is None:
            return b""
        if method[1] == NO_AUTHENTICATION:
            self.state = State.WANT_REPLY
            return self._request
        if method[1] == USER_NAME_AND_PASSWORD and self._credentials is not None:
            self.state = State.WANT_AUTHENTICATION
            return self._credentials
        if method[1] == NO_ACCEPTABLE_METHOD:
            missing = "refuses the ways offered" if self._credentials else "wants a user name and password"
            raise SocksAuthenticationFailed(f"the SOCKS5 proxy {missing}")
        raise SocksProtocolError(f"the SOCKS5 proxy chose a way to authenticate nobody offered: {method[1]}")

    def _want_authentication(self, data: bytes) -> bytes:
        status = self._take(data, 2)
        if status is None:
            return b""
        if status[0] != AUTHENTICATION_VERSION:
            raise SocksProtocolError(f"the SOCKS5 proxy's answer to the password has version {status[0]}, not 1")
        if status[1] != 0:
            raise SocksAuthenticationFailed(f"the SOCKS5 proxy refused the user name or password (status {status[1]})")
        self.state = State.WANT_REPLY
        return self._request

    def _want_reply(self, data: bytes) -> bytes:
        if data[:1] and data[0] != VERSION:
            raise SocksProtocolError(f"the SOCKS5 proxy's reply has version {data[0]}, not 5")
        if len(data) >= 2 and data[1] != 0:
            raise SocksRefused(data[1], self.target)
        size = _reply_size(data)
        if size is None or len(data) < size:
            self._held = data
            return b""
        self._held = b""
        self.surplus = data[size:]
        self.state = State.OPENED
        return b""

    def _take(self, data: bytes, size: int) -> bytes | None:
        """Exactly `size` bytes, or None while they are not there; more is an answer to the unasked."""
        if len(data) > size:
            raise SocksProtocolError(f"the SOCKS5 proxy spoke out of turn in the state {self.state.value}")
        if len(data) < size:
            self._held = data
            return None
        self._held = b""
        return data


_READERS: Final[dict[State, Callable[[SocksHandshake, bytes], bytes]]] = {
    State.WANT_METHOD: SocksHandshake._want_method,
    State.WANT_AUTHENTICATION: SocksHandshake._want_authentication,
    State.WANT_REPLY: SocksHandshake._want_reply,
}
"""The law: who reads the proxy's bytes in which state. The states that are missing read none."""


def _reply_size(data: bytes) -> int | None:
    """Bytes of the whole reply that begins with `data`, or None while that cannot be told."""
    if len(data) < 5:
        return None
    kind = data[3]
    if kind == HOST_NAME:
        return 4 + 1 + data[4] + 2
    sizes = {IPV4: 4, IPV6: 16}
    if kind not in sizes:
        raise SocksProtocolError(f"the SOCKS5 proxy's reply has an unknown type of address: {kind}")
    return 4 + sizes[kind] + 2


def _address(host: str) -> bytes:
    """`host` as RFC 1928 carries it: type byte and an IPv4 address, an IPv6 address or a name."""
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if "%" in bare:
        raise SocksArgumentError(f"host {host!r}: an IPv6 scope means nothing to a proxy")
    try:
        literal = ipaddress.ip_address(bare)
    except ValueError:
        return bytes([HOST_NAME]) + _host_name(host)
    return bytes([IPV4 if literal.version == 4 else IPV6]) + literal.packed


def _host_name(host: str) -> bytes:
    """A name in the letters of the DNS, behind its length."""
    try:
        name = host.encode("ascii") if host.isascii() else host.encode("idna")
    except UnicodeError as error:
        raise SocksArgumentError(f"host {ascii(host)}: no host name ({error})") from None
    if not 1 <= len(name) <= LONGEST_FIELD:
        size = len(name)
        raise SocksArgumentError(f"host {ascii(host[:80])}: {size} bytes; from 1 to {LONGEST_FIELD} can be sent")
    if any(byte <= 0x20 or byte == 0x7F for byte in name):
        raise SocksArgumentError(f"host {ascii(host)}: blanks and control characters are in no host name")
    return bytes([len(name)]) + name


def _field(what: str, text: str) -> bytes:
    """A field of RFC 1929 behind its length; the message never repeats the text: it may be the password."""
    try:
        encoded = text.encode("utf-8")
    except UnicodeEncodeError:
        raise SocksArgumentError(f"the SOCKS5 {what} cannot be written in UTF-8") from None
    if not 1 <= len(encoded) <= LONGEST_FIELD:
        size = len(encoded)
        raise SocksArgumentError(f"the SOCKS5 {what} has {size} bytes; from 1 to {LONGEST_FIELD} can be sent")
    return bytes([len(encoded)]) + encoded
