"""Files on a network in memory: a house of a server and two clients that receive, trees on disk, and clients of another
make that send and receive by hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from esframework import ClientEngine, ClientOptions, ServerEngine, ServerOptions
from esframework.managers.files.contracts import FILE, FileBody
from esframework.managers.files.offer import Offer
from esframework.managers.files.options import FilesOptions, SendingParameters
from esframework.managers.files.packages import decode_package, encode_package
from esframework.testing import MemoryNetwork
from esframework.wire.contracts import (
    ANSWER_FILE,
    BEGIN_FILE,
    AnswerFile6,
    AnswerFile7,
    BeginFile6,
    BeginFile7,
)
from esframework.wire.types import MessageType, PackageType
from tests.peers import FramePeer, record

Tree = dict[str, bytes | None]
SLOWLY = SendingParameters(rate_limit=1024 * 1024)


class House:
    """A server and two clients; each takes what is offered into the folder `received`."""

    def __init__(self, network: MemoryNetwork, folder: Path, *, decide: Callable[[Offer], Any] | None = None) -> None:
        self.folder = folder / "received"
        self.folder.mkdir(exist_ok=True)
        self.offers: list[Offer] = []
        self._decide = decide or (lambda offer: offer.accept_into(self.folder))
        self.server: ServerEngine = network.server(
            options=ServerOptions(files=FilesOptions(state_folder=folder / "server state"))
        )
        self.alice: ClientEngine = network.run(network.client("alice"))
        self.bob: ClientEngine = network.run(
            network.client("bob", options=ClientOptions(files=FilesOptions(state_folder=folder / "bob's state")))
        )
        for files in (self.server.files, self.bob.files):
            files.offered.subscribe(self._offered)

    def _offered(self, offer: Offer) -> None:
        self.offers.append(offer)
        self._decide(offer)

    def ways(self) -> list[tuple[Any, str | None, Any, str | None]]:
        """(sender's files, target, receiver's files, source) for each direction that there is."""
        return [
            (self.alice.files, "bob", self.bob.files, "alice"),
            (self.alice.files, None, self.server.files, "alice"),
            (self.server.files, "bob", self.bob.files, None),
        ]

    def is_idle(self) -> bool:
        """Whether nobody has anything under way."""
        return not any(files.transfers() for files in (self.alice.files, self.bob.files, self.server.files))


def events_of(files: Any) -> list[tuple[Any, ...]]:
    """What is told of transfers from now on, without their progress."""
    directions = (files.sending, files.receiving)
    return record(
        *(event for each in directions for event in (each.started, each.resumed, each.completed, each.interrupted))
    )


def open_descriptors() -> int:
    """How many this process has; 0 where the system does not say."""
    return len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0


def make_tree(root: Path, tree: Tree) -> Path:
    """Files by their paths; None is a folder."""
    for path, content in tree.items():
        place = root / path
        if content is None:
            place.mkdir(parents=True, exist_ok=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content)
    return root


def read_tree(root: Path) -> Tree:
    """The same, read back."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes() for path in sorted(root.rglob("*"))
    }


ID = "9f1c7c2e"


class ForeignSender:
    """A client of another make that sends by hand."""

    def __init__(self, network: MemoryNetwork, generation: int, to: str) -> None:
        self.peer = FramePeer(network, "carol", generation=generation).online()
        self.generation = generation
        self.to = to
        self._index = 0

    def offer(self, path: str, size: int, *, is_folder: bool = False, comment: str | None = None) -> None:
        """A 301."""
        facts: dict[str, Any] = {
            "comment": comment,
            "is_folder": is_folder,
            "last_update_time": datetime(2024, 5, 6, 7, 8, 9),
            "origin_path": path,
            "project_id": ID,
            "total_size": size,
        }
        begin = BeginFile6(**facts) if self.generation == 6 else BeginFile7(**facts, sender_client_type=1)
        codec: Any = BEGIN_FILE[self.generation]
        self.peer.send(MessageType.BEGIN_FILE, codec.encode(begin), 8, to=self.to)

    def answer(self) -> AnswerFile6:
        """The 302 that came."""
        (frame,) = self.peer.take(MessageType.ANSWER_FILE)
        answer: AnswerFile6 = ANSWER_FILE[self.generation].decode(frame.body)  # type: ignore[attr-defined]
        return answer

    def package(self, package_type: int, data: bytes | None) -> None:
        """A 303."""
        self._index = (self._index + 1) & 0xFF
        body = encode_package(ID.encode(), package_type, self._index, data)
        self.peer.send(MessageType.FILE_PACKAGE, body, 0, to=self.to)

    def file(self, path: str, content: bytes) -> None:
        """A file of a folder, in packages of 1000 bytes."""
        self.package(PackageType.FILE, FILE.encode(FileBody(len(content), path)))
        for start in range(0, len(content), 1000):
            self.package(PackageType.CONTENT, content[start : start + 1000])


class ForeignReceiver:
    """A client of another make that receives by hand."""

    def __init__(self, network: MemoryNetwork, generation: int) -> None:
        self.network = network
        self.generation = generation
        self.peer = FramePeer(network, "carol", generation=generation).online()
        self.begin: Any = None
        self.source = ""

    def accept(self, received: int = 0) -> None:
        """Answer the 301 that came."""
        frames = self.peer.take()
        assert [frame.message_type for frame in frames] == [MessageType.BEGIN_FILE]
        self.source = frames[0].source
        self.begin = BEGIN_FILE[self.generation].decode(frames[0].body)  # type: ignore[attr-defined]
        facts: dict[str, Any] = {
            "agree": True,
            "disrupted_received_count": received,
            "disrupted_relative_path": None,
            "disrupted_size": self.begin.total_size if received else 0,
            "project_id": self.begin.project_id,
            "received_count": received,
            "reject_cause": None,
        }
        answer = AnswerFile6(**facts) if self.generation == 6 else AnswerFile7(**facts, answer_client_type=1)
        codec: Any = ANSWER_FILE[self.generation]
        self.peer.send(MessageType.ANSWER_FILE, codec.encode(answer), 3, to=self.source)

    def packages(self) -> list[tuple[int, bytes | None]]:
        """The 303 that came; nothing else may have."""
        self.network.advance(1)
        frames = self.peer.take()
        assert {frame.message_type for frame in frames} <= {MessageType.FILE_PACKAGE}
        decoded = [decode_package(frame.body) for frame in frames]
        assert all(each.project_id == self.begin.project_id for each in decoded)
        return [(each.package_type, None if each.data is None else bytes(each.data)) for each in decoded]
