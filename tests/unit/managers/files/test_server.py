"""What a server does for those who send files to each other."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from esframework import ClientOptions, limits
from esframework.managers.files.contracts import CANCEL
from esframework.managers.files.offer import Offer
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.profile import ClientType7
from esframework.wire.types import FileDisruption, MessageType
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
