"""What a server does for those who send files to each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from esframework import ClientOptions, limits
from esframework.managers.files.contracts import ANSWERED_ELSEWHERE, CANCEL, AnsweredElsewhereBody, CancelBody
from esframework.managers.files.offer import Offer
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import ANSWER_FILE, AnswerFile6
from esframework.wire.profile import ClientType7
from esframework.wire.types import FileDisruption, MessageType
from tests.peers import FramePeer, record
from tests.transfers import SLOWLY, ForeignSender, House, events_of


@simulated
async def test_who_sends_to_nobody_is_told(network: MemoryNetwork, tmp_path: Path) -> None:
    House(network, tmp_path)
    sender = ForeignSender(network, 6, "dave")
    sender.offer("file", 10)
    (cancel,) = sender.peer.take()
    assert (cancel.message_type, cancel.source) == (MessageType.RECEIVER_CANCELS_FILE, "dave")
    assert "target absent" in (CANCEL.decode(cancel.body).cause or "")


class Devices:
    """Alice, and bob's telephone and desk; what is offered to each of these."""

    def __init__(self, network: MemoryNetwork) -> None:
        self.server = network.server()
        self.alice = network.run(network.client("alice", options=ClientOptions(generation=7)))
        self.offers: list[Offer] = []
        self.events: list[list[tuple[Any, ...]]] = []
        for client_type in (ClientType7.ANDROID, ClientType7.LINUX):
            options = ClientOptions(generation=7, client_type=client_type)
            device = network.run(network.client("bob", options=options))
            device.files.offered.subscribe(self.offers.append)
            self.events.append(events_of(device.files))


@pytest.mark.parametrize("by_server", [False, True])
@pytest.mark.parametrize("agrees", [False, True])
@simulated
async def test_of_several_devices_the_first_answer_counts(
    network: MemoryNetwork, tmp_path: Path, by_server: bool, agrees: bool
) -> None:
    devices = Devices(network)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(3 * limits.FILE_WINDOW))
    sender = (devices.server if by_server else devices.alice).files
    transfer = await sender.send("bob", path)
    network.settle()
    telephone, desk = devices.offers
    assert telephone.transfer.id == desk.transfer.id == transfer.id
    if agrees:
        desk.accept(tmp_path / "on the desk")
    else:
        desk.refuse("no")
    network.settle()
    assert telephone.transfer.disruption is FileDisruption.CANCELLED_BY_OTHER
    assert telephone.transfer.cause == "answered on another device"
    assert devices.events[0] == [("interrupted", telephone.transfer, FileDisruption.CANCELLED_BY_OTHER)]
    # Too late, and without effect.
    telephone.accept(tmp_path / "on the telephone")
    telephone.transfer.cancel()
    network.advance(1)
    assert (transfer.state, desk.transfer.state) == (desk.transfer.state, transfer.state)
    assert transfer.device == "9#bob"
    assert not (tmp_path / "on the telephone").exists()
    if agrees:
        await transfer.done()
        assert (tmp_path / "on the desk").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("by_server", [False, True])
@simulated
async def test_an_offer_is_withdrawn_from_every_device(network: MemoryNetwork, tmp_path: Path, by_server: bool) -> None:
    devices = Devices(network)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await (devices.server if by_server else devices.alice).files.send("bob", path)
    network.settle()
    transfer.cancel("not any more")
    network.settle()
    for offer in devices.offers:
        assert offer.transfer.disruption is FileDisruption.CANCELLED_BY_OTHER
        assert offer.transfer.cause == "not any more"


@simulated
async def test_whoever_is_blocked_may_offer_nothing(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    house.server.router.refuse_from("bob", frozenset({"alice"}))
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await house.alice.files.send("bob", path)
    network.settle()
    assert transfer.disruption is FileDisruption.REJECTED and "not allowed" in transfer.cause
    assert not house.offers and house.is_idle()


@pytest.mark.parametrize("by_sender", [False, True])
@simulated
async def test_whoever_is_blocked_meanwhile_sends_nothing_more(
    network: MemoryNetwork, tmp_path: Path, by_sender: bool
) -> None:
    house = House(network, tmp_path)
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * limits.FILE_WINDOW))
    transfer = await house.alice.files.send("bob", path, parameters=SLOWLY)
    network.advance(1)
    if by_sender:
        # What the receiver says belongs to what the sender began: it still arrives.
        house.server.router.refuse_from("alice", frozenset({"bob"}))
        await transfer.done()
        return
    house.server.router.refuse_from("bob", frozenset({"alice"}))
    network.advance(1)
    assert transfer.disruption is FileDisruption.REJECTED and "not allowed" in transfer.cause
    network.advance(limits.FILE_SILENCE + 4)
    assert house.is_idle()


@simulated
async def test_whoever_sends_to_somebody_blocked_gets_an_answer(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    house.server.router.refuse_from("alice", frozenset({"bob"}))
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await house.alice.files.send("bob", path)
    await transfer.done()


@pytest.mark.parametrize("message_type", [*range(301, 307), 308, *range(1080, 1088)])
@simulated
async def test_bodies_that_are_none_end_their_senders_connection(
    network: MemoryNetwork, tmp_path: Path, message_type: int
) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, "bob")
    sender.peer.send(message_type, b"\1\2\3", to="_0")
    assert not sender.peer.is_connected
    assert house.server.refusals.counts == {"invalid_message_data_lacked": 1}


@simulated
async def test_between_clients_they_end_nothing(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    invalid = record(house.bob.invalid_message)
    sender = ForeignSender(network, 6, "bob")
    for message_type in (301, 303, 304, 305, 306, 308):
        sender.peer.send(message_type, b"\1\2\3", to="bob")
    assert len(invalid) == 6
    assert sender.peer.is_connected and house.bob.connected and not house.offers


@simulated
async def test_nobody_answers_in_anothers_name(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await house.alice.files.send("bob", path)
    carol = FramePeer(network, "carol").online()
    answer = AnswerFile6(
        agree=True,
        disrupted_received_count=0,
        disrupted_relative_path=None,
        disrupted_size=0,
        project_id=transfer.id,
        received_count=0,
        reject_cause=None,
    )
    carol.send(MessageType.ANSWER_FILE, ANSWER_FILE[6].encode(answer), to="alice")  # type: ignore[attr-defined]
    carol.send(MessageType.RECEIVER_CANCELS_FILE, CANCEL.encode(CancelBody("no", False, transfer.id)), to="alice")
    carol.send(MessageType.SENDER_CANCELS_FILE, CANCEL.encode(CancelBody("no", False, transfer.id)), to="bob")
    elsewhere = AnsweredElsewhereBody(True, 1, transfer.id)
    carol.send(MessageType.FILE_ANSWERED_ELSEWHERE, ANSWERED_ELSEWHERE.encode(elsewhere), to="bob")
    assert transfer.state.value == house.offers[0].transfer.state.value == "offered"
    assert not carol.take(MessageType.FILE_PACKAGE)
    house.offers[0].accept_into(house.folder)
    await transfer.done()
