"""alice sends a film to a server, which is restarted in the middle; the same call goes on where it was."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.task import react

from esframework import ClientEngine, FilesOptions, SendingParameters, ServerEngine, ServerOptions
from esframework.errors import TransferInterrupted

SIZE = 20_000_000


async def started(folder: Path, port: int, reactor: Any) -> ServerEngine:
    """A server that takes everything, and notes how far it is."""
    options = ServerOptions(files=FilesOptions(state_folder=folder.parent / "notes"))
    server = ServerEngine(options=options, reactor=reactor)
    server.files.offered.subscribe(lambda offer: offer.accept_into(folder))
    server.files.receiving.resumed.subscribe(lambda transfer: print("the server goes on with what it has"))
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    return server


async def main(reactor: Any, folder: Path, port: int) -> None:
    film, received = folder / "film.mkv", folder / "received"
    film.write_bytes(bytes(SIZE))
    received.mkdir()

    server, alice = await started(received, port, reactor), ClientEngine(reactor=reactor)
    await alice.log_on("alice", "secret", f"tcp:localhost:{port}")
    in_a_second = SendingParameters(rate_limit=SIZE)
    transfer = await alice.files.send(None, film, parameters=in_a_second)
    async for progress in transfer.progress():
        if progress.transferred > SIZE // 4:
            break
    await server.close()
    try:
        await transfer.done()
    except TransferInterrupted as interrupted:
        print(f"interrupted: {interrupted.disruption.name}")
    print("under its name there is nothing:", not (received / film.name).exists())
    await alice.close()

    server, alice = await started(received, port, reactor), ClientEngine(reactor=reactor)
    await alice.log_on("alice", "secret", f"tcp:localhost:{port}")
    transfer = await (await alice.files.send(None, film)).done()
    print(f"all {transfer.size} bytes are there; alice sent less this time:", transfer.skipped > 0)
    for engine in (alice, server):
        await engine.close()
    print("received:", *(path.name for path in received.iterdir()))


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        react(main, (Path(made), int(sys.argv[1]) if len(sys.argv) > 1 else 4530))
