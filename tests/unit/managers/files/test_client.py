"""What a client does about transfers when its own connection was lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework import limits
from esframework.errors import TransferInterrupted
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import FileDisruption
from tests.transfers import SLOWLY, House


@pytest.fixture
def sent(tmp_path: Path) -> Path:
    path = tmp_path / "file"
    path.write_bytes(bytes(range(256)) * 8192)
    return path


@simulated
async def test_a_sender_that_is_back_at_once_goes_on_where_it_was(
    network: MemoryNetwork, tmp_path: Path, sent: Path
) -> None:
    house = House(network, tmp_path)
    first = await house.alice.files.send("bob", sent, parameters=SLOWLY)
    network.advance(1.0)
    network.cut(house.alice)
    with pytest.raises(TransferInterrupted):
        await first.done()
    network.advance(limits.RECONNECT_FIRST_DELAY)
    assert house.alice.connected
    # The receiver has heard of it already, long before it would have missed anything.
    assert house.offers[0].transfer.disruption is FileDisruption.OTHER_OFFLINE
    again = await house.alice.files.send("bob", sent)
    await again.done()
    assert again.is_resumed
    assert (house.folder / "file").read_bytes() == sent.read_bytes()


@simulated
async def test_a_receiver_that_is_back_at_once_has_its_sender_told(
    network: MemoryNetwork, tmp_path: Path, sent: Path
) -> None:
    house = House(network, tmp_path)
    first = await house.alice.files.send("bob", sent, parameters=SLOWLY)
    network.advance(1.0)
    network.cut(house.bob)
    network.advance(limits.RECONNECT_FIRST_DELAY)
    assert house.bob.connected
    assert first.disruption is FileDisruption.OTHER_OFFLINE


@simulated
async def test_an_offer_that_nobody_has_decided_is_withdrawn(
    network: MemoryNetwork, tmp_path: Path, sent: Path
) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    await house.alice.files.send("bob", sent)
    network.settle()
    network.cut(house.alice)
    network.advance(limits.RECONNECT_FIRST_DELAY)
    assert house.offers[0].transfer.disruption is FileDisruption.OTHER_OFFLINE
