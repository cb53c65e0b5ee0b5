"""Uploads: where they appear, what they may not exceed, what stays of an interrupted one, what may refuse them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import ClientEngine, limits
from esframework.errors import TransferInterrupted
from esframework.managers.disk.contracts import UPLOAD, UploadBody, subject_of
from esframework.managers.disk.events import DiskTask
from esframework.managers.disk.storage import Storage
from esframework.managers.files.options import SendingParameters
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType, RequestFailure
from tests.unit.managers.disk.house import House, names, refusal

SLOW = SendingParameters(package_size=1000, interval=1.0)
"""A package a second."""


async def alone(network: MemoryNetwork, tmp_path: Path, **options: Any) -> tuple[House, ClientEngine]:
    house = House(network, tmp_path, **options)
    (alice,) = await house.people("alice")
    return house, alice


async def half(network: MemoryNetwork, house: House, alice: ClientEngine, seconds: float = 5.0) -> Any:
    """An upload of 10,000 bytes to /large that is under way."""
    transfer = await alice.disk.upload(house.file("large", bytes(range(250)) * 40), "/", parameters=SLOW)
    network.advance(seconds)
    assert transfer.transfer.is_transferring
    return transfer


@simulated
async def test_a_file_is_uploaded(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    local = house.file("letter", b"hello")
    os.utime(local, ns=(1, 1_700_000_000_123_456_789))
    local.chmod(0o755)
    transfer = await alice.disk.upload(local, "/mail")
    assert (transfer.path, transfer.local, transfer.is_upload) == ("/mail", local, True)
    assert await transfer.done() is transfer
    (entry, *_) = (await alice.disk.list_folder()).entries
    assert (entry.name, entry.size, entry.modified_at) == ("mail", 5, 1_700_000_000_123_456_789)
    assert entry.is_executable
    assert (house.tree("alice") / "mail").read_bytes() == b"hello"
    assert house.uploads("alice") == []
    assert house.told == [("uploaded", "alice", "/mail", None)]


@pytest.mark.parametrize(
    ("path", "where"), [("", "/letter"), ("/", "/letter"), ("/docs/", "/docs/letter"), ("docs/x", "/docs/x")]
)
def test_a_path_that_ends_in_a_slash_is_a_folder(tmp_path: Path, path: str, where: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house, alice = await alone(network, tmp_path)
        await alice.disk.make_folder("/docs")
        transfer = await alice.disk.upload(house.file("letter"), path)
        await transfer.done()
        assert transfer.path == where
        assert (await alice.disk.information(where)).size == 5

    test()


@simulated
async def test_a_folder_is_uploaded_with_all_that_is_in_it(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    house.file("holiday/deep/one", b"1")
    house.file("holiday/two", b"22")
    (house.local / "holiday" / "empty").mkdir()
    await (await alice.disk.upload(house.local / "holiday")).done()
    assert await names(alice, "/holiday") == ["deep", "empty", "two"]
    assert await names(alice, "/holiday/deep") == ["one"]
    quota = await alice.disk.quota()
    assert (quota.used, quota.entries) == (3, 5)


@simulated
async def test_an_empty_file_and_an_empty_folder_are_uploaded(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    await house.put(alice, "/nothing", b"")
    (house.local / "empty").mkdir()
    await (await alice.disk.upload(house.local / "empty")).done()
    assert await names(alice) == ["empty", "nothing", "shared"]
    assert await names(alice, "/empty") == []


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("/docs", RequestFailure.CONFLICT),
        ("/there", RequestFailure.CONFLICT),
        ("/there/below", RequestFailure.INVALID),
        ("/nowhere/below", RequestFailure.NO_SUCH_THING),
        ("/shared", RequestFailure.INVALID),
        ("/shared/bob/x", RequestFailure.NO_SUCH_THING),
        ("/public/x", RequestFailure.NO_SUCH_THING),
        ("/" + "n" * 256, RequestFailure.INVALID),
        ("/bad\x07name", RequestFailure.INVALID),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_sent(tmp_path: Path, path: str, reason: RequestFailure) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house, alice = await alone(network, tmp_path)
        await alice.disk.make_folder("/docs")
        await house.put(alice, "/there")
        house.told.clear()
        assert await refusal(alice.disk.upload(house.file("letter"), path)) is reason
        assert house.told == []
        assert alice.files.transfers() == []
        assert (await alice.disk.quota()).reserved == 0

    test()


@simulated
async def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    await house.put(alice, "/letter", b"first")
    await house.put(alice, "/letter", b"second", replace=True)
    assert (house.tree("alice") / "letter").read_bytes() == b"second"
    assert (await alice.disk.quota()).used == 6
    (house.local / "folder").mkdir()
    asked = alice.disk.upload(house.local / "folder", "/letter", replace=True)
    assert await refusal(asked) is RequestFailure.CONFLICT


@simulated
async def test_a_local_file_that_is_not_there_is_said_at_once(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    with pytest.raises(FileNotFoundError):
        await alice.disk.upload(house.local / "nothing")


# --- room -------------------------------------------------------------------------------------------------------------
@simulated
async def test_what_exceeds_the_quota_is_refused_before_it_is_sent(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path, quota=100)
    await house.put(alice, "/fits", bytes(60))
    assert await refusal(alice.disk.upload(house.file("more", bytes(41)))) is RequestFailure.QUOTA_EXCEEDED
    await house.put(alice, "/just", bytes(40))
    assert (await alice.disk.quota()).free == 0
    await house.put(alice, "/fits", bytes(50), replace=True)


@simulated
async def test_uploads_under_way_cannot_exceed_it_together(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path, quota=15_000)
    first = await half(network, house, alice)
    quota = await alice.disk.quota()
    assert (quota.used, quota.reserved, quota.free) == (0, 10_000, 5_000)
    assert await refusal(alice.disk.upload(house.file("more", bytes(6_000)))) is RequestFailure.QUOTA_EXCEEDED
    await first.done()
    quota = await alice.disk.quota()
    assert (quota.used, quota.reserved) == (10_000, 0)


@simulated
async def test_many_empty_files_are_limited_too(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path, entries=5)
    for number in range(5):
        house.file(f"many/{number}", b"")
    assert await refusal(alice.disk.upload(house.local / "many")) is RequestFailure.QUOTA_EXCEEDED


@simulated
async def test_the_servers_own_disk_is_a_limit(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, alice = await alone(network, tmp_path, quota=0)
    monkeypatch.setattr(Storage, "free", 15_000)
    first = await half(network, house, alice, 2)
    assert await refusal(alice.disk.upload(house.file("more", bytes(9_000)))) is RequestFailure.QUOTA_EXCEEDED
    await first.done()
    await house.put(alice, "/more", bytes(9_000))


# --- interrupted --------------------------------------------------------------------------------------------------
@simulated
async def test_an_interrupted_upload_goes_on_by_the_same_call(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    first = await half(network, house, alice)
    network.cut(alice)
    with pytest.raises(TransferInterrupted):
        await first.done()
    network.advance(5)
    assert await names(alice) == ["shared"], "what is half there is not seen"
    quota = await alice.disk.quota()
    assert 0 < quota.parts < 10_000
    assert (quota.used, quota.reserved) == (0, 0)

    second = await alice.disk.upload(house.local / "large")
    await second.done()
    assert second.transfer.is_resumed
    assert (house.tree("alice") / "large").read_bytes() == bytes(range(250)) * 40
    quota = await alice.disk.quota()
    assert (quota.used, quota.parts, quota.reserved) == (10_000, 0, 0)
    assert [each[0::3] for each in house.told] == [("uploaded", "TransferInterrupted"), ("uploaded", None)]


@simulated
async def test_an_upload_that_is_cancelled_can_be_gone_on_with(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    first = await half(network, house, alice)
    first.cancel("enough")
    with pytest.raises(TransferInterrupted):
        await first.done()
    network.settle()
    second = await alice.disk.upload(house.local / "large")
    await second.done()
    assert second.transfer.is_resumed


@simulated
async def test_two_uploads_to_one_place_are_one_too_many(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    first = await half(network, house, alice)
    other = alice.disk.upload(house.file("other", b"x"), "/large", replace=True)
    assert await refusal(other) is RequestFailure.CONFLICT
    await first.done()


@simulated
async def test_what_comes_in_between_is_not_overwritten(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    upload = await half(network, house, alice)
    (house.tree("alice") / "large").write_bytes(b"mine")
    with pytest.raises(TransferInterrupted, match="already"):
        await upload.done()
    network.settle()
    assert (house.tree("alice") / "large").read_bytes() == b"mine"
    assert house.uploads("alice") == []


@simulated
async def test_a_right_that_is_taken_away_meanwhile_does_not_count(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    alice, bob = await house.people("alice", "bob")
    await alice.disk.make_folder("/docs")
    await alice.disk.share("/docs", ["bob"], may_write=True)
    upload = await bob.disk.upload(house.file("large", bytes(10_000)), "/shared/alice/docs/", parameters=SLOW)
    network.advance(3)
    await alice.disk.unshare("/docs")
    with pytest.raises(TransferInterrupted):
        await upload.done()
    network.settle()
    assert await names(alice, "/docs") == []
    assert house.uploads("alice") == []


# --- the application ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", ["no films", False])
def test_the_application_may_refuse(tmp_path: Path, answer: object) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house, alice = await alone(network, tmp_path)
        tasks: list[DiskTask] = []

        def decide(task: DiskTask) -> object:
            tasks.append(task)
            return answer

        house.server.disk.before_upload.subscribe(decide)
        assert await refusal(alice.disk.upload(house.file("film"))) is RequestFailure.NOT_ALLOWED
        (task,) = tasks
        assert (task.user_id, task.path, task.size, task.files, task.is_upload) == ("alice", "/film", 5, 1, True)
        assert (await alice.disk.quota()).reserved == 0
        assert house.told == []

    test()


@simulated
async def test_a_subscriber_that_fails_refuses(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)

    def broken(task: DiskTask) -> None:
        raise RuntimeError("broken")

    house.server.disk.before_upload.subscribe(broken)
    assert await refusal(alice.disk.upload(house.file("film"))) is RequestFailure.NOT_ALLOWED
    assert network.failures.take(RuntimeError)


@simulated
async def test_a_device_that_leaves_while_the_application_decides_gets_no_room(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house, alice = await alone(network, tmp_path)
    decision: Deferred[None] = Deferred()
    house.server.disk.before_upload.subscribe(lambda task: decision)
    asked = alice.disk.upload(house.file("film"))
    asked.addErrback(lambda failure: None)
    network.settle()
    network.cut(alice)
    decision.callback(None)
    network.advance(5)
    assert (await alice.disk.quota()).reserved == 0
    house.server.disk.before_upload.subscribe(lambda task: None)
    await house.put(alice, "/film")


@simulated
async def test_a_tree_that_would_be_too_deep_gets_no_place(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, alice = await alone(network, tmp_path)
    house.file("one/two/three/four", b"x")
    monkeypatch.setattr(limits, "MAX_PATH_DEPTH", 3)
    transfer = await alice.disk.upload(house.local / "one")
    with pytest.raises(TransferInterrupted):
        await transfer.done()
    network.settle()
    assert await names(alice) == ["shared"]
    assert house.uploads("alice") == []


# --- strangers --------------------------------------------------------------------------------------------------------
def asked(**changes: Any) -> bytes:
    body = {"files": 1, "folders": 0, "is_folder": False, "path": "/x", "replace": False, "size": 5, "ticket": "t"}
    return UPLOAD.encode(UploadBody(**{**body, **changes}))


async def agree(alice: ClientEngine, **changes: Any) -> Any:
    return await alice.disk._ask_ours(MessageType.DISK_UPLOAD, asked(**changes))


@simulated
async def test_without_an_agreement_nothing_is_taken(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    transfer = await alice.files.send(None, house.file("x"), subject=subject_of("made up"))
    with pytest.raises(TransferInterrupted, match="no upload"):
        await transfer.done()


@simulated
async def test_another_users_ticket_is_none(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path)
    alice, bob = await house.people("alice", "bob")
    await agree(alice)
    transfer = await bob.files.send(None, house.file("x"), subject=subject_of("t"))
    with pytest.raises(TransferInterrupted, match="no upload"):
        await transfer.done()


@pytest.mark.parametrize("changes", [{"size": 4}, {"files": 0}, {"is_folder": True}])
def test_what_is_offered_must_be_what_was_agreed_on(tmp_path: Path, changes: dict[str, Any]) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        house, alice = await alone(network, tmp_path)
        await agree(alice, **changes)
        transfer = await alice.files.send(None, house.file("x"), subject=subject_of("t"))
        with pytest.raises(TransferInterrupted, match="changed"):
            await transfer.done()
        network.settle()
        assert (await alice.disk.quota()).reserved == 0
        assert await names(alice) == ["shared"]

    test()


@simulated
async def test_an_agreement_is_good_for_a_minute(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    await agree(alice)
    assert (await alice.disk.quota()).reserved == 5
    network.advance(limits.DISK_TICKET_LIFETIME + 2)
    assert (await alice.disk.quota()).reserved == 0
    await house.put(alice, "/x")


@simulated
async def test_an_agreement_ends_with_the_session(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    await agree(alice)
    network.cut(alice)
    network.advance(5)
    assert (await alice.disk.quota()).reserved == 0


@simulated
async def test_a_device_has_so_many_under_way(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    for number in range(limits.MAX_DISK_TRANSFERS):
        await agree(alice, ticket=str(number), path=f"/{number}")
    assert await refusal(agree(alice, ticket="more", path="/more")) is RequestFailure.BUSY


@pytest.mark.parametrize("ticket", ["", "x" * 65, "ü"])
def test_a_ticket_is_a_short_text_of_ascii(tmp_path: Path, ticket: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice = await alone(network, tmp_path)
        assert await refusal(agree(alice, ticket=ticket)) is RequestFailure.INVALID

    test()


@simulated
async def test_numbers_below_nothing_reserve_nothing(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    await agree(alice, files=-5, folders=-5, size=0)
    quota = await alice.disk.quota()
    assert (quota.reserved, quota.used) == (0, 0)


@simulated
async def test_more_files_than_were_agreed_on_get_no_place(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, alice = await alone(network, tmp_path)
    for number in range(3):
        house.file(f"many/deep{number}/x", b"")
    await agree(alice, is_folder=True, files=3, folders=1, path="/many")
    transfer = await alice.files.send(None, house.local / "many", subject=subject_of("t"))
    with pytest.raises(TransferInterrupted, match="more than 4 files and folders came"):
        await transfer.done()
    network.settle()
    assert await names(alice) == ["shared"]
    assert house.uploads("alice") == []
