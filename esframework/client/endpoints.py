"""Endpoint strings of clients: Twisted's, with `tcp:` made to find IPv4 and IPv6 alike, and a SOCKS5 proxy between.

Knows no session.
"""

from __future__ import annotations

import re
from typing import Any

from twisted.internet.abstract import isIPv6Address
from twisted.internet.endpoints import HostnameEndpoint, TCP6ClientEndpoint, clientFromString, wrapClientTLS
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.ssl import optionsForClientTLS
from twisted.logger import Logger

from esframework.client.options import Socks5Proxy
from esframework.errors import LocalError
from esframework.net.socks import Socks5Endpoint

_log = Logger()


class InvalidEndpoint(LocalError, ValueError):
    """An endpoint string cannot be understood; says what is expected."""


def client_endpoint(
    reactor: Any, description: str, timeout: float, proxy: Socks5Proxy | None = None
) -> IStreamClientEndpoint:
    """The endpoint of a string such as "tcp:example.org:4530", "tls:example.org:4530" or "unix:/run/es.sock".

    `tls:` verifies the host's name; `tcp:` takes names, IPv4 and IPv6 (escape its colons: "tcp:fe80\\:\\:1%eth0:4530").
    Raises InvalidEndpoint.
    """
    kind, arguments = _split(description)
    if kind == "ssl":
        _log.warn("{endpoint}: 'ssl:' does not verify the server; use 'tls:'", endpoint=description)
    if kind == "tcp" or (kind == "tls" and proxy is not None):
        host, port = _host_and_port(description, arguments)
        plain = _plain(reactor, host, port, timeout, proxy)
        return plain if kind == "tcp" else wrapClientTLS(optionsForClientTLS(host), plain)
    if proxy is not None:
        raise InvalidEndpoint(f"{description!r} cannot go through a SOCKS5 proxy: use 'tcp:' or 'tls:'")
    try:
        endpoint: IStreamClientEndpoint = clientFromString(reactor, description)
    except Exception as error:
        raise InvalidEndpoint(f"{description!r} is no endpoint: {error}") from None
    return endpoint


def _plain(reactor: Any, host: str, port: int, timeout: float, proxy: Socks5Proxy | None) -> IStreamClientEndpoint:
    if proxy is not None:
        way = client_endpoint(reactor, proxy.endpoint, timeout)
        return Socks5Endpoint(way, host, port, proxy.username, proxy.password, reactor=reactor)
    seconds = timeout if timeout > 0 else 365 * 24 * 3600.0
    if isIPv6Address(host):
        return TCP6ClientEndpoint(reactor, host, port, seconds)
    return HostnameEndpoint(reactor, host, port, seconds)


def _split(description: str) -> tuple[str, list[str]]:
    parts = re.findall(r"(?:[^:\\]|\\.)+", description)
    if len(parts) < 2:
        raise InvalidEndpoint(f"{description!r} is no endpoint; something like 'tcp:example.org:4530' is expected")
    return parts[0].lower(), [re.sub(r"\\(.)", r"\1", part) for part in parts[1:]]


def _host_and_port(description: str, arguments: list[str]) -> tuple[str, int]:
    named = dict(argument.split("=", 1) for argument in arguments if "=" in argument)
    unnamed = [argument for argument in arguments if "=" not in argument]
    host = named.pop("host", None) or (unnamed.pop(0) if unnamed else "")
    port = named.pop("port", None) or (unnamed.pop(0) if unnamed else "")
    if not host or not port.isdigit() or not 0 < int(port) < 65536 or named or unnamed:
        raise InvalidEndpoint(
            f"{description!r}: host and port (1 to 65535) are expected; escape colons in a host with \\"
        )
    return host, int(port)
