"""By which way a program talks to somebody, in words: `direct (udp, 12 ms)`, or `by the server`. Opens no channel."""

from __future__ import annotations

from typing import Any, Final

BY_SERVER: Final = "by the server"


def way_to(client: Any, user_id: str) -> str:
    """The way to a user or device now."""
    p2p = client.p2p
    state = None if p2p is None else p2p.channel_state(user_id)
    return BY_SERVER if state is None else way_of(state)


def way_of(state: Any) -> str:
    """The way that a channel is."""
    return f"direct ({state.protocol}, {milliseconds(state.round_trip)})"


def milliseconds(seconds: float) -> str:
    """A round trip for people: `12 ms`, below ten `1.2 ms`."""
    return f"{seconds * 1000:.0f} ms" if seconds >= 0.00995 else f"{seconds * 1000:.1f} ms"


def place(address: Any) -> str:
    """An address and a port: `192.0.2.7:4530`, `[2001:db8::7]:4530`; `*` where the system has not told which."""
    host, port = address
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"
