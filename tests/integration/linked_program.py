"""A friend who takes files and writes down when messages come, in a process of its own.

    python -m tests.integration.linked_program NAME ENDPOINT FOLDER

Queries: 1 the delays of all messages of type 1 so far, whose content is the time at which they were sent; 2 what has
become of each file.
"""

from __future__ import annotations

import json
import struct
import sys
import time
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.task import react

from esframework import ClientEngine, Transfer

STAMP = struct.Struct("!d")


class Friend:
    """Takes everything."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.delays: list[float] = []
        self.transfers: list[Transfer] = []
        self.paths: dict[str, list[str]] = {}

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        """Part of ICustomHandler. All processes of a machine have one monotonic clock."""
        if information_type == 1:
            self.delays.append(time.monotonic() - STAMP.unpack(content)[0])

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        """Part of ICustomHandler."""
        return json.dumps(self.delays if information_type == 1 else self.files()).encode()

    def files(self) -> list[Any]:
        """(name, state, disruption, the paths by which it came) of each."""
        return [
            (each.name, each.state.value, each.disruption and each.disruption.name, self.paths[each.id])
            for each in self.transfers
        ]

    def offered(self, offer: Any) -> None:
        """Take it, whatever it is."""
        self.transfers.append(offer.transfer)
        self.paths[offer.transfer.id] = []
        offer.accept_into(self.folder)

    def progress(self, transfer: Transfer, _: Any) -> None:
        """By what it comes now."""
        paths = self.paths[transfer.id]
        if paths[-1:] != [transfer.path_kind]:
            paths.append(transfer.path_kind)


async def main(reactor: Any, name: str, endpoint: str, folder: str) -> None:
    """Until somebody ends it."""
    friend = Friend(Path(folder))
    client = ClientEngine(friend, reactor=reactor)
    client.files.offered.subscribe(friend.offered)
    client.files.receiving.progress.subscribe(friend.progress)
    await client.log_on(name, "", endpoint)
    print("ready", flush=True)
    await Deferred()


if __name__ == "__main__":
    react(lambda reactor, *arguments: ensureDeferred(main(reactor, *arguments)), sys.argv[1:])
