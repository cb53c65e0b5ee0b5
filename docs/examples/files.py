"""alice sends a folder and a film to bob; the line breaks in the middle of the film, and the rest follows. All in one
program, with a server."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import ClientEngine, ServerEngine
from esframework.errors import TransferInterrupted


class Inbox:
    """What bob does with what others offer."""

    def __init__(self, client: ClientEngine, folder: Path) -> None:
        self.folder = folder
        client.files.offered.subscribe(self.offered)

    def offered(self, offer: Any) -> None:
        print(f"bob is offered {offer.name}: {offer.files} files, {offer.size} bytes; {offer.comment}")
        if offer.resumable is not None:
            print(f"bob has {'some' if offer.resumable.position.received else 'none'} of it already")
        offer.accept_into(self.folder)  # or offer.accept(path), or offer.refuse("not now"); now, or later


async def send(client: ClientEngine, path: Path, comment: str) -> None:
    transfer = await client.files.send("bob", path, comment)
    await transfer.done()
    print(f"bob has all of {transfer.name}" + (", in two parts" if transfer.is_resumed else ""))


async def main(reactor: Any, folder: Path, port: int) -> None:
    server = ServerEngine(reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    Inbox(bob, folder / "bob")
    for client, name in ((alice, "alice"), (bob, "bob")):
        await client.log_on(name, "", f"tcp:localhost:{port}")

    await send(alice, folder / "holidays", "with love")

    film = await alice.files.send("bob", folder / "film", "the film")
    async for progress in film.progress():
        if progress.transferred > progress.size // 2:
            break
    back: Deferred[Any] = Deferred()
    alice.relogon_completed.subscribe(back.callback)
    alice.close_connection(reconnect_now=True)
    try:
        await film.done()
    except TransferInterrupted as interrupted:
        print(f"interrupted: {interrupted.disruption.name}")
    await back
    await send(alice, folder / "film", "the rest of the film")

    for engine in (alice, bob, server):
        await engine.close()
    sent, received = folder / "film", folder / "bob" / "film"
    print("the same, byte for byte" if sent.read_bytes() == received.read_bytes() else "something is wrong")


def prepare(folder: Path) -> Path:
    """Something to send, and a folder to receive into."""
    for name, size in (("holidays/1.jpg", 300_000), ("holidays/2.jpg", 200_000), ("film", 60_000_000)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(range(250)) * (size // 250))
    (folder / "bob").mkdir()
    return folder


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        react(main, (prepare(Path(made)), int(sys.argv[1]) if len(sys.argv) > 1 else 4530))
