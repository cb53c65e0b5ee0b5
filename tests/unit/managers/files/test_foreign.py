"""Files to and from clients of another make: the protocol's own frames, and nothing that they do not know."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from esframework import limits
from esframework.managers.files.contracts import CANCEL, FILE, PROJECT, CancelBody, FileBody, ProjectBody
from esframework.managers.files.packages import decode_package, encode_package
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import (
    ANSWER_FILE,
    BEGIN_FILE,
    AnswerFile6,
    AnswerFile7,
    BeginFile6,
    BeginFile7,
)
from esframework.wire.types import SERVER_ID, FileDisruption, MessageType, PackageType
from tests.peers import FramePeer
from tests.unit.managers.files.test_files import House, events_of, make_tree, read_tree

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


@pytest.mark.parametrize("generation", [6, 7])
@pytest.mark.parametrize("to", [SERVER_ID, "bob"])
@simulated
async def test_a_file_of_another_make_is_received(
    network: MemoryNetwork, tmp_path: Path, generation: int, to: str
) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, generation, to)
    content = os.urandom(5000)
    sender.offer(r"C:\Users\carol\report.pdf", len(content), comment="mine")
    offer = house.offers[-1]
    assert (offer.source, offer.name, offer.comment) == ("carol", "report.pdf", "mine")
    answer = sender.answer()
    assert answer.agree and answer.received_count == 0 and answer.project_id == ID
    for start in range(0, 5000, 1000):
        sender.package(PackageType.CONTENT, content[start : start + 1000])
    assert offer.transfer.state.value == "completed"
    assert (house.folder / "report.pdf").read_bytes() == content
    assert not sender.peer.take()


@simulated
async def test_an_empty_file_of_another_make_is_whole_at_once(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    ForeignSender(network, 6, "bob").offer("empty.txt", 0)
    assert (house.folder / "empty.txt").read_bytes() == b""


@simulated
async def test_a_folder_of_another_make_is_received(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, "bob")
    sender.offer(r"C:\Users\carol\album", 4500, is_folder=True)
    assert sender.answer().agree
    sender.package(PackageType.FOLDER, b"")
    sender.file("one.jpg", b"1" * 2500)
    sender.package(PackageType.FOLDER, b"inner")
    sender.file(r"inner\two.jpg", b"2" * 2000)
    sender.file(r"inner\three.jpg", b"")
    sender.package(PackageType.FINISHED, None)
    assert read_tree(house.folder / "album") == {
        "one.jpg": b"1" * 2500,
        "inner": None,
        "inner/two.jpg": b"2" * 2000,
        "inner/three.jpg": b"",
    }
    assert [PROJECT.decode(frame.body).project_id for frame in sender.peer.take(306)] == [ID, ID]


@simulated
async def test_it_is_gone_on_with_as_the_manual_says(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, "bob")
    content = os.urandom(5000)
    sender.offer("report.pdf", 5000)
    assert sender.answer().agree
    sender.package(PackageType.CONTENT, content[:3000])
    sender.peer.send(MessageType.SENDER_CANCELS_FILE, CANCEL.encode(CancelBody("later", False, ID)), to="bob")
    assert house.offers[-1].transfer.disruption is FileDisruption.CANCELLED_BY_OTHER
    events = events_of(house.bob.files)
    sender.offer("report.pdf", 5000)
    answer = sender.answer()
    assert (answer.agree, answer.received_count) == (True, 3000)
    sender.package(PackageType.CONTENT, content[3000:])
    assert (house.folder / "report.pdf").read_bytes() == content
    assert [name for name, *_ in events] == ["resumed", "completed"]


@simulated
async def test_what_no_honest_client_sends_ends_its_transfer_and_nothing_else(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    attempts = [
        lambda: sender.package(PackageType.CONTENT, b"x" * 11),
        lambda: sender.package(PackageType.FILE, FILE.encode(FileBody(3, "inner"))),
        lambda: sender.package(7, b"x"),
    ]
    for attempt in attempts:
        sender.offer("file", 10)
        assert sender.answer().agree
        attempt()
        (cancel,) = sender.peer.take(MessageType.RECEIVER_CANCELS_FILE)
        assert CANCEL.decode(cancel.body).inner_error
        assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR
        assert "file" not in os.listdir(house.folder)
    assert house.server.refusals.counts["broken_transfer"] == 3
    for path in (r"..\outside", r"C:\outside", "/outside", "inner/../../outside", "nul\0"):
        sender.offer("album", 3, is_folder=True)
        assert sender.answer().agree
        sender.package(PackageType.FOLDER, b"")
        sender.file(path, b"out")
        assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR, path
        sender.peer.take()
    assert not [path for path in tmp_path.rglob("*") if "outside" in path.name]
    assert sender.peer.is_connected and house.is_idle()


# --- to them ----------------------------------------------------------------------------------------------------------
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


@pytest.mark.parametrize("generation", [6, 7])
@pytest.mark.parametrize("by_server", [True, False])
@simulated
async def test_a_file_is_sent_to_another_make(
    network: MemoryNetwork, tmp_path: Path, generation: int, by_server: bool
) -> None:
    house = House(network, tmp_path)
    receiver = ForeignReceiver(network, generation)
    sent = tmp_path / "file.bin"
    sent.write_bytes(os.urandom(400_000))
    files = house.server.files if by_server else house.alice.files
    transfer = await files.send("carol", sent, "a comment")
    receiver.accept()
    packages = receiver.packages()
    assert {kind for kind, _ in packages} == {PackageType.CONTENT}
    assert b"".join(data or b"" for _, data in packages) == sent.read_bytes()
    await transfer.done()
    assert receiver.begin.origin_path.endswith(r"\file.bin") and str(tmp_path) not in receiver.begin.origin_path
    assert (receiver.begin.comment, receiver.begin.is_folder) == ("a comment", False)
    resumed = await files.send("carol", sent)
    receiver.accept(received=300_000)
    assert b"".join(data or b"" for _, data in receiver.packages()) == sent.read_bytes()[300_000:]
    await resumed.done()
    assert resumed.skipped == 300_000


@simulated
async def test_a_folder_is_sent_to_another_make_file_by_file(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    receiver = ForeignReceiver(network, 6)
    root = make_tree(tmp_path / "tree", {"a": b"aa", "b": b"bb", "empty": b"", "inner/c": b"cc"})
    transfer = await house.alice.files.send("carol", root)
    receiver.accept()
    is_in = PROJECT.encode(ProjectBody(receiver.begin.project_id))
    assert receiver.packages() == [(2, b""), (1, FILE.encode(FileBody(2, "a"))), (0, b"aa")]
    receiver.peer.send(MessageType.FILE_OF_FOLDER_RECEIVED, is_in, to="alice")
    assert receiver.packages() == [(1, FILE.encode(FileBody(2, "b"))), (0, b"bb")]
    receiver.peer.send(MessageType.FILE_OF_FOLDER_RECEIVED, is_in, to="alice")
    assert receiver.packages() == [
        (1, FILE.encode(FileBody(0, "empty"))),
        (2, b"inner"),
        (1, FILE.encode(FileBody(2, r"inner\c"))),
        (0, b"cc"),
    ]
    assert not transfer.state.is_over
    receiver.peer.send(MessageType.FILE_OF_FOLDER_RECEIVED, is_in, to="alice")
    assert receiver.packages() == [(3, None)]
    await transfer.done()


@simulated
async def test_who_sends_to_nobody_is_told(network: MemoryNetwork, tmp_path: Path) -> None:
    House(network, tmp_path)
    sender = ForeignSender(network, 6, "dave")
    sender.offer("file", 10)
    (cancel,) = sender.peer.take()
    assert (cancel.message_type, cancel.source) == (MessageType.RECEIVER_CANCELS_FILE, "dave")
    assert "target absent" in (CANCEL.decode(cancel.body).cause or "")


@simulated
async def test_silence_is_given_up(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, "bob")
    sender.offer("file", 10)
    network.advance(limits.FILE_SILENCE + 2)
    first = house.offers[-1].transfer
    assert first.disruption is FileDisruption.NO_FIRST_PACKAGE
    sender.offer("other", 10)
    sender.package(PackageType.CONTENT, b"x")
    network.advance(limits.FILE_SILENCE + 2)
    assert house.offers[-1].transfer.disruption is FileDisruption.NETWORK_TOO_SLOW
