"""The yardstick: a relay of generation-6 frames on bare Twisted, with no check at all.

It admits everybody, believes every header and knows no queue, limit, time-out or handler, so its figures are
what Twisted and Python themselves allow on the machine. It writes with ``transport.write`` for each batch, or
with ``--eager`` by `socket.send` at once while the transport has nothing buffered. It refuses to know
esframework: not one line is shared with the product.

Run as ``python -m benchmarks.bare_relay --port 4530 [--eager]``.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from struct import Struct

from twisted.internet import epollreactor

epollreactor.install()

from twisted.internet import protocol, reactor  # noqa: E402

HEADER_SIZE = 36
LOG_ON = 112
INFORMATION = 201
TO_SERVER = b"\x02_0".ljust(12, b"\0")
TYPE_AND_LENGTH = Struct("<H4xi").unpack_from
COUNT_SECONDS = 0.25
CONTENT_LENGTH = Struct("<i").unpack_from
ADMITTED = bytes.fromhex("0f000000 00000000 00 00000000 00 00".replace(" ", ""))


class BareRelay(protocol.Protocol):
    """One connection: cuts a read into frames and writes what each destination gets of it once."""

    def __init__(self, fields: dict[bytes, BareRelay], counts: list[int]) -> None:
        self.fields = fields
        self.counts = counts
        self.rest = b""
        self.own_field = b""

    def connectionLost(self, reason: object = None) -> None:
        """Forget it, unless a newcomer has its place."""
        if self.fields.get(self.own_field) is self:
            del self.fields[self.own_field]

    def dataReceived(self, data: bytes) -> None:
        """Route every whole frame of a read; the frame's id fields are the keys, as they came."""
        if self.rest:
            data = self.rest + data
        at, length = 0, len(data)
        batches: dict[bytes, list[bytes]] = {}
        while length - at >= HEADER_SIZE:
            kind, body_length = TYPE_AND_LENGTH(data, at + 2)
            end = at + HEADER_SIZE + body_length
            if end > length:
                break
            destination = data[at + 24 : at + 36]
            if destination == TO_SERVER:
                self.for_server(kind, data[at:end])
            elif destination in batches:
                batches[destination].append(data[at:end])
            else:
                batches[destination] = [data[at:end]]
            at = end
        self.rest = data[at:] if at < length else b""
        for destination, frames in batches.items():
            target = self.fields.get(destination)
            if target is not None:
                target.send(b"".join(frames) if len(frames) > 1 else frames[0])

    def for_server(self, kind: int, frame: bytes) -> None:
        """Admit a log-on; hand information to a handler that counts it."""
        if kind == INFORMATION:
            (size,) = CONTENT_LENGTH(frame, HEADER_SIZE + 4)
            self.handle_information(frame[HEADER_SIZE + 8 : HEADER_SIZE + 8 + size])
        elif kind == LOG_ON:
            self.own_field = frame[12:24]
            self.fields[self.own_field] = self
            header = frame[:8] + len(ADMITTED).to_bytes(4, "little") + TO_SERVER + self.own_field
            self.transport.write(header + ADMITTED)  # type: ignore[union-attr]

    def handle_information(self, content: bytes) -> None:
        """Count, as the flood's handler does."""
        self.counts[0] += 1

    def send(self, data: bytes) -> None:
        """Write by way of the reactor's next turn."""
        self.transport.write(data)  # type: ignore[union-attr]


class EagerBareRelay(BareRelay):
    """The same, but the kernel gets the bytes at once while nothing waits before them."""

    def send(self, data: bytes) -> None:
        """Send now; what the kernel does not take goes the ordinary way."""
        transport = self.transport
        if transport.dataBuffer or transport._tempDataBuffer:  # type: ignore[union-attr]
            transport.write(data)  # type: ignore[union-attr]
            return
        try:
            sent = transport.socket.send(data)  # type: ignore[union-attr]
        except OSError:
            sent = 0
        if sent < len(data):
            transport.write(data[sent:])  # type: ignore[union-attr]


class BareFactory(protocol.Factory):
    """Builds connections that share one table of destinations."""

    noisy = False

    def __init__(self, relay: type[BareRelay]) -> None:
        self.relay = relay
        self.fields: dict[bytes, BareRelay] = {}
        self.counts = [0]

    def buildProtocol(self, addr: object) -> BareRelay:
        """One connection with TCP_NODELAY, set when it is made."""
        connection = self.relay(self.fields, self.counts)
        connection.factory = self
        connection.connectionMade = lambda: connection.transport.setTcpNoDelay(True)  # type: ignore
        return connection


def main() -> None:
    """Serve on a loopback port until the process is ended; print the handler's count four times a second."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--eager", action="store_true")
    parser.add_argument("--count", action="store_true", help="print the handler's count four times a second")
    arguments = parser.parse_args()
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    factory = BareFactory(EagerBareRelay if arguments.eager else BareRelay)
    reactor.listenTCP(arguments.port, factory, backlog=1024, interface="127.0.0.1")  # type: ignore[arg-type]

    def report() -> None:
        print(json.dumps({"count": factory.counts[0], "seconds": time.monotonic()}), flush=True)
        reactor.callLater(COUNT_SECONDS, report)

    if arguments.count:
        report()
    reactor.run()


if __name__ == "__main__":
    main()
