"""alice keeps a letter on the server's disk and shares it with bob, who downloads it."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.task import react

from esframework import ClientEngine, DiskOptions, ServerEngine, ServerOptions


async def main(reactor: Any, port: str = "4530") -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "letter.txt").write_text("Dear bob, the train is late.\n")
        await share_a_letter(reactor, port, folder)


async def share_a_letter(reactor: Any, port: str, folder: Path) -> None:
    options = ServerOptions(disk=DiskOptions(folder=folder / "disk", quota=10_000_000))
    server = ServerEngine(options=options, reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    await alice.log_on("alice", "", f"tcp:localhost:{port}")
    await bob.log_on("bob", "", f"tcp:localhost:{port}")

    await alice.disk.make_folder("/mail")
    upload = await alice.disk.upload(folder / "letter.txt", "/mail/")
    await upload.done()
    for entry in await alice.disk.list_all("/mail"):
        print(f"{entry.path}: {entry.size} bytes")
    quota = await alice.disk.quota()
    print(f"{quota.used} of {quota.allowed} bytes are used")

    share = await alice.disk.share("/mail", ["bob"])
    print("bob finds it at", share.shared_path)
    download = await bob.disk.download(f"{share.shared_path}/letter.txt", folder / "received.txt")
    await download.done()
    print((folder / "received.txt").read_text(), end="")

    await bob.close()
    await alice.close()
    await server.close()


if __name__ == "__main__":
    react(main, sys.argv[1:])
