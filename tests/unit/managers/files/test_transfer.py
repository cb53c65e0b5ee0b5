"""The reasons for which transfers are interrupted, one by one: how each comes about, and what the other end hears."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import limits
from esframework.errors import TransferInterrupted
from esframework.filesystem.making import FileInMaking
from esframework.managers.files.receiving import Reception
from esframework.managers.files.sending import Transmission
from esframework.managers.files.transfer import Transfer
from esframework.testing import MemoryNetwork, simulated
from esframework.testing.reactor import ImmediatePool
from esframework.wire.types import FileDisruption
from tests.transfers import SLOWLY, ForeignSender, House

GIVEN_UP = limits.FILE_SILENCE + 4
SIZE = 3 * limits.FILE_WINDOW


class StuckPool(ImmediatePool):
    """Threads that work until `works` of their pieces of work are done; from then on nothing they do ends."""

    def __init__(self, works: int) -> None:
        self.works = works
        self.kept: list[Callable[[], None]] = []

    def callInThreadWithCallback(self, on_result: Any, work: Any, *args: Any, **kwargs: Any) -> None:
        if self.works > 0:
            self.works -= 1
            super().callInThreadWithCallback(on_result, work, *args, **kwargs)
        else:
            go_on = super().callInThreadWithCallback
            self.kept.append(lambda: go_on(on_result, work, *args, **kwargs))

    def go_on(self) -> None:
        """The threads get through after all."""
        self.works = 10**9
        kept, self.kept = self.kept, []
        for work in kept:
            work()


def stick(network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch, works: int) -> StuckPool:
    """The threads of everybody on the network stop after so much work."""
    pool = StuckPool(works)
    monkeypatch.setattr(network.reactor, "getThreadPool", lambda: pool)
    return pool


def file_of(tmp_path: Path, size: int = SIZE) -> Path:
    """Something to send."""
    path = tmp_path / "file"
    path.write_bytes(bytes(size))
    return path


def ends(house: House, transfer: Transfer) -> tuple[FileDisruption | None, FileDisruption | None]:
    """The reasons at the sender and at the receiver; nobody has anything under way any more, and both say why."""
    offered = house.offers[-1].transfer
    assert house.is_idle()
    assert transfer.cause and offered.cause
    return transfer.disruption, offered.disruption


@simulated
async def test_rejected(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path, decide=lambda offer: offer.refuse("no room"))
    transfer = await house.alice.files.send("bob", file_of(tmp_path))
    network.settle()
    assert ends(house, transfer) == (FileDisruption.REJECTED, FileDisruption.REJECTED)
    assert transfer.cause == house.offers[-1].transfer.cause == "no room"


@simulated
async def test_cancelled_by_the_sender(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(0.5)
    transfer.cancel("changed my mind")
    network.settle()
    assert ends(house, transfer) == (FileDisruption.CANCELLED, FileDisruption.CANCELLED_BY_OTHER)


@simulated
async def test_cancelled_by_the_receiver(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(0.5)
    house.offers[-1].transfer.cancel()
    network.settle()
    assert ends(house, transfer) == (FileDisruption.CANCELLED_BY_OTHER, FileDisruption.CANCELLED)


@pytest.mark.parametrize("lost", ["alice", "bob"])
@simulated
async def test_offline(network: MemoryNetwork, tmp_path: Path, lost: str) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(0.5)
    network.run(getattr(house, lost).close())
    network.advance(limits.FILE_ALIVE_INTERVAL + 2)
    expected = (FileDisruption.SELF_OFFLINE, FileDisruption.OTHER_OFFLINE)
    assert ends(house, transfer) == (expected if lost == "alice" else expected[::-1])


@simulated
async def test_the_receivers_disk_is_full(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(1)

    def full(file: FileInMaking, pieces: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(FileInMaking, "_write", full)
    network.advance(5)
    assert ends(house, transfer) == (FileDisruption.OTHER_INNER_ERROR, FileDisruption.INNER_ERROR)
    assert transfer.cause == "No space left on device", "and no path of the receiver's"
    with pytest.raises(TransferInterrupted, match="No space left on device") as caught:
        await house.offers[-1].transfer.done()
    assert isinstance(caught.value.__cause__, OSError) and caught.value.__cause__.filename


@simulated
async def test_the_senders_file_vanishes(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    path = file_of(tmp_path)
    transfer = await house.alice.files.send("bob", path)
    path.unlink()
    house.offers[-1].accept_into(house.folder)
    network.settle()
    assert ends(house, transfer) == (FileDisruption.INNER_ERROR, FileDisruption.OTHER_INNER_ERROR)
    assert house.offers[-1].transfer.cause == "No such file or directory"
    assert isinstance(transfer.error, FileNotFoundError) and os.listdir(house.folder) == []


@simulated
async def test_the_receiver_may_not_write_there(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(network, tmp_path, decide=lambda offer: offer.accept(tmp_path / "nothing" / "file"))
    transfer = await house.alice.files.send("bob", file_of(tmp_path))
    network.settle()
    # Before the answer that is a refusal.
    assert ends(house, transfer) == (FileDisruption.REJECTED, FileDisruption.INNER_ERROR)
    assert transfer.cause == "No such file or directory"


@simulated
async def test_the_network_is_too_slow_for_the_sender(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(0.5)
    # The receiver's disk takes nothing more, and so nothing more is granted.
    monkeypatch.setattr(Reception, "_work", lambda reception, *_: setattr(reception, "_working", Deferred()))
    network.advance(GIVEN_UP)
    assert ends(house, transfer) == (FileDisruption.NETWORK_TOO_SLOW, FileDisruption.OTHER_INNER_ERROR)


@simulated
async def test_the_network_is_too_slow_for_the_receiver(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sender = ForeignSender(network, 6, "bob")
    sender.offer("file", 10)
    sender.package(0, b"x")
    network.advance(GIVEN_UP)
    assert house.offers[-1].transfer.disruption is FileDisruption.NETWORK_TOO_SLOW


@simulated
async def test_no_first_package(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    ForeignSender(network, 6, "bob").offer("file", 10)
    network.advance(GIVEN_UP)
    assert house.offers[-1].transfer.disruption is FileDisruption.NO_FIRST_PACKAGE


@simulated
async def test_sending_does_not_start(network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    transfer = await house.alice.files.send("bob", file_of(tmp_path))
    # The receiver makes its part; the sender's thread never begins.
    pool = stick(network, monkeypatch, works=1)
    house.offers[-1].accept_into(house.folder)
    network.advance(GIVEN_UP)
    assert ends(house, transfer) == (FileDisruption.SENDING_NOT_STARTED, FileDisruption.OTHER_INNER_ERROR)
    pool.go_on()
    network.settle()
    assert os.listdir(house.folder) == []


@simulated
async def test_reading_is_blocked(network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    house = House(network, tmp_path)
    transfer = await house.alice.files.send("bob", file_of(tmp_path), parameters=SLOWLY)
    network.advance(0.5)
    monkeypatch.setattr(Transmission, "_read", lambda _: Deferred())
    network.advance(GIVEN_UP)
    assert ends(house, transfer) == (FileDisruption.READ_BLOCKED, FileDisruption.OTHER_INNER_ERROR)


# --- a disk that takes its time ---------------------------------------------------------------------------------------
@simulated
async def test_all_that_comes_while_a_part_is_given_up_is_written(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(network, tmp_path)
    path = file_of(tmp_path, limits.FILE_WINDOW // 2)
    before = path.stat().st_mtime_ns
    first = await house.alice.files.send("bob", path, parameters=SLOWLY)
    network.advance(0.5)
    first.cancel()
    network.settle()
    path.write_bytes(os.urandom(limits.FILE_WINDOW // 2))
    os.utime(path, ns=(before, before))
    work_at_once = Reception._work

    def work_late(reception: Reception, work: Any, then: Any) -> None:
        reception._working = Deferred()
        reception._working.addCallback(lambda _: work_at_once(reception, work, then))
        network.reactor.callLater(1, reception._working.callback, None)

    monkeypatch.setattr(Reception, "_work", work_late)
    told: list[tuple[str, int]] = []
    receiving = house.bob.files.receiving
    receiving.started.subscribe(lambda transfer: told.append(("started", transfer.transferred)))
    receiving.progress.subscribe(lambda transfer, progress: told.append(("progress", progress.transferred)))
    transfer = await house.alice.files.send("bob", path)
    await transfer.done()
    assert house.offers[-1].resumable is not None and not transfer.is_resumed
    assert (house.folder / "file").read_bytes() == path.read_bytes()
    assert told[0] == ("started", 0) and told[1:] == sorted(told[1:]) and told[-1][1] == transfer.size


@simulated
async def test_a_sender_that_looks_at_what_is_there_already_is_not_given_up(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred gigabytes are not verified within the silence."""
    house = House(network, tmp_path, decide=lambda offer: None)
    transfer = await house.alice.files.send("bob", file_of(tmp_path))
    pool = stick(network, monkeypatch, works=1)
    house.offers[-1].accept_into(house.folder)
    (transmission,) = house.alice.files._all()
    for _ in range(100):
        network.advance(1)
        transmission._steps += 1
    pool.go_on()
    await transfer.done()
