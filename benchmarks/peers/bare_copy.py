"""The yardstick for files: bytes of a file over bare Twisted TCP, with no protocol but a name before them.

The sender reads 64 KiB whenever the transport has room, the receiver writes what a read brings, all in the reactor;
nothing is checked. For the relayed row a third process passes on what it reads, and is paused as its receiver is.

Run as ``python -m benchmarks.peers.bare_copy receive|relay|send --port 4530 ...``.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.internet import defer, endpoints, interfaces, protocol, reactor
from zope.interface import implementer

from benchmarks.copying import Copying, Copyist, run_sender
from benchmarks.peers.twisted_program import forever, run
from benchmarks.process import Process, free_port, python_module

MODULE = "benchmarks.peers.bare_copy"
CHUNK = 64 * 1024
NAME_LENGTH = 255
DONE = b"+"


class Receiving(protocol.Protocol):
    """The first bytes are the name and the size; the rest goes into the file. One byte says that all of it is there."""

    def __init__(self, into: Path) -> None:
        self.into = into
        self.head = b""
        self.file: Any = None
        self.left = 0

    def dataReceived(self, data: bytes) -> None:
        """Write what came."""
        if self.file is None:
            self.head += data
            if len(self.head) < NAME_LENGTH + 8:
                return
            name, size = self.head[:NAME_LENGTH].rstrip(b"\0").decode(), self.head[NAME_LENGTH : NAME_LENGTH + 8]
            self.left = int.from_bytes(size, "little")
            self.file = (self.into / name).open("wb", buffering=0)
            data = self.head[NAME_LENGTH + 8 :]
        self.file.write(data)
        self.left -= len(data)
        if not self.left:
            self.file.close()
            self.transport.write(DONE)  # type: ignore[union-attr]


class Passing(protocol.Protocol):
    """One side of the relay; `other` is the other side."""

    other: Passing | None = None

    def __init__(self, port: int | None) -> None:
        self.port = port

    def connectionMade(self) -> None:
        """Connect to the receiver before anything is read."""
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        if self.port is not None:
            self.transport.pauseProducing()  # type: ignore[union-attr]
            endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", self.port)
            endpoints.connectProtocol(endpoint, Passing(None)).addCallback(self._join)

    def _join(self, other: Passing) -> None:
        self.other, other.other = other, self
        other.transport.registerProducer(self.transport, True)  # type: ignore[union-attr]
        self.transport.registerProducer(other.transport, True)  # type: ignore[union-attr]
        self.transport.resumeProducing()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """Pass it on."""
        assert self.other is not None
        self.other.transport.write(data)  # type: ignore[union-attr]

    def connectionLost(self, reason: object = None) -> None:
        """Both ends go together."""
        if self.other is not None:
            self.other.transport.loseConnection()  # type: ignore[union-attr]


@implementer(interfaces.IPullProducer)
class Sending(protocol.Protocol):
    """Sends one file whenever there is room for more of it."""

    def __init__(self) -> None:
        self.done: defer.Deferred[None] = defer.Deferred()

    def send(self, path: Path) -> defer.Deferred[None]:
        """Fires when the receiver has all of it."""
        head = path.name.encode().ljust(NAME_LENGTH, b"\0") + path.stat().st_size.to_bytes(8, "little")
        self.file = path.open("rb", buffering=0)
        self.transport.setTcpNoDelay(True)  # type: ignore[union-attr]
        self.transport.write(head)  # type: ignore[union-attr]
        self.transport.registerProducer(self, False)  # type: ignore[union-attr]
        return self.done

    def resumeProducing(self) -> None:
        """The transport has room."""
        data = self.file.read(CHUNK)
        if data:
            self.transport.write(data)  # type: ignore[union-attr]
        else:
            self.stopProducing()

    def stopProducing(self) -> None:
        """That was all."""
        self.file.close()
        self.transport.unregisterProducer()  # type: ignore[union-attr]

    def dataReceived(self, data: bytes) -> None:
        """The receiver is done."""
        self.done.callback(None)


async def serve(options: argparse.Namespace) -> None:
    """Receive, or relay, until ended."""
    factory = protocol.Factory()
    factory.buildProtocol = lambda address: (  # type: ignore[assignment]
        Receiving(options.into) if options.role == "receive" else Passing(options.to)
    )
    await endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1").listen(factory)
    await forever()


async def send(options: argparse.Namespace) -> None:
    """Send once and print how long it took."""
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", options.port)
    peer = await endpoints.connectProtocol(endpoint, Sending())
    began, cpu = time.perf_counter(), time.process_time()
    await peer.send(options.source)
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - cpu}), flush=True)


def _start(stack: ExitStack, folder: Path, into: Path, relayed: bool) -> Copying:
    port = free_port()
    processes = [_listening(stack, folder, "receive", port, "--into", into)]
    if relayed:
        behind, port = port, free_port()
        processes.append(_listening(stack, folder, "relay", port, "--to", behind))

    def copy(source: Path) -> dict[str, float]:
        command = python_module(MODULE, "send", "--port", port, "--source", source)
        return run_sender("bare copy", command, folder / "send.log")

    return Copying(copy, tuple(processes))


def _listening(stack: ExitStack, folder: Path, role: str, port: int, *options: object) -> Process:
    command = python_module(MODULE, role, "--port", port, *options)
    process = stack.enter_context(Process(f"bare copy, {role}", command, folder / f"{role}.log"))
    process.wait_for_port(port)
    return process


BARE_COPY = Copyist("bare copy", lambda stack, folder, into: _start(stack, folder, into, relayed=False))
BARE_RELAYED = Copyist("bare copy", lambda stack, folder, into: _start(stack, folder, into, relayed=True))


def main() -> None:
    """One of the programs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("role", choices=("receive", "relay", "send"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--to", type=int, help="port of the receiver behind a relay")
    parser.add_argument("--source", type=Path)
    options = parser.parse_args()
    run(lambda: send(options) if options.role == "send" else serve(options))


if __name__ == "__main__":
    main()
