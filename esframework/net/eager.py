"""Writing to a socket at once, without a turn of the reactor: the only place that may find a transport's socket.

Allowed for exactly the plain TCP and UNIX transports of Twisted's POSIX reactors. A TLS transport hands out a `.socket`
too, and bytes written there would leave unencrypted, so everything not named here goes through `transport.write`.
"""

from __future__ import annotations

import socket
import sys
from typing import Any

from twisted.internet import tcp, unix

from esframework import limits

_PLAIN_TYPES = (tcp.Server, tcp.Client, unix.Server, unix.Client)


def is_plain(transport: object) -> bool:
    """Whether this is a plain socket transport that `send_now` and `backlog` may be used on."""
    return type(transport) in _PLAIN_TYPES and not getattr(transport, "TLS", False)


def send_now(transport: Any, data: bytes) -> int:
    """Hand bytes to the kernel at once; returns how many it took, 0 when the transport must be asked instead.

    Only for a transport that `is_plain` and has nothing buffered. An error of the socket is not raised here: 0 is
    returned, and the transport's own write meets the same error in the reactor's next turn, where it belongs.
    """
    if transport.disconnecting or not transport.connected or transport.TLS:
        return 0
    try:
        sent: int = transport.socket.send(data if len(data) <= limits.WRITE_CHUNK else data[: limits.WRITE_CHUNK])
    except OSError:
        return 0
    return sent


def backlog(transport: Any) -> int | None:
    """Bytes that a transport still holds, so that a slow peer can be told from one that reads nothing.

    Looks through TLS at the socket's transport below it; None for a transport that does not say.
    """
    holder = _beneath(transport, "dataBuffer")
    if holder is None:
        return None
    return len(holder.dataBuffer) - int(holder.offset) + int(holder._tempDataLen)


def in_kernel(transport: Any) -> int | None:
    """Bytes of a connection that the kernel holds and the peer has not acknowledged; None where it cannot be asked.

    The kernel calls a socket writable again only when a good part of its buffer is free, which at a slow peer takes
    longer than any time-out: until then, only this number tells it from a dead one.
    """
    handle = socket_of(transport)
    if handle is None or not sys.platform.startswith("linux"):
        return None
    # Here, because other systems have no such modules.
    import fcntl
    import termios

    try:
        # SIOCOUTQ, by the name that it shares with terminals.
        answer = fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        # Closed, or of a family that does not answer.
        return None
    return int.from_bytes(answer, sys.byteorder)


def socket_of(transport: Any) -> socket.socket | None:
    """The socket below a transport, TLS or not, for its options only: bytes written there would leave unencrypted.

    None where there is none (a transport in memory, say).
    """
    holder = _beneath(transport, "socket")
    return holder.socket if holder is not None and isinstance(holder.socket, socket.socket) else None


def _beneath(transport: Any, name: str) -> Any:
    """The first that has an attribute, of a transport and those below it."""
    while transport is not None and not hasattr(transport, name):
        transport = getattr(transport, "transport", None)
    return transport
