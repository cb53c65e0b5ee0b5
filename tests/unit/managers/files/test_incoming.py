"""What comes in stays within limits, and what nobody should send is refused and counted."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import limits
from esframework.filesystem.digests import BLAKE2B, DIGEST_SIZE
from esframework.filesystem.worker import FileWorker
from esframework.managers.files.contracts import (
    ANSWERED_ELSEWHERE,
    CANCEL,
    DETAILS,
    ENDED,
    GRANT,
    PROJECT,
    STARTED,
    AnsweredElsewhereBody,
    CancelBody,
    DetailsBody,
    EndedBody,
    GrantBody,
    ProjectBody,
    StartedBody,
)
from esframework.managers.files.machine.states import TransferState
from esframework.managers.files.packages import encode_package
from esframework.testing import Conditions, MemoryNetwork, simulated
from esframework.wire.types import SERVER_ID, FileDisruption, MessageType, PackageType
from tests.peers import FramePeer
from tests.transfers import ID, SLOWLY, ForeignSender, House, open_descriptors


@simulated
async def test_whoever_offers_and_cancels_piles_up_no_work(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def hanging(worker: FileWorker, work: Callable[[], Any]) -> Deferred[Any]:
        waiting.append((work, Deferred()))
        return waiting[-1][1]

    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    monkeypatch.setattr(FileWorker, "run", hanging)
    cancel = CANCEL.encode(CancelBody("no", False, ID))
    for number in range(limits.MAX_TRANSFERS_PER_SENDER + 6):
        sender.offer(f"file {number}", 10)
        sender.peer.send(MessageType.SENDER_CANCELS_FILE, cancel, to=SERVER_ID)
    assert house.is_idle()
    assert house.server.refusals.counts["too_many_transfers"] == 6
    assert len(waiting) <= 2 * limits.MAX_TRANSFERS_PER_SENDER
    answers = sender.peer.take(MessageType.ANSWER_FILE)
    assert len(answers) == 6
    for work, answer in waiting:
        answer.callback(work())
    monkeypatch.undo()
    sender.offer("file", 0)
    assert sender.answer().agree


@simulated
async def test_what_is_cancelled_before_it_has_its_name_does_not_get_it(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting: list[tuple[Callable[[], Any], Deferred[Any]]] = []

    def hanging(worker: FileWorker, work: Callable[[], Any]) -> Deferred[Any]:
        waiting.append((work, Deferred()))
        return waiting[-1][1]

    def go_on() -> None:
        work, answer = waiting.pop(0)
        try:
            result = work()
        except BaseException:
            answer.errback()
        else:
            answer.callback(result)

    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    sender.offer("file", 7)
    assert sender.answer().agree
    monkeypatch.setattr(FileWorker, "run", hanging)
    sender.package(PackageType.CONTENT, b"content")
    go_on()
    transfer = house.offers[-1].transfer
    assert (transfer.state, len(waiting)) == (TransferState.FINISHING, 1)
    transfer.cancel("not after all")
    go_on()
    go_on()
    assert not waiting and transfer.disruption is FileDisruption.CANCELLED
    monkeypatch.undo()
    assert not (house.folder / "file").exists()
    sender.peer.take()
    sender.offer("file", 7)
    assert sender.answer().received_count == 7
    assert (house.folder / "file").read_bytes() == b"content"


@simulated
async def test_nobody_speaks_for_another(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    mallory = FramePeer(network, "mallory").online()
    path = tmp_path / "file"
    path.write_bytes(os.urandom(limits.FILE_WINDOW))
    transfer = await house.alice.files.send("bob", path, parameters=SLOWLY)
    network.advance(0.5)
    id = transfer.id
    bodies = {
        MessageType.FILE_PACKAGE: encode_package(id.encode(), PackageType.CONTENT, 1, b"evil"),
        MessageType.FILE_ENDED: ENDED.encode(EndedBody(bytes(DIGEST_SIZE), id)),
        MessageType.SENDER_CANCELS_FILE: CANCEL.encode(CancelBody("evil", False, id)),
        MessageType.RECEIVER_CANCELS_FILE: CANCEL.encode(CancelBody("evil", False, id)),
        MessageType.FILE_ANSWERED_ELSEWHERE: ANSWERED_ELSEWHERE.encode(AnsweredElsewhereBody(True, 1, id)),
        MessageType.FILE_GRANTED: GRANT.encode(GrantBody(2**60, id)),
        MessageType.FILE_KEPT: PROJECT.encode(ProjectBody(id)),
        MessageType.FILE_PEER_GONE: PROJECT.encode(ProjectBody(id)),
    }
    for message_type, body in bodies.items():
        for to in ("alice", "bob"):
            mallory.send(message_type, body, to=to)
    assert transfer.is_transferring and house.offers[-1].transfer.is_transferring
    await transfer.done()
    assert (house.folder / "file").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ["..", "\u202egpj.exe", "line\nbreak"])
@simulated
async def test_a_name_that_can_be_none_here_is_refused(network: MemoryNetwork, tmp_path: Path, name: str) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    sender.offer(name, 10)
    assert not sender.answer().agree
    assert house.offers[-1].transfer.disruption is FileDisruption.REJECTED
    assert house.server.refusals.counts == {"unsafe_path": 1}
    assert house.is_idle()


@simulated
async def test_what_only_the_disk_finds_out_is_counted(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    for paths in (["../outside"], ["one", "one"]):
        sender.offer("album", 6, is_folder=True)
        assert sender.answer().agree
        for path in paths:
            sender.file(path, b"out")
        assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR
        sender.peer.take()
    assert house.server.refusals.counts == {"unsafe_path": 1, "path_clash": 1}


@simulated
async def test_what_is_not_what_was_sent_is_not_kept_and_both_ends_are_told(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    details = DetailsBody(
        digests=[BLAKE2B], files=1, is_executable=False, modified_at=0, name="file", project_id=ID, subject=""
    )
    sender.peer.send(MessageType.FILE_DETAILS, DETAILS.encode(details))
    sender.offer("file", 4)
    assert sender.answer().agree
    sender.peer.send(MessageType.FILE_STARTED, STARTED.encode(StartedBody(project_id=ID, skipped=0)))
    sender.package(PackageType.CONTENT, b"evil")
    sender.peer.take()
    sender.peer.send(MessageType.FILE_ENDED, ENDED.encode(EndedBody(bytes(DIGEST_SIZE), ID)))
    (cancel,) = sender.peer.take(MessageType.RECEIVER_CANCELS_FILE)
    assert "digests" in (CANCEL.decode(cancel.body).cause or "")
    assert house.server.refusals.counts == {"wrong_tree": 1}
    assert os.listdir(house.folder) == []


@simulated
async def test_no_descriptor_stays_however_a_transfer_ends(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, SERVER_ID)
    before = open_descriptors()
    cancel = CANCEL.encode(CancelBody("no", False, ID))
    endings = [
        lambda: sender.peer.send(MessageType.SENDER_CANCELS_FILE, cancel, to=SERVER_ID),
        lambda: house.offers[-1].transfer.cancel(),
        lambda: network.advance(limits.FILE_SILENCE + 2),
        lambda: sender.package(9, b"x"),
        lambda: sender.file("../outside", b"out"),
        lambda: sender.file("two", b"two"),
    ]
    for number, end in enumerate(endings):
        sender.offer(f"album {number}", 6, is_folder=True)
        sender.package(PackageType.FOLDER, b"")
        sender.file("one", b"one")
        end()
        sender.package(PackageType.FINISHED, None)
        assert house.offers[-1].transfer.state.is_over, number
        assert open_descriptors() == before, number
    assert len({offer.transfer.state for offer in house.offers}) == 2
