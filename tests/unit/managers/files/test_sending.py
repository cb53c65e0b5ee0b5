"""Sending: to clients of another make nothing but what they know; on one line with others, and with messages."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esframework import limits
from esframework.managers.files.contracts import CANCEL, FILE, PROJECT, CancelBody, FileBody, ProjectBody
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import FileDisruption, MessageType, PackageType
from tests.peers import Recorder
from tests.transfers import ForeignReceiver, House, make_tree


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
async def test_of_a_refusal_no_more_is_kept_than_a_text(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    receiver = ForeignReceiver(network, 6)
    sent = tmp_path / "file.bin"
    sent.write_bytes(b"content")
    transfer = await house.alice.files.send("carol", sent)
    cancel = CANCEL.encode(CancelBody("no" * limits.MAX_FILE_TEXT, True, transfer.id))
    receiver.peer.send(MessageType.RECEIVER_CANCELS_FILE, cancel, to="alice")
    assert transfer.disruption is FileDisruption.OTHER_INNER_ERROR
    assert len(transfer.cause) == limits.MAX_FILE_TEXT


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


class Line:
    """A line of some 1.3 MB/s, on which several files are under way to bob and to the server."""

    def __init__(self, network: MemoryNetwork, folder: Path) -> None:
        network.conditions.window, network.conditions.delay = 64 * 1024, 0.05
        self.house = House(network, folder)
        self.house.bob.handler = self.house.server.handler = Recorder()
        self.transfers = []
        for number, target in enumerate([None, None, "bob"]):
            path = folder / f"file {number}"
            path.write_bytes(bytes(4 * limits.FILE_WINDOW))
            self.transfers.append(network.run(self.house.alice.files.send(target, path)))
            network.advance(0.3)


@simulated
async def test_transfers_on_one_line_get_as_much_of_it(network: MemoryNetwork, tmp_path: Path) -> None:
    line = Line(network, tmp_path)
    before = [transfer.transferred for transfer in line.transfers]
    network.advance(6)
    moved = [transfer.transferred - then for transfer, then in zip(line.transfers, before, strict=True)]
    assert sum(moved) > 6_000_000
    assert max(moved) <= 2 * min(moved)


@simulated
async def test_a_message_does_not_wait_for_files(network: MemoryNetwork, tmp_path: Path) -> None:
    line = Line(network, tmp_path)
    for target in (None, "bob", None, "bob"):
        asked = network.seconds()
        await line.house.alice.custom.query(target, 1, b"ping")
        # There and back takes 0.1 s to the server and 0.2 s to bob on an idle line; mebibytes of files are granted.
        assert network.seconds() - asked < (0.3 if target is None else 0.6)
    assert line.house.alice.channel_is_busy
