"""What the system can be told and asked about a TCP connection; what it does not know is left as it is.

Looks at sockets for their options only.
"""

from __future__ import annotations

import socket
import sys
from struct import Struct
from typing import Any, Final

from twisted.logger import Logger

from esframework.limits import sealed as limits
from esframework.net.eager import socket_of

_log = Logger()

_UNSENT: Final = 0x894B
"""SIOCOUTQNSD."""

# TCP_INFO of Linux: after 68 bytes the round trip and its variation in microseconds, slow-start threshold and window
# in segments; after 100 the segments that were sent again.
_INFO: Final = Struct("=68xIIIIxxxxxxxxxxxxxxxxI")


def tune(transport: Any) -> None:
    """Send small pieces at once, keep little where messages cannot overtake it, and measure the path instead of taking
    each loss for congestion."""
    handle = socket_of(transport)
    if handle is None or handle.family not in (socket.AF_INET, socket.AF_INET6):
        return
    _set(handle, socket.TCP_NODELAY, 1)
    if sys.platform.startswith("linux"):
        _set(handle, socket.TCP_CONGESTION, b"bbr")
    keep_unsent(transport, limits.UNSENT_IN_KERNEL)


def keep_unsent(transport: Any, size: int) -> None:
    """Let the system say that it takes more when it has less than half of so many bytes that it has not sent."""
    handle = socket_of(transport)
    if handle is not None and sys.platform.startswith("linux"):
        _set(handle, socket.TCP_NOTSENT_LOWAT, size)


def _set(handle: socket.socket, option: int, value: int | bytes) -> None:
    try:
        handle.setsockopt(socket.IPPROTO_TCP, option, value)
    except OSError as error:
        # Closed already, or not allowed here: the connection works without.
        _log.debug("TCP option {option} = {value} was not taken: {error}", option=option, value=value, error=error)


def round_trip_of(transport: Any) -> float | None:
    """Seconds there and back as the system measured them when it connected; None where it does not say."""
    measured = facts_of(transport).get("kernel_round_trip")
    return float(measured) if measured else None


def unsent_in(transport: Any) -> int:
    """Bytes that the system holds and has not sent; 0 where it does not say."""
    handle = socket_of(transport)
    if handle is None or not sys.platform.startswith("linux"):
        return 0
    # Here, because other systems have no such module.
    import fcntl

    try:
        return int.from_bytes(fcntl.ioctl(handle.fileno(), _UNSENT, bytes(4)), sys.byteorder)
    except (OSError, ValueError):
        # Closed.
        return 0


def facts_of(transport: Any) -> dict[str, int | float | str]:
    """What the system says of a connection: `kernel_round_trip` in seconds, `congestion_window` in segments,
    `segments_sent_again`, `congestion_control`. Empty where it says nothing."""
    handle = socket_of(transport)
    if handle is None or not sys.platform.startswith("linux"):
        return {}
    try:
        info = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO.size)
        name = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16)
    except OSError:
        # Closed, or no TCP.
        return {}
    if len(info) < _INFO.size:
        return {}
    round_trip, _, _, window, again = _INFO.unpack(info)
    return {
        "kernel_round_trip": round_trip / 1_000_000,
        "congestion_window": window,
        "segments_sent_again": again,
        "congestion_control": name.rstrip(b"\0").decode("ascii", "replace"),
    }
