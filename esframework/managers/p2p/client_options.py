"""Every number and switch of P2P at a client, with its default. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from esframework.errors import InvalidOption
from esframework.wire.types import P2PChannelMode


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientP2POptions:
    """`ClientOptions.p2p` (manual, chapter 04, and the technique on the P2P server).

    `mode`: which kinds of channels are tried; `client.p2p.mode` changes it later. `server` "host:port" is asked instead
    of the P2P servers that the application server names (manual: P2PServerAddress). `answers`: whether channels that
    others ask for are opened; they learn this machine's addresses thereby. `keeps_trying`: whether a channel that was
    lost, or could not be opened, is tried again later. `map_ports`: whether the router is asked to forward this
    client's ports, by PCP and NAT-PMP, with `upnp` and the extra of that name by UPnP as well; `router` is its address,
    None finds it.
    """

    mode: P2PChannelMode = P2PChannelMode.TCP_AND_UDP
    server: str | None = None
    answers: bool = True
    keeps_trying: bool = True
    map_ports: bool = True
    upnp: bool = False
    router: str | None = None

    def __post_init__(self) -> None:
        if not isinstance(self.mode, P2PChannelMode):
            names = ", ".join(f"P2PChannelMode.{mode.name}" for mode in P2PChannelMode)
            raise InvalidOption(f"mode is {self.mode!r}; one of {names} is expected")
        if self.server is not None:
            host_and_port(self.server)


def host_and_port(text: str) -> tuple[str, int]:
    """What "host:port" or "[host]:port" says; the host may be empty. Raises InvalidOption."""
    host, _, port = text.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536 or (":" in host and not host.startswith("[")):
        raise InvalidOption(f"{text!r} names no P2P server; something like 'example.org:9901' is expected")
    return host.strip("[]"), int(port)
