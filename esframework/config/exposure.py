"""Who can reach a listener, told from its endpoint string; and what must not be open to everybody by
accident.

Reads strings and opens nothing. An endpoint type of somebody's plugin is unknown and is treated with
suspicion.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from enum import Enum
from typing import Final

from esframework.config.problems import ConfigError
from esframework.config.service import OFF, ServiceConfig


class Reach(Enum):
    """From where a listener can be reached."""

    LOOPBACK = "loopback"
    BEYOND = "beyond loopback"
    UNKNOWN = "unknown"


class Protection(Enum):
    """What protects the bytes on their way."""

    TLS = "TLS"
    PLAIN = "plain"
    LOCAL = "local"
    """They never leave the machine's kernel (a UNIX socket)."""


@dataclass(frozen=True, slots=True)
class Exposure:
    """A listener's reach and protection."""

    reach: Reach
    protection: Protection

    @property
    def leaks(self) -> bool:
        """Whether somebody else may be able to read passwords on the way."""
        return self.reach is not Reach.LOOPBACK and self.protection is Protection.PLAIN


_NETWORK: Final = {
    "tcp": (Protection.PLAIN, 1, ""),
    "tcp6": (Protection.PLAIN, 2, "::"),
    "ssl": (Protection.TLS, 4, ""),
    "tls": (Protection.TLS, 3, "::"),
}
"""Twisted's own types: protection, the place of `interface` among unnamed arguments, and its default."""


def exposure_of(endpoint: str) -> Exposure:
    """The exposure of a Twisted server endpoint string; never raises, whatever the string is."""
    kind, arguments, named = _parts(endpoint)
    if kind == "haproxy":
        return exposure_of(endpoint.partition(":")[2])
    if kind == "unix":
        return Exposure(Reach.LOOPBACK, Protection.LOCAL)
    if kind == "systemd":
        is_unix = named.get("domain", arguments[0] if arguments else "") == "UNIX"
        return (
            Exposure(Reach.LOOPBACK, Protection.LOCAL)
            if is_unix
            else Exposure(Reach.UNKNOWN, Protection.PLAIN)
        )
    if kind not in _NETWORK:
        return Exposure(Reach.UNKNOWN, Protection.PLAIN)
    protection, position, default = _NETWORK[kind]
    interface = named.get("interface", arguments[position] if len(arguments) > position else default)
    return Exposure(_reach_of(interface), protection)


def exposure_warnings(config: ServiceConfig) -> list[str]:
    """What an administrator should know about the listeners before somebody else finds out."""
    warnings = []
    for endpoint in _endpoints(config):
        exposure = exposure_of(endpoint)
        if exposure.leaks:
            where = "is" if exposure.reach is Reach.BEYOND else "may be"
            warnings.append(
                f"{endpoint}: {where} reachable beyond this machine without TLS; passwords and messages"
                " can be read on the way. Use an ssl: or tls: endpoint, or a proxy that ends TLS"
            )
    if config.open:
        warnings.append(
            "open: anybody may log on under any name, kick others out and ask for their addresses"
        )
    return warnings


def check_exposure(config: ServiceConfig) -> None:
    """Raise `ConfigError` where anybody beyond loopback could do everything, unless that was said twice."""
    if config.open != 1:
        return
    problems = [
        f"{endpoint}: {'is' if reach is Reach.BEYOND else 'may be'} reachable beyond this machine, and"
        " everybody there could log on and do everything; if that is meant, give --open twice (open = 2)"
        for endpoint, reach in ((endpoint, exposure_of(endpoint).reach) for endpoint in _endpoints(config))
        if reach is not Reach.LOOPBACK
    ]
    if problems:
        raise ConfigError(problems)


def _endpoints(config: ServiceConfig) -> list[str]:
    """Every endpoint that is opened; the defaults are all on loopback."""
    optional = [endpoint for endpoint in (config.console, config.metrics) if endpoint not in (None, OFF)]
    return [*config.listen, *(endpoint for endpoint in optional if endpoint is not None)]


def _reach_of(interface: str) -> Reach:
    bare = interface.strip().removeprefix("[").removesuffix("]").partition("%")[0]
    if bare in ("localhost", "ip6-localhost"):
        return Reach.LOOPBACK
    try:
        address = ipaddress.ip_address(bare)
    except ValueError:
        # Empty is every interface; a name is whatever it resolves to when the port is opened.
        return Reach.UNKNOWN if bare else Reach.BEYOND
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return Reach.LOOPBACK if (mapped or address).is_loopback else Reach.BEYOND


def _parts(endpoint: str) -> tuple[str, list[str], dict[str, str]]:
    """Type, unnamed and named arguments by Twisted's grammar: `:` divides, `=` names, `\\` quotes."""
    words: list[tuple[str | None, str]] = []
    name: str | None = None
    word = ""
    characters = iter(endpoint)
    for character in characters:
        if character == "\\":
            word += next(characters, "")
        elif character == "=" and name is None:
            name, word = word, ""
        elif character == ":":
            words.append((name, word))
            name, word = None, ""
        else:
            word += character
    words.append((name, word))
    kind = words[0][1]
    unnamed = [text for key, text in words[1:] if key is None]
    return kind, unnamed, {key: text for key, text in words[1:] if key is not None}
