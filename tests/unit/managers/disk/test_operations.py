"""What users do on the disk, asked as clients ask it: folders, names, removing, pages, quota, checksums."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import DeferredList

from esframework import ClientEngine
from esframework.filesystem.digests import TreeDigest
from esframework.managers.disk import checksums
from esframework.managers.disk.contracts import INFORMATION, DiskRemoved, InformationBody
from esframework.managers.disk.folders import DiskFolder
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath
from esframework.managers.disk.options import PublicFolder
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType, RequestFailure
from tests.unit.managers.disk.house import House, names, refusal


async def alone(network: MemoryNetwork, tmp_path: Path, **options: Any) -> tuple[House, ClientEngine]:
    """alice, with /docs/letter (5 bytes)."""
    house = House(network, tmp_path, **options)
    (alice,) = await house.people("alice")
    await alice.disk.make_folder("/docs")
    await house.put(alice, "/docs/letter")
    house.told.clear()
    return house, alice


# --- folders and names --------------------------------------------------------------------------------------------
@simulated
async def test_everybody_has_a_folder_of_his_own(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    (bob,) = await house.people("bob")
    assert await names(alice) == ["docs", "shared"]
    assert await names(bob) == ["shared"]
    assert await refusal(bob.disk.list_folder("/docs")) is RequestFailure.NO_SUCH_THING


@simulated
async def test_an_entry_says_what_there_is_to_know(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    os.utime(house.tree("alice") / "docs" / "letter", ns=(1, 1_700_000_000_000_000_001))
    (entry,) = (await alice.disk.list_folder("/docs")).entries
    assert (entry.path, entry.name, entry.is_folder, entry.size) == ("/docs/letter", "letter", False, 5)
    assert (entry.modified_at, entry.may_write, entry.is_shared) == (1_700_000_000_000_000_001, True, False)
    assert (await alice.disk.information("/docs/letter")).entry == entry
    assert (await alice.disk.information("/docs")).entry.is_folder
    assert (await alice.disk.information("/")).entry.path == "/"


@simulated
async def test_paths_begin_at_the_current_folder(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    assert alice.disk.folder == "/"
    assert await alice.disk.set_folder("docs") == "/docs"
    assert (await alice.disk.information("letter")).entry.path == "/docs/letter"
    assert (await alice.disk.information("../docs/./letter")).entry.path == "/docs/letter"
    assert await refusal(alice.disk.set_folder("nowhere")) is RequestFailure.NO_SUCH_THING
    assert await refusal(alice.disk.set_folder("letter")) is RequestFailure.NO_SUCH_THING
    assert alice.disk.folder == "/docs"
    await alice.disk.set_folder("..")
    assert alice.disk.folder == "/"


@simulated
async def test_the_current_folder_is_the_same_after_a_reconnect(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    await alice.disk.set_folder("/docs")
    network.cut(alice)
    network.advance(5)
    assert [entry.name for entry in (await alice.disk.list_folder()).entries] == ["letter"]


@simulated
async def test_a_folder_is_made_and_the_application_told(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    entry = await alice.disk.make_folder("/docs/a/b", parents=True)
    assert (entry.path, entry.is_folder) == ("/docs/a/b", True)
    await alice.disk.make_folder("/docs/a/b", parents=True)
    assert house.told == [("make_folder", "alice", "/docs/a/b")]
    assert await refusal(alice.disk.make_folder("/docs")) is RequestFailure.CONFLICT
    assert await refusal(alice.disk.make_folder("/x/y")) is RequestFailure.NO_SUCH_THING


@pytest.mark.parametrize("path", ["/", "/shared", "/public", "/docs/\x01", "/docs/" + "n" * 256, "/shared/x"])
def test_a_folder_that_cannot_be_is_not_made(tmp_path: Path, path: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice = await alone(network, tmp_path)
        assert await refusal(alice.disk.make_folder(path)) in (RequestFailure.INVALID, RequestFailure.NO_SUCH_THING)

    test()


@simulated
async def test_a_file_is_renamed_and_moved(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    entry = await alice.disk.rename("/docs/letter", "note")
    assert (entry.path, entry.size) == ("/docs/note", 5)
    await alice.disk.move("/docs/note", "/", replace=False)
    assert await names(alice) == ["docs", "note", "shared"]
    await alice.disk.move("/note", "/docs/")
    assert await names(alice, "/docs") == ["note"]
    assert house.told == [
        ("move", "alice", "/docs/letter", "/docs/note"),
        ("move", "alice", "/docs/note", "/note"),
        ("move", "alice", "/note", "/docs/note"),
    ]


@simulated
async def test_what_is_there_is_replaced_only_when_asked(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    await house.put(alice, "/new", b"newer")
    assert await refusal(alice.disk.move("/new", "/docs/letter")) is RequestFailure.CONFLICT
    await alice.disk.move("/new", "/docs/letter", replace=True)
    assert (house.tree("alice") / "docs" / "letter").read_bytes() == b"newer"
    assert (await alice.disk.quota()).used == 5


@pytest.mark.parametrize(
    ("source", "target"), [("/", "/x"), ("/docs", "/"), ("/docs", "/docs/x"), ("/shared", "/x"), ("/docs", "/shared/x")]
)
def test_what_cannot_be_moved_stays(tmp_path: Path, source: str, target: str) -> None:
    @simulated
    async def test(network: MemoryNetwork) -> None:
        _, alice = await alone(network, tmp_path)
        asked = alice.disk._move(source, target, True)
        assert await refusal(asked) in (
            RequestFailure.INVALID,
            RequestFailure.NOT_ALLOWED,
            RequestFailure.NO_SUCH_THING,
        )
        assert await names(alice, "/docs") == ["letter"]

    test()


@simulated
async def test_files_and_folders_are_removed(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    assert await refusal(alice.disk.remove("/docs")) is RequestFailure.CONFLICT
    assert await refusal(alice.disk.remove("/nothing")) is RequestFailure.NO_SUCH_THING
    assert await refusal(alice.disk.remove("/", recursive=True)) is RequestFailure.NOT_ALLOWED
    assert await alice.disk.remove("/docs", recursive=True) == DiskRemoved(1, 1, 5)
    assert await names(alice) == ["shared"]
    assert house.told == [("remove", "alice", "/docs")]


# --- pages ------------------------------------------------------------------------------------------------------------
@simulated
async def test_a_large_folder_comes_in_pages(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    for number in range(30):
        (house.tree("alice") / f"{number:02}").touch()
    page = await alice.disk.list_folder("/", limit=10)
    assert ([entry.name for entry in page.entries], page.has_more) == ([f"{number:02}" for number in range(10)], True)
    page = await alice.disk.list_folder("/", after="29", limit=2)
    assert ([entry.name for entry in page.entries], page.has_more) == (["docs", "shared"], False)
    page = await alice.disk.list_folder("/", after="29", limit=1)
    assert ([entry.name for entry in page.entries], page.has_more) == (["docs"], True)


@simulated
async def test_a_page_is_never_longer_than_a_message(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path, max_message=32 * 1024)
    wanted = [f"{number:04}{'n' * 240}" for number in range(100)]
    for name in wanted:
        (house.tree("alice") / "docs" / name).touch()
    page = await alice.disk.list_folder("/docs", limit=10**6)
    assert page.has_more
    assert 50 < len(page.entries) < 60
    assert [entry.name for entry in await alice.disk.list_all("/docs")] == [*wanted, "letter"]


# --- room -------------------------------------------------------------------------------------------------------------
@simulated
async def test_the_quota_is_told(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path, quota=100, entries=10)
    quota = await alice.disk.quota()
    assert (quota.used, quota.allowed, quota.free, quota.parts, quota.reserved) == (5, 100, 95, 0, 0)
    assert (quota.entries, quota.allowed_entries) == (2, 10)


@simulated
async def test_free_is_never_more_than_the_servers_disk_has(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path, quota=0)
    free = (await alice.disk.quota()).free
    assert abs(free - os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize) < 10**9


@simulated
async def test_folders_count_as_entries(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path, entries=3)
    await alice.disk.make_folder("/third")
    await alice.disk.make_folder("/third", parents=True)
    assert await refusal(alice.disk.make_folder("/third")) is RequestFailure.CONFLICT
    assert await refusal(alice.disk.make_folder("/third/x", parents=True)) is RequestFailure.QUOTA_EXCEEDED
    assert await refusal(alice.disk.make_folder("/fourth")) is RequestFailure.QUOTA_EXCEEDED
    await alice.disk.remove("/third")
    await alice.disk.make_folder("/fourth")


@simulated
async def test_changes_at_the_same_time_cannot_exceed_the_quota_together(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    _, alice = await alone(network, tmp_path, entries=4)
    asked = [alice.disk.make_folder(f"/{number}") for number in range(4)]
    outcomes = await DeferredList(asked, consumeErrors=True)
    assert [is_made for is_made, _ in outcomes] == [True, True, False, False]
    assert (await alice.disk.quota()).entries == 4


@simulated
async def test_moves_at_the_same_time_cannot_exceed_the_quota_together(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path, public=public_folders(tmp_path), quota=15)
    (alice,) = await house.people("alice")
    for number in range(4):
        await house.put(alice, f"/public/drop/{number}")
    asked = [alice.disk.move(f"/public/drop/{number}", "/") for number in range(4)]
    outcomes = await DeferredList(asked, consumeErrors=True)
    assert [is_moved for is_moved, _ in outcomes] == [True, True, True, False]
    assert (await alice.disk.quota()).used == 15


# --- checksums --------------------------------------------------------------------------------------------------------
@simulated
async def test_a_files_checksum_is_that_of_its_content(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    found = await alice.disk.information("/docs/letter", "blake2b")
    assert found.checksum == hashlib.blake2b(b"hello", digest_size=32).digest()
    assert (found.algorithm, found.size, found.files, found.folders) == ("blake2b", 5, 1, 0)
    assert await refusal(alice.disk.information("/docs/letter", "md5")) is RequestFailure.INVALID


@simulated
async def test_a_folders_checksum_is_that_of_its_tree(tmp_path: Path, network: MemoryNetwork) -> None:
    _, alice = await alone(network, tmp_path)
    expected = TreeDigest("blake2b")
    expected.folder("")
    expected.file("letter", 5)
    expected.content(b"hello")
    found = await alice.disk.information("/docs", "blake2b")
    assert found.checksum == expected.digest()
    assert (found.size, found.files, found.folders) == (5, 1, 1)


@simulated
async def test_a_checksum_that_nobody_wants_any_more_is_given_up(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, alice = await alone(network, tmp_path)
    monkeypatch.setattr(checksums, "SLICE", 1000)
    # More slices than can be read between two turns of the reactor.
    (house.tree("alice") / "large").write_bytes(bytes(3_000_000))
    asked = alice.disk.information("/large", "blake2b")
    asked.addErrback(lambda failure: None)
    asked.cancel()
    network.settle()
    assert house.server.refusals.counts["disk_not_allowed"] == 1
    assert (await alice.disk.information("/docs/letter", "blake2b")).checksum


@simulated
async def test_two_requests_under_one_number_are_one_too_many(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)
    for _ in range(2):
        body = INFORMATION.encode(InformationBody("blake2b", "/docs/letter"))
        alice.channel(None).send(MessageType.DISK_INFORMATION, body, 7)
    network.settle()
    assert house.server.refusals.counts["disk_conflict"] == 1


# --- public folders ---------------------------------------------------------------------------------------------------
def public_folders(tmp_path: Path) -> dict[str, PublicFolder]:
    for name in ("music", "drop"):
        (tmp_path / name).mkdir()
    (tmp_path / "music" / "song").write_bytes(b"la")
    return {
        "music": PublicFolder(path=tmp_path / "music"),
        "drop": PublicFolder(path=tmp_path / "drop", is_writable=True),
    }


@simulated
async def test_public_folders_are_everybodys(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path, public=public_folders(tmp_path))
    alice, bob = await house.people("alice", "bob")
    assert await names(alice) == ["public", "shared"]
    assert await names(alice, "/public") == ["drop", "music"]
    assert await names(bob, "/public/music") == ["song"]
    assert await refusal(bob.disk.remove("/public/music/song")) is RequestFailure.NOT_ALLOWED
    assert await refusal(bob.disk.make_folder("/public/music/x")) is RequestFailure.NOT_ALLOWED
    await house.put(alice, "/public/drop/gift")
    assert await names(bob, "/public/drop") == ["gift"]
    await bob.disk.remove("/public/drop/gift")
    assert await refusal(bob.disk.list_folder("/public/films")) is RequestFailure.NO_SUCH_THING
    assert await refusal(bob.disk.remove("/public/drop", recursive=True)) is RequestFailure.NOT_ALLOWED
    assert await refusal(bob.disk.share("/public/drop", ["alice"])) is RequestFailure.NOT_ALLOWED
    assert (await bob.disk.quota("/public/drop")).allowed == 0


@simulated
async def test_something_is_moved_out_of_a_public_folder_into_ones_own(tmp_path: Path, network: MemoryNetwork) -> None:
    house = House(network, tmp_path, public=public_folders(tmp_path))
    (alice,) = await house.people("alice")
    await alice.disk.quota()
    await house.put(alice, "/public/drop/gift")
    await alice.disk.move("/public/drop/gift", "/")
    assert (await alice.disk.quota()).used == 5
    await alice.disk.move("/gift", "/public/drop/")
    assert (await alice.disk.quota()).used == 0


# --- the application --------------------------------------------------------------------------------------------------
@simulated
async def test_the_permission_hook_is_asked_with_the_path(tmp_path: Path, network: MemoryNetwork) -> None:
    asked: list[tuple[str, str, str | None]] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return False if target == "/docs/letter" and action == "disk_remove" else None

    _, alice = await alone(network, tmp_path, permit=permit)
    asked.clear()
    assert await refusal(alice.disk.remove("/docs/letter")) is RequestFailure.NOT_ALLOWED
    await alice.disk.list_folder("/docs")
    await alice.disk.move("/docs", "/papers")
    assert [each for each in asked if each[0].startswith("disk")] == [
        ("disk_remove", "alice", "/docs/letter"),
        ("disk_read", "alice", "/docs"),
        ("disk_remove", "alice", "/docs"),
        ("disk_write", "alice", "/papers"),
    ]


@simulated
async def test_a_hook_that_fails_refuses(tmp_path: Path, network: MemoryNetwork) -> None:
    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        if action == "disk_read":
            raise RuntimeError("broken")
        return None

    _, alice = await alone(network, tmp_path, permit=permit)
    assert await refusal(alice.disk.list_folder("/docs")) is RequestFailure.NOT_ALLOWED
    assert network.failures.take(RuntimeError)


@simulated
async def test_an_application_does_the_same_in_a_users_name(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path, permit=lambda *_: None)
    disk = house.server.disk
    await disk.make_folder("alice", "/from-the-server")
    assert await names(alice) == ["docs", "from-the-server", "shared"]
    assert [entry.name for entry in (await disk.list_folder("alice", "/docs")).entries] == ["letter"]
    assert (await disk.information("alice", "/docs/letter", "blake2b")).checksum
    assert (await disk.quota("alice")).used == 5
    await disk.move("alice", "/docs", "/papers")
    await disk.remove("alice", "/papers", recursive=True)
    with pytest.raises(NoSuchPath):
        await disk.list_folder("alice", "/papers")
    with pytest.raises(InvalidPath):
        await disk.list_folder("alice", "papers")


@simulated
async def test_a_subscriber_that_fails_ends_nothing(tmp_path: Path, network: MemoryNetwork) -> None:
    house, alice = await alone(network, tmp_path)

    def broken(change: object) -> None:
        raise RuntimeError("broken")

    house.server.disk.changed.subscribe(broken)
    await alice.disk.make_folder("/new")
    assert network.failures.take(RuntimeError)
    assert "new" in await names(alice)


@simulated
async def test_a_deleted_accounts_files_are_gone_for_the_next_of_that_name(
    tmp_path: Path, network: MemoryNetwork
) -> None:
    house, alice = await alone(network, tmp_path)
    await alice.disk.share("/docs", ["bob"])
    house.server.accounts.deleted.fire("alice")
    network.settle()
    assert await names(alice) == ["shared"]
    assert (await alice.disk.shared_by_me()).shares == []
    assert list((house.folder / "deleted").iterdir()) == []


@simulated
async def test_while_a_deleted_accounts_files_cannot_be_set_aside_nobody_of_that_name_sees_them(
    tmp_path: Path, network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, alice = await alone(network, tmp_path)

    def fail(*_: object) -> None:
        raise OSError(errno.EIO, "the disk hangs")

    with monkeypatch.context() as patch:
        patch.setattr(DiskFolder, "set_aside", fail)
        house.server.accounts.deleted.fire("alice")
        assert await refusal(alice.disk.list_folder("/docs")) is RequestFailure.STORE_FAILED
    assert await refusal(alice.disk.list_folder("/docs")) is RequestFailure.NO_SUCH_THING
    assert await names(alice) == ["shared"]


@simulated
async def test_an_operator_may_keep_the_files_of_deleted_accounts(tmp_path: Path, network: MemoryNetwork) -> None:
    house, _ = await alone(network, tmp_path, keep_deleted=True)
    house.server.accounts.deleted.fire("alice")
    network.settle()
    (kept,) = (house.folder / "deleted").iterdir()
    assert (kept / "files" / "docs" / "letter").exists()
