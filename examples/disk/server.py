"""A server with a network disk: for our own clients all that there is, for others what the manual's demo does.

python server.py [PORT] [FOLDER]

Everybody may log on. The files of the demo are those of the public folder `files`, so that both kinds of clients see
the same.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from information_types import DOWNLOAD_FILE, GET_ALL_FILE_NAMES
from twisted.internet.defer import Deferred
from twisted.internet.task import react

from esframework import DiskOptions, PublicFolder, ServerEngine, ServerOptions
from esframework.wire.compact import codec

NAMES = codec(list[str])
PUBLIC = "/public/files"


class Demo:
    """The demo's three operations, on top of `server.disk` and `server.files`: list, download, upload."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.server: Any = None

    def serve(self, server: ServerEngine) -> None:
        """Begin to take what clients upload with a plain offer to the server."""
        self.server = server
        server.files.offered.subscribe(self.offered)

    async def handle_query(self, source: str, information_type: int, content: bytes | None) -> bytes:
        if information_type != GET_ALL_FILE_NAMES:
            raise LookupError(f"no answer to information type {information_type}")
        names: list[str] = []
        after, has_more = None, True
        while has_more:
            page = await self.server.disk.list_folder(source, PUBLIC, after)
            names += [entry.name for entry in page.entries if not entry.is_folder]
            after, has_more = page.entries[-1].name if page.entries else None, page.has_more
        # What is half received has a name that begins with a dot.
        return NAMES.encode([name for name in names if not name.startswith(".")])

    async def handle_information(self, source: str, information_type: int, content: bytes | None) -> None:
        if information_type != DOWNLOAD_FILE:
            raise LookupError(f"nothing is done for information type {information_type}")
        name = (content or b"").decode()
        # Fails for whatever leads elsewhere, for links, and for what is not there.
        await self.server.disk.information(source, f"{PUBLIC}/{name}")
        print(f"{source} downloads {name}", flush=True)
        await self.server.files.send(source, self.folder / name)

    def offered(self, offer: Any) -> None:
        print(f"{offer.source} uploads {offer.name}", flush=True)
        offer.accept_into(self.folder)


async def main(reactor: Any, port: str = "4530", folder: str = "disk") -> None:
    files = Path(folder).absolute() / "files"
    files.mkdir(parents=True, exist_ok=True)
    options = DiskOptions(folder=files.parent, public={"files": PublicFolder(path=files, is_writable=True)})
    demo = Demo(files)
    server = ServerEngine(demo, options=ServerOptions(disk=options), reactor=reactor)
    demo.serve(server)
    server.disk.changed.subscribe(lambda change: print(change.user_id, change.operation, change.path, flush=True))
    server.disk.after_upload.subscribe(lambda task: print(task.user_id, "uploaded", task.path, flush=True))
    reactor.addSystemEventTrigger("before", "shutdown", server.close)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    print(f"listening on port {port}", flush=True)
    await Deferred()  # until Ctrl-C


if __name__ == "__main__":
    react(main, sys.argv[1:])
