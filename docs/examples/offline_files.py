"""bob is away: what alice leaves for him is kept by the server, and he gets it when he comes. All in one program."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import (
    ClientEngine,
    ClientOptions,
    OfflineFilesOptions,
    OfflineOptions,
    ServerEngine,
    ServerOptions,
    SettledFile,
)
from esframework.errors import TargetAbsent
from esframework.stores.sql import SqlStores


async def main(reactor: Any, folder: Path, port: int) -> None:
    options = ServerOptions(
        offline=OfflineOptions(has_user=lambda user_id: user_id in ("alice", "bob")),
        offline_files=OfflineFilesOptions(folder=folder / "kept"),
    )
    server = ServerEngine(stores=SqlStores(folder / "store.sqlite"), options=options, reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")

    alice = ClientEngine(reactor=reactor)
    await alice.log_on("alice", "", f"tcp:localhost:{port}")
    settled: Deferred[SettledFile] = Deferred()
    alice.offline_files.settled.subscribe(settled.callback)
    transfer = await alice.offline_files.send("bob", folder / "holidays", "with love")
    await transfer.done()
    print(f"the server keeps {transfer.name} for bob: {transfer.files} files, {transfer.size} bytes")
    try:
        await alice.offline_files.send("bod", folder / "holidays")
    except TargetAbsent as error:
        print(error)

    bob = ClientEngine(options=ClientOptions(offline_ready=True), reactor=reactor)  # takes what waits, when logged on

    def offered(offer: Any) -> None:
        waited = "just now" if offer.left_at is None else "while bob was away"
        print(f"{offer.source} sent {offer.name} {waited}: {offer.comment}")
        offer.accept_into(folder / "bob")

    bob.files.offered.subscribe(offered)
    await bob.log_on("bob", "", f"tcp:localhost:{port}")
    file = await settled
    print(f"alice hears that {file.target} has {file.outcome.name.lower()} {file.name}")

    for engine in (bob, alice, server):
        await engine.close()
    print(sorted(path.name for path in (folder / "bob" / "holidays").iterdir()))


def prepare(folder: Path) -> Path:
    """Something to send, and a folder to receive into."""
    for name, size in (("holidays/1.jpg", 300_000), ("holidays/2.jpg", 200_000)):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(bytes(range(250)) * (size // 250))
    (folder / "bob").mkdir()
    return folder


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        react(main, (prepare(Path(made)), int(sys.argv[1]) if len(sys.argv) > 1 else 4530))
