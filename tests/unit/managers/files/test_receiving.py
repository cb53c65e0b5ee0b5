"""Receiving from clients of another make: the protocol's own frames, and everything that they should not send."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from esframework import limits
from esframework.managers.files.bundles import encode_bundle
from esframework.managers.files.contracts import CANCEL, FILE, PROJECT, CancelBody, FileBody
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import SERVER_ID, FileDisruption, MessageType, PackageType
from tests.transfers import ID, ForeignSender, House, events_of, read_tree


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
        lambda: sender.package(PackageType.BUNDLE, encode_bundle([(PackageType.CONTENT, b"x" * 10)])),
    ]
    for attempt in attempts:
        sender.offer("file", 10)
        assert sender.answer().agree
        attempt()
        (cancel,) = sender.peer.take(MessageType.RECEIVER_CANCELS_FILE)
        assert CANCEL.decode(cancel.body).inner_error
        assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR
        assert "file" not in os.listdir(house.folder)
    assert house.server.refusals.counts["broken_transfer"] == 4
    for path in (r"..\outside", r"C:\outside", "/outside", "inner/../../outside", "nul\0"):
        sender.offer("album", 3, is_folder=True)
        assert sender.answer().agree
        sender.package(PackageType.FOLDER, b"")
        sender.file(path, b"out")
        assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR, path
        sender.peer.take()
    assert not [path for path in tmp_path.rglob("*") if "outside" in path.name]
    assert sender.peer.is_connected and house.is_idle()


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


@simulated
async def test_an_offer_that_nobody_decides_about_does_not_wait_for_ever(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    sender = ForeignSender(network, 6, "bob")
    sender.offer("file", 10)
    # It goes, and bob hears nothing of that.
    sender.peer.stranger.transport.abortConnection()
    network.advance(3500)
    assert not house.is_idle()
    network.advance(200)
    assert house.is_idle() and house.offers[0].transfer.cause == "nobody decided about it"
