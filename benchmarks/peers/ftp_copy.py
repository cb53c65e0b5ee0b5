"""Twisted's own FTP (twisted.protocols.ftp), both ends: STOR over a passive connection, as its client does it.

Run as ``python -m benchmarks.peers.ftp_copy serve|send --port 4530 ...``.
"""

from __future__ import annotations

import argparse
import json
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.portal import Portal
from twisted.internet import endpoints, reactor
from twisted.internet.defer import Deferred, succeed
from twisted.protocols.basic import FileSender
from twisted.protocols.ftp import FTPClient, FTPFactory, FTPRealm
from zope.interface import implementer

from benchmarks.copying import Copying, Copyist, run_sender
from benchmarks.peers.twisted_program import forever, run
from benchmarks.process import Process, free_port, python_module

MODULE = "benchmarks.peers.ftp_copy"
USER, PASSWORD = "alice", "secret"


@implementer(ICredentialsChecker)
class Everybody:
    """Admits everybody as one user."""

    credentialInterfaces = (IUsernamePassword,)

    def __init__(self, user: str) -> None:
        self.user = user

    def requestAvatarId(self, credentials: Any) -> Deferred[Any]:
        """Whoever it is."""
        return succeed(self.user)


async def serve(options: argparse.Namespace) -> None:
    """Let one user, whose home is the folder for copies, store files."""
    realm = FTPRealm("/nonexistent", str(options.into.parent))
    factory = FTPFactory(Portal(realm, [Everybody(options.into.name)]))
    await endpoints.TCP4ServerEndpoint(reactor, options.port, interface="127.0.0.1").listen(factory)
    await forever()


async def send(options: argparse.Namespace) -> None:
    """Store once and print how long it took."""
    endpoint = endpoints.TCP4ClientEndpoint(reactor, "127.0.0.1", options.port)
    client: Any = await endpoints.connectProtocol(endpoint, FTPClient(USER, PASSWORD))
    await client.pwd()  # logged on, before the time counts
    began, cpu = time.perf_counter(), time.process_time()
    opened, ended = client.storeFile(options.source.name)
    consumer = await opened
    with options.source.open("rb") as file:
        await FileSender().beginFileTransfer(file, consumer)
    consumer.finish()
    await ended
    seconds = time.perf_counter() - began
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - cpu}), flush=True)


def _start(stack: ExitStack, folder: Path, into: Path) -> Copying:
    port = free_port()
    command = python_module(MODULE, "serve", "--port", port, "--into", into)
    server = stack.enter_context(Process("Twisted FTP", command, folder / "serve.log"))
    server.wait_for_port(port)

    def copy(source: Path) -> dict[str, float]:
        command = python_module(MODULE, "send", "--port", port, "--source", source)
        return run_sender("Twisted FTP", command, folder / "send.log")

    return Copying(copy, (server,))


FTP = Copyist("Twisted FTP", _start)


def main() -> None:
    """One of the programs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("role", choices=("serve", "send"))
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--into", type=Path)
    parser.add_argument("--source", type=Path)
    options = parser.parse_args()
    run(lambda: send(options) if options.role == "send" else serve(options))


if __name__ == "__main__":
    main()
