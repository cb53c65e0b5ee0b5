"""What every `IOfflineFileStore` promises, asked of each backend."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList

from esframework.errors import FileQuotaExceeded, InvalidText, InvalidUserId
from esframework.interfaces import FileMailbox, FileQuota, FileUsage, StoredFile
from tests.interface.names import IMPOSSIBLE, POSSIBLE

NO_LIMIT = FileQuota()


def file(key: str, target: str = "bob", **changes: Any) -> StoredFile:
    made = StoredFile(
        id=key,
        target=target,
        source="alice",
        source_device=4,
        name="holiday.jpg",
        is_folder=False,
        size=5,
        files=1,
        modified_at=1_700_000_000_123_456_789,
        comment="for you",
        blob=f"{key[:20]} for {target[:20]}",
        received_at=1000.25,
        expires_at=2000.5,
    )
    return replace(made, **changes)


@pytest.fixture
def files(stores: Any) -> Any:
    return stores.offline_files


async def keep(files: Any, *keys: str, **changes: Any) -> list[int]:
    return [(await files.add(file(key, **changes), NO_LIMIT)).number for key in keys]


async def ids(files: Any, target: str = "bob") -> list[str]:
    return [one.id for one in await files.waiting(target, 0, 1000)]


class TestOfflineFileStore:
    """The contract; each method begins with an empty store."""

    @pytest_twisted.ensureDeferred
    async def test_nothing_is_kept_at_first(self, files: Any) -> None:
        assert await files.waiting("bob", 0, 10) == await files.left_by("alice", 0, 10) == []
        assert await files.find("bob", "alice", "f1") is None
        assert await files.usage("bob", "alice") == FileUsage()
        assert await files.totals() == (0, 0)
        assert await files.mailboxes(None, 10) == []
        assert await files.known(["blob"]) == set()

    @pytest_twisted.ensureDeferred
    async def test_a_file_is_kept_as_it_was_told(self, files: Any) -> None:
        told = file("f1")
        kept = await files.add(told, NO_LIMIT)
        assert kept.number > 0
        assert kept == replace(told, number=kept.number)
        assert await files.waiting("bob", 0, 10) == [kept]
        assert await files.left_by("alice", 0, 10) == [kept]
        assert await files.find("bob", "alice", "f1") == kept
        assert await files.find("carol", "alice", "f1") is None

    @pytest_twisted.ensureDeferred
    async def test_folders_large_sizes_and_what_is_not_known(self, files: Any) -> None:
        told = file("f1", is_folder=True, size=2**50, files=2**20, comment=None, source=None, source_device=None)
        kept = await files.add(told, NO_LIMIT)
        assert await files.waiting("bob", 0, 10) == [kept]
        assert kept == replace(told, number=kept.number)
        assert await files.totals() == (1, 2**50)

    @pytest_twisted.ensureDeferred
    async def test_files_are_listed_in_the_order_in_which_they_came(self, files: Any) -> None:
        keys = [f"f{number}" for number in range(20)]
        numbers = await keep(files, *keys)
        await keep(files, "other", target="carol")
        assert numbers == sorted(set(numbers))
        assert await ids(files) == keys
        assert [one.id for one in await files.waiting("bob", numbers[2], 2)] == ["f3", "f4"]
        assert [one.id for one in await files.left_by("alice", numbers[18], 5)] == ["f19", "other"]
        assert await files.waiting("bob", 0, 0) == await files.waiting("bob", numbers[-1], 9) == []
        assert await files.left_by("alice", 0, 0) == []

    @pytest_twisted.ensureDeferred
    async def test_the_same_file_twice_is_kept_once(self, files: Any) -> None:
        first = await files.add(file("f1"), NO_LIMIT)
        again = await files.add(file("f1", blob="another", size=7), FileQuota(files=1))
        assert again == first
        elsewhere = await files.add(file("f1", "carol"), NO_LIMIT)
        others = await files.add(file("f1", source="mallory", blob="mallory's"), NO_LIMIT)
        servers = [await files.add(file("f1", source=None, blob="server's"), NO_LIMIT) for _ in range(2)]
        assert len({one.number for one in (first, elsewhere, others, *servers)}) == 4
        assert servers[0] == servers[1] == await files.find("bob", None, "f1")
        assert await files.totals() == (4, 20)

    @pytest_twisted.ensureDeferred
    async def test_what_was_offered_is_counted_and_still_there(self, files: Any) -> None:
        first, second = await keep(files, "f1", "f2")
        for target, number in (("bob", first), ("bob", first), ("carol", second), ("bob", 999)):
            await files.handed_out(target, number)
        assert [one.handed_out for one in await files.waiting("bob", 0, 10)] == [2, 0]

    @pytest_twisted.ensureDeferred
    async def test_what_was_received_is_gone(self, files: Any) -> None:
        first, second, third = await keep(files, "f1", "f2", "f3")
        assert await files.remove("alice", [first]) == 0
        assert await files.remove("bob", [first, third, 999]) == 2
        assert await files.remove("bob", [first]) == await files.remove("bob", []) == 0
        assert await ids(files) == ["f2"]
        assert await files.known([file(key).blob for key in ("f1", "f2", "f3")]) == {file("f2").blob}

    @pytest_twisted.ensureDeferred
    async def test_numbers_are_never_given_again(self, files: Any) -> None:
        first, second = await keep(files, "f1", "f2")
        await files.remove("bob", [first, second])
        [third] = await keep(files, "f3")
        assert third > second

    @pytest_twisted.ensureDeferred
    @pytest_twisted.ensureDeferred
    async def test_usage_counts_for_the_target_of_the_source_and_in_all(self, files: Any) -> None:
        await keep(files, "f1", size=3)
        await keep(files, "f2", source="dave", size=4)
        await keep(files, "f3", target="carol", size=5)
        await keep(files, "f4", target="carol", source=None, size=6)
        assert await files.usage("bob", "alice") == FileUsage(2, 7, 2, 8, 18)
        assert await files.usage("carol", None) == FileUsage(2, 11, 0, 0, 18)
        assert await files.usage("nobody", "nobody") == FileUsage(0, 0, 0, 0, 18)

    @pytest.mark.parametrize(
        ("quota", "words"),
        [
            (FileQuota(files=2), r"5 bytes.*2 files \(10 bytes\) are kept for 'bob'.*at most 2 files and any number"),
            (FileQuota(bytes=14), r"2 files \(10 bytes\) are kept for 'bob'.*any number of files and 14 bytes"),
            (FileQuota(source_files=3), r"3 files \(15 bytes\) are kept of 'alice'.*at most 3 files"),
            (FileQuota(source_bytes=19), r"3 files \(15 bytes\) are kept of 'alice'.*19 bytes"),
            (FileQuota(bytes_in_all=24), r"20 bytes\) are kept for everybody together.*24 bytes"),
        ],
        ids=["files", "bytes", "files of a sender", "bytes of a sender", "bytes in all"],
    )
    @pytest_twisted.ensureDeferred
    async def test_the_quota_is_kept(self, files: Any, quota: FileQuota, words: str) -> None:
        await keep(files, "f1", "f2")
        await keep(files, "f3", target="carol")
        await keep(files, "f4", target="dave", source="erin")
        with pytest.raises(FileQuotaExceeded, match=words):
            await files.add(file("f5"), quota)
        assert await files.find("bob", "alice", "f5") is None
        [number] = [one.number for one in await files.waiting("bob", 0, 1)]
        await files.remove("bob", [number])
        await files.add(file("f5"), quota)

    @pytest_twisted.ensureDeferred
    async def test_what_never_fits_is_not_to_be_tried_again(self, files: Any) -> None:
        with pytest.raises(FileQuotaExceeded, match=r"any number of files and 4 bytes may$"):
            await files.add(file("f1"), FileQuota(bytes=4))
        await keep(files, "f2", size=4)
        with pytest.raises(FileQuotaExceeded, match="try again when some were fetched$"):
            await files.add(file("f1"), FileQuota(bytes=8))

    @pytest_twisted.ensureDeferred
    async def test_what_fits_exactly_fits(self, files: Any) -> None:
        quota = FileQuota(files=2, bytes=10, source_files=2, source_bytes=10, bytes_in_all=10)
        for key in ("f1", "f2"):
            await files.add(file(key), quota)

    @pytest_twisted.ensureDeferred
    async def test_the_quota_holds_for_many_at_once(self, files: Any) -> None:
        adding = [files.add(file(f"f{number}"), FileQuota(files=3)) for number in range(8)]
        outcomes = await DeferredList(adding, consumeErrors=True)
        assert [ok for ok, _ in outcomes].count(True) == 3
        assert await files.totals() == (3, 15)

    @pytest_twisted.ensureDeferred
    async def test_the_server_s_own_count_for_no_sender(self, files: Any) -> None:
        quota = FileQuota(source_files=1, source_bytes=1)
        for key in ("f1", "f2"):
            await files.add(file(key, source=None), quota)

    @pytest_twisted.ensureDeferred
    async def test_mailboxes_tell_for_whom_anything_is_kept_and_since_when(self, files: Any) -> None:
        await keep(files, "f1", received_at=2000.0)
        await keep(files, "f2", received_at=1000.5)
        await keep(files, "f3", target="carol", size=0)
        bob, carol = FileMailbox("bob", 2, 10, 1000.5), FileMailbox("carol", 1, 0, 1000.25)
        assert await files.mailboxes(None, 10) == [bob, carol]
        assert await files.mailboxes(None, 1) == [bob]
        assert await files.mailboxes("bob", 10) == [carol]
        assert await files.mailboxes(None, 0) == []

    @pytest_twisted.ensureDeferred
    async def test_what_expired_is_taken_away(self, files: Any) -> None:
        await keep(files, "f1", expires_at=100.0)
        await keep(files, "f2", expires_at=200.0)
        await keep(files, "f3", target="carol", expires_at=100.0)
        assert await files.expire(99.9) == 0
        assert await files.expire(100.0) == 2
        assert (await ids(files), await ids(files, "carol")) == (["f2"], [])

    @pytest_twisted.ensureDeferred
    async def test_purging_one_or_all_by_age_in_portions(self, files: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("esframework.stores.sql.offline_file_table.LARGEST_DELETION", 2)
        for target in ("bob", "carol"):
            await keep(files, "o1", "o2", "o3", target=target, received_at=100.0)
            await keep(files, "new", target=target, received_at=200.0)
        assert await files.purge("bob", 200.0) == 3
        assert await files.purge("bob", None) == 1
        assert await files.purge(None, 200.0) == 3
        assert await files.purge(None, None) == 1
        assert await files.totals() == (0, 0)

    @pytest_twisted.ensureDeferred
    async def test_an_account_s_files_go_with_it_and_not_those_that_it_left(self, files: Any, stores: Any) -> None:
        await keep(files, "f0")
        await stores.accounts.add("bob", "a long password")
        assert await ids(files) == []
        await keep(files, "f1")
        await keep(files, "f2", target="carol", source="bob")
        await stores.accounts.remove("bob")
        assert (await ids(files), await ids(files, "carol")) == ([], ["f2"])

    @pytest.mark.parametrize("name", POSSIBLE.values(), ids=POSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_names_are_kept_as_they_are(self, files: Any, name: str) -> None:
        kept = await files.add(file("f1", name, source=name, name=name, comment=name), NO_LIMIT)
        assert await files.waiting(name, 0, 10) == await files.left_by(name, 0, 10) == [kept]
        assert await files.remove(name, [kept.number]) == 1

    @pytest.mark.parametrize("name", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_impossible_names_are_refused_and_unknown(self, files: Any, name: str) -> None:
        for changes in ({"target": name}, {"source": name}):
            with pytest.raises(InvalidUserId):
                await keep(files, "f1", **changes)
        assert await files.waiting(name, 0, 10) == await files.left_by(name, 0, 10) == []
        assert await files.find(name, "alice", "f1") is None
        assert await files.find("bob", name, "f1") is None
        assert await files.usage(name, name) == FileUsage()
        assert await files.remove(name, [1]) == await files.purge(name, None) == 0
        await files.handed_out(name, 1)

    @pytest.mark.parametrize("text", ["x" * 5000, "\0", "\ud800"])
    @pytest.mark.parametrize("field", ["id", "blob", "name", "comment"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_texts_are_refused(self, files: Any, field: str, text: str) -> None:
        with pytest.raises(InvalidText):
            await files.add(file("f1", **{field: text}), NO_LIMIT)
        assert await files.totals() == (0, 0)
        assert await files.find("bob", "alice", text) is None
        assert await files.known([text]) == set()

    @pytest.mark.parametrize("field", ["id", "blob"])
    @pytest_twisted.ensureDeferred
    async def test_what_names_it_cannot_be_empty(self, files: Any, field: str) -> None:
        with pytest.raises(InvalidText):
            await files.add(file("f1", **{field: ""}), NO_LIMIT)
