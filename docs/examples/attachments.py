"""bob sends a photograph to alice, who keeps photographs and refuses films; both in one program, with a server."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from twisted.internet.task import react

from esframework import Attachment, ClientEngine, ServerEngine
from esframework.errors import AttachmentRefused

PHOTOGRAPH, FILM = 1, 2


class Album:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(f"{source} writes: {content.decode()}")

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes | None:
        return None

    async def attachment_offered(self, source: str | None, information_type: int, attachment: Attachment) -> Path | str:
        if information_type != PHOTOGRAPH:
            return "photographs only, please"
        self.count += 1
        return self.folder / f"photograph{self.count}"  # a name of ours: attachment.name is a stranger's text


async def main(reactor: Any, folder: Path, port: int) -> None:
    server = ServerEngine(reactor=reactor)
    await server.listen(f"tcp:{port}:interface=127.0.0.1")
    alice = ClientEngine(Album(folder), reactor=reactor)
    await alice.log_on("alice", "secret", f"tcp:localhost:{port}")
    bob = ClientEngine(reactor=reactor)
    await bob.log_on("bob", "secret", f"tcp:localhost:{port}")

    alice.custom.attachment_finished.subscribe(lambda attachment: print(f"alice has {attachment.received} bytes"))
    picture = folder / "holidays.jpg"
    picture.write_bytes(bytes(5_000_000))
    sent = await bob.custom.send_attached("alice", PHOTOGRAPH, b"look at this", picture, name=picture.name)
    print(f"bob knows that alice has {sent.size} bytes")

    try:
        await bob.custom.send_attached("alice", FILM, b"and this", (bytes(1_000_000) for _ in range(1000)))
    except AttachmentRefused as refused:
        print(f"alice says: {refused.cause}")

    for engine in (alice, bob, server):
        await engine.close()
    print("in the album:", *sorted(path.name for path in folder.iterdir()))


if __name__ == "__main__":
    with TemporaryDirectory() as made:
        react(main, (Path(made), int(sys.argv[1]) if len(sys.argv) > 1 else 4530))
