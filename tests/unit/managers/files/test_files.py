"""Files and folders between clients, to the server and from it, on a network in memory: whole, refused, interrupted,
gone on with."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import ClientOptions, limits
from esframework.errors import NotLoggedOn, TargetAbsent, TransferInterrupted
from esframework.filesystem.reading import TreeReader
from esframework.managers.files.options import SendingParameters
from esframework.managers.files.transfer import Transfer
from esframework.testing import Conditions, MemoryNetwork, simulated
from esframework.wire.types import FileDisruption
from tests.peers import record
from tests.transfers import SLOWLY, House, Tree, events_of, make_tree, open_descriptors, read_tree


# --- it arrives -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 3 * limits.FILE_WINDOW + 17])
def test_a_file_arrives_whole_in_every_direction(size: int, tmp_path: Path) -> None:
    network = MemoryNetwork()
    house = House(network, tmp_path)
    sent = tmp_path / "file.bin"
    sent.write_bytes(os.urandom(size))
    for files, target, receiving, source in house.ways():
        at_sender, at_receiver = events_of(files), events_of(receiving)
        transfer = network.run(files.send(target, sent, "a comment"))
        assert network.run(transfer.done()) is transfer
        received = house.folder / "file.bin"
        assert received.read_bytes() == sent.read_bytes()
        assert os.listdir(house.folder) == ["file.bin"]
        offer = house.offers[-1]
        assert (offer.source, offer.name, offer.size, offer.comment) == (source, "file.bin", size, "a comment")
        assert (transfer.receiver, transfer.size, transfer.transferred) == (target, size, size)
        assert at_sender == [("started", transfer), ("completed", transfer)]
        assert at_receiver == [
            ("started", offer.transfer),
            ("completed", offer.transfer),
        ]
        assert house.is_idle()
        received.unlink()
    network.close()


@simulated
async def test_a_folder_arrives_with_all_that_is_in_it(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    tree: Tree = {
        "empty": None,
        "empty file": b"",
        "deep/er/est/file": os.urandom(100_000),
        "имя": b"x",
        "名前/ファイル": b"y" * 70_000,
        **{f"many/{number}": b"%d" % number for number in range(300)},
    }
    root = make_tree(tmp_path / "tree", tree)
    os.utime(root / "имя", ns=(1_600_000_000_123_456_789, 1_600_000_000_123_456_789))
    (root / "deep/er/est/file").chmod(0o755)
    all_of_it = read_tree(root)
    (root / "link").symlink_to("имя")
    for number, (files, target, _, _) in enumerate(house.ways()):
        transfer = await files.send(target, root)
        assert transfer.left_out == 1
        await transfer.done()
        received = house.folder / "tree"
        assert read_tree(received) == all_of_it
        assert (received / "имя").stat().st_mtime_ns == 1_600_000_000_123_456_789
        assert os.access(received / "deep/er/est/file", os.X_OK)
        assert not os.access(received / "имя", os.X_OK) or os.getuid() == 0
        received.rename(tmp_path / f"received {number}")


@simulated
async def test_nothing_under_the_real_name_before_it_is_whole(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    sent = tmp_path / "file"
    sent.write_bytes(bytes(limits.FILE_WINDOW * 2))
    transfer = await house.alice.files.send("bob", sent)
    async for progress in transfer.progress():
        if progress.transferred < progress.size:
            assert not (house.folder / "file").exists()
    await transfer.done()
    assert (house.folder / "file").exists()


@simulated
async def test_who_keeps_a_transfer_keeps_nothing_of_what_has_moved_it(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sent = tmp_path / "file"
    sent.write_bytes(b"content")
    kept = [await house.alice.files.send("bob", sent), await house.alice.files.send("carol", sent)]
    network.advance(1)
    assert all(transfer.state.is_over for transfer in kept)
    gc.collect()
    assert not [each for each in gc.get_objects() if isinstance(each, TreeReader) and each.path == sent]


# --- it does not ------------------------------------------------------------------------------------------------------
@simulated
async def test_a_refusal_interrupts_it_at_both_ends(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path, decide=lambda offer: offer.refuse("no room"))
    sent = tmp_path / "file"
    sent.write_bytes(b"content")
    for files, target, receiving, _ in house.ways():
        at_receiver = events_of(receiving)
        answers = record(files.answered)
        transfer = await files.send(target, sent)
        with pytest.raises(TransferInterrupted, match="no room") as caught:
            await transfer.done()
        assert caught.value.disruption is FileDisruption.REJECTED
        assert at_receiver == [("interrupted", house.offers[-1].transfer, FileDisruption.REJECTED)]
        assert answers == [("answered", transfer, False)]
    assert house.is_idle()


@simulated
async def test_whoever_is_not_there_gets_nothing(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    sent = tmp_path / "file"
    sent.write_bytes(b"content")
    transfer = await house.alice.files.send("carol", sent)
    with pytest.raises(TransferInterrupted) as caught:
        await transfer.done()
    assert caught.value.disruption is FileDisruption.OTHER_OFFLINE
    with pytest.raises(TargetAbsent):
        await house.server.files.send("carol", sent)
    with pytest.raises(FileNotFoundError):
        await house.alice.files.send("bob", tmp_path / "nothing")
    await house.alice.close()
    with pytest.raises(NotLoggedOn):
        await house.alice.files.send("bob", sent)


@pytest.mark.parametrize("by_server", [True, False])
@pytest.mark.parametrize("accepts", [True, False])
@simulated
async def test_the_first_device_to_decide_decides_for_all(
    network: MemoryNetwork, tmp_path: Path, by_server: bool, accepts: bool
) -> None:
    house = House(network, tmp_path)
    at_desk, on_the_way = [
        (await network.client("carol", options=ClientOptions(generation=7, client_type=number))).files
        for number in (1, 3)
    ]
    decided, elsewhere = record(at_desk.offered), record(on_the_way.offered)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await (house.server.files if by_server else house.alice.files).send("carol", path)
    network.settle()
    (_, offer), (_, other) = decided[0], elsewhere[0]
    offer.accept_into(house.folder) if accepts else offer.refuse("no")
    network.settle()
    assert transfer.state.is_over and (transfer.disruption is None) is accepts
    assert other.transfer.disruption is FileDisruption.CANCELLED_BY_OTHER
    assert other.transfer.cause == "answered on another device"


@simulated
async def test_a_user_who_leaves_before_the_answer_has_left_and_not_the_server(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    house = House(network, tmp_path, decide=lambda offer: None)
    sent = tmp_path / "file"
    sent.write_bytes(b"content")
    transfers = [await files.send("bob", sent) for files in (house.server.files, house.alice.files)]
    network.settle()
    await house.bob.close()
    network.advance(limits.FILE_ALIVE_INTERVAL + 2)
    assert [transfer.disruption for transfer in transfers] == 2 * [FileDisruption.OTHER_OFFLINE]


@simulated
async def test_without_anybody_to_decide_it_is_refused(network: MemoryNetwork, tmp_path: Path) -> None:
    network.server()
    alice, _ = await network.client("alice"), await network.client("bob")
    sent = tmp_path / "file"
    sent.write_bytes(b"content")
    transfer = await alice.files.send("bob", sent)
    with pytest.raises(TransferInterrupted, match="takes no files"):
        await transfer.done()


@pytest.mark.parametrize("by_sender", [True, False])
@pytest.mark.parametrize("when", ["before the answer", "under way"])
@simulated
async def test_either_end_may_cancel_at_any_time(
    network: MemoryNetwork, tmp_path: Path, by_sender: bool, when: str
) -> None:
    network.conditions = Conditions(delay=0.01)
    waits = when == "before the answer"
    house = House(network, tmp_path, decide=(lambda offer: None) if waits else None)
    sent = tmp_path / "file"
    sent.write_bytes(bytes(limits.FILE_WINDOW * 3))
    for files, target, receiving, _ in house.ways():
        at_receiver = events_of(receiving)
        transfer = await files.send(target, sent, parameters=SLOWLY)
        network.advance(0.5)
        offered = house.offers[-1].transfer
        (transfer if by_sender else offered).cancel("changed my mind")
        network.advance(0.1)
        assert transfer.cause == offered.cause == "changed my mind"
        canceller, other = (transfer, offered) if by_sender else (offered, transfer)
        is_refusal = waits and not by_sender
        assert canceller.disruption is (FileDisruption.REJECTED if is_refusal else FileDisruption.CANCELLED)
        assert other.disruption is (FileDisruption.REJECTED if is_refusal else FileDisruption.CANCELLED_BY_OTHER)
        assert at_receiver[-1] == ("interrupted", offered, offered.disruption)
        assert house.is_idle() and "file" not in os.listdir(house.folder)
        transfer.cancel()
        assert transfer.cause == "changed my mind"


@pytest.mark.parametrize("event", ["started", "progress"])
@pytest.mark.parametrize("by_sender", [True, False])
@simulated
async def test_who_hears_of_it_may_cancel_it_at_that_moment(
    network: MemoryNetwork, tmp_path: Path, by_sender: bool, event: str
) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    sent = tmp_path / "file"
    sent.write_bytes(bytes(limits.FILE_WINDOW * 2))
    told = house.alice.files.sending if by_sender else house.bob.files.receiving
    getattr(told, event).subscribe(lambda transfer, *_: transfer.cancel("no more"))
    descriptors = open_descriptors()
    transfer = await house.alice.files.send("bob", sent, parameters=SLOWLY)
    network.advance(1)
    assert transfer.cause == house.offers[-1].transfer.cause == "no more"
    gone = transfer.transferred
    network.advance(5)
    assert transfer.transferred == gone < limits.FILE_WINDOW
    assert house.is_idle()
    assert open_descriptors() == descriptors


@simulated
async def test_whoever_looks_on_may_cancel_it(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    sent = tmp_path / "file"
    sent.write_bytes(bytes(limits.FILE_WINDOW * 2))
    transfer = await house.alice.files.send("bob", sent, parameters=SLOWLY)
    with pytest.raises(TransferInterrupted, match="seen enough"):
        async for progress in transfer.progress():
            if progress.transferred:
                transfer.cancel("seen enough")
    gone = transfer.transferred
    network.advance(5)
    assert transfer.transferred == gone and house.is_idle()


# --- it goes on -------------------------------------------------------------------------------------------------------
async def interrupted_halfway(network: MemoryNetwork, files: Any, target: str | None, path: Path) -> Transfer:
    """A transfer that is cancelled when half of it has been sent."""
    transfer: Transfer = await files.send(target, path, parameters=SLOWLY)
    while transfer.transferred < transfer.size // 2:
        network.advance(0.1)
    transfer.cancel("enough")
    network.advance(0.1)
    return transfer


@simulated
async def test_what_was_interrupted_goes_on_where_it_was(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    single = tmp_path / "file"
    single.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    tree = make_tree(tmp_path / "tree", {f"folder{n % 5}/{n}": os.urandom(60_000) for n in range(150)})
    for path in (single, tree):
        for files, target, receiving, _ in house.ways():
            await interrupted_halfway(network, files, target, path)
            assert house.offers[-1].resumable is None
            at_sender, at_receiver = events_of(files), events_of(receiving)
            transfer = await files.send(target, path)
            await transfer.done()
            offer = house.offers[-1]
            assert offer.resumable is not None and offer.resumable.position.received > 0
            assert transfer.is_resumed and transfer.skipped == offer.transfer.skipped > limits.FILE_WINDOW // 2
            assert at_sender[0] == ("resumed", transfer)
            assert at_receiver[0] == ("resumed", offer.transfer)
            received = house.folder / path.name
            if path.is_dir():
                assert read_tree(received) == read_tree(path)
            else:
                assert received.read_bytes() == path.read_bytes()
            assert os.listdir(house.folder) == [path.name]
            received.rename(tmp_path / f"{path.name} {target} {len(house.offers)}")


@simulated
async def test_a_file_that_has_changed_begins_anew_and_says_so(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    await interrupted_halfway(network, house.alice.files, "bob", path)
    path.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    os.utime(path, ns=(1, 1))
    transfer = await house.alice.files.send("bob", path)
    await transfer.done()
    assert house.offers[-1].resumable is None and house.offers[-1].is_changed
    assert not transfer.is_resumed
    assert (house.folder / "file").read_bytes() == path.read_bytes()


@simulated
async def test_a_file_that_only_looks_the_same_begins_anew(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    before = path.stat().st_mtime_ns
    await interrupted_halfway(network, house.alice.files, "bob", path)
    path.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    os.utime(path, ns=(before, before))
    at_receiver = events_of(house.bob.files)
    transfer = await house.alice.files.send("bob", path)
    await transfer.done()
    assert house.offers[-1].resumable is not None
    assert at_receiver[0][0] == "started"
    assert not transfer.is_resumed and not house.offers[-1].transfer.is_resumed
    assert (house.folder / "file").read_bytes() == path.read_bytes()
    assert os.listdir(house.folder) == ["file"]


@simulated
async def test_a_lost_connection_is_told_by_its_own_reason_at_each_end(network: MemoryNetwork, tmp_path: Path) -> None:
    network.conditions = Conditions(delay=0.01)
    house = House(network, tmp_path)
    path = tmp_path / "file"
    path.write_bytes(os.urandom(limits.FILE_WINDOW * 4))
    for lost, other in ((house.alice, house.bob), (house.bob, house.alice)):
        transfer = await house.alice.files.send("bob", path, parameters=SLOWLY)
        network.advance(0.5)
        offered = house.offers[-1].transfer
        network.cut(lost)
        own, far = (transfer, offered) if lost is house.alice else (offered, transfer)
        assert own.disruption is FileDisruption.SELF_OFFLINE
        network.advance(limits.FILE_SILENCE + 2)
        assert far.disruption is FileDisruption.OTHER_OFFLINE
        assert house.is_idle() and other.connected and lost.connected
    transfer = await house.alice.files.send("bob", path, parameters=SendingParameters(package_size=5000))
    await transfer.done()
    assert transfer.is_resumed
    assert (house.folder / "file").read_bytes() == path.read_bytes()


@simulated
async def test_what_is_there_already_is_replaced_only_when_asked(network: MemoryNetwork, tmp_path: Path) -> None:
    house = House(network, tmp_path)
    (house.folder / "file").write_bytes(b"old")
    path = tmp_path / "file"
    path.write_bytes(b"new")
    transfer = await house.alice.files.send("bob", path)
    with pytest.raises(TransferInterrupted) as caught:
        await transfer.done()
    assert caught.value.disruption is FileDisruption.OTHER_INNER_ERROR
    assert house.offers[-1].transfer.disruption is FileDisruption.INNER_ERROR
    assert (house.folder / "file").read_bytes() == b"old"
    house._decide = lambda offer: offer.accept_into(house.folder, replace=True)
    await (await house.alice.files.send("bob", path)).done()
    assert (house.folder / "file").read_bytes() == b"new"


@simulated
async def test_the_last_word_before_the_sender_hears_of_success(network: MemoryNetwork, tmp_path: Path) -> None:
    recorded: Deferred[None] = Deferred()
    house = House(network, tmp_path)
    house._decide = lambda offer: offer.accept_into(house.folder, before_kept=lambda path: recorded)
    path = tmp_path / "file"
    path.write_bytes(b"content")
    transfer = await house.alice.files.send(None, path)
    network.advance(5)
    assert (house.folder / "file").exists() and transfer.is_transferring
    recorded.callback(None)
    await transfer.done()
