"""What every `IOfflineStore` promises, asked of each backend."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList, gatherResults

from esframework.errors import InvalidText, InvalidUserId, QuotaExceeded
from esframework.interfaces import Mailbox, MessageSummary, Quota, StoredMessage
from tests.interface.names import IMPOSSIBLE, POSSIBLE

NO_LIMIT = Quota(0, 0)
TEN = 10_000


def message(key: str, target: str = "bob", content: bytes | None = b"hello", **changes: Any) -> StoredMessage:
    made = StoredMessage(key, target, "alice", 4, 7, content, 1000.25, 2000.5)
    return replace(made, **changes)


@pytest.fixture
def offline(stores: Any) -> Any:
    return stores.offline


async def keep(offline: Any, *keys: str, **changes: Any) -> list[int]:
    return [await offline.keep(message(key, **changes), NO_LIMIT) for key in keys]


class TestOfflineStore:
    """The contract; each method begins with an empty store."""

    @pytest_twisted.ensureDeferred
    async def test_nothing_waits_at_first(self, offline: Any) -> None:
        assert await offline.waiting("bob", 0, 10, TEN) == []
        assert await offline.summaries("bob", 0, 10) == []
        assert await offline.usage("bob") == await offline.totals() == (0, 0)

    @pytest_twisted.ensureDeferred
    async def test_a_message_is_kept_as_it_came(self, offline: Any) -> None:
        kept = message("m1")
        number = await offline.keep(kept, NO_LIMIT)
        assert number > 0
        assert await offline.waiting("bob", 0, 10, TEN) == [replace(kept, number=number)]

    @pytest.mark.parametrize("content", [None, b"", b"\0\xff", bytes(100_000)], ids=["none", "empty", "any", "large"])
    @pytest_twisted.ensureDeferred
    async def test_any_content_is_kept_and_none_is_not_empty(self, offline: Any, content: bytes | None) -> None:
        await keep(offline, "m1", content=content, source=None, source_device=None)
        [kept] = await offline.waiting("bob", 0, 10, TEN)
        assert kept.content == content
        assert (kept.source, kept.source_device) == (None, None)
        assert (await offline.usage("bob")) == (1, len(content or b""))

    @pytest_twisted.ensureDeferred
    async def test_messages_are_handed_over_in_the_order_in_which_they_came(self, offline: Any) -> None:
        keys = [f"m{number}" for number in range(50)]
        numbers = await gatherResults([offline.keep(message(key), NO_LIMIT) for key in keys])
        assert numbers == sorted(set(numbers))
        assert [one.id for one in await offline.waiting("bob", 0, 100, TEN)] == keys

    @pytest_twisted.ensureDeferred
    async def test_they_are_read_in_portions(self, offline: Any) -> None:
        first, second, third = await keep(offline, "m1", "m2", "m3", content=b"x" * 10)
        assert [one.number for one in await offline.waiting("bob", 0, 2, TEN)] == [first, second]
        assert [one.number for one in await offline.waiting("bob", second, 2, TEN)] == [third]
        assert [one.number for one in await offline.waiting("bob", 0, 10, 25)] == [first, second]
        assert [one.number for one in await offline.waiting("bob", 0, 10, 5)] == [first]
        assert await offline.waiting("bob", 0, 0, TEN) == []
        assert await offline.waiting("bob", third, 10, TEN) == []

    @pytest_twisted.ensureDeferred
    async def test_summaries_tell_everything_but_the_content(self, offline: Any) -> None:
        [number] = await keep(offline, "m1", content=b"hello")
        assert await offline.summaries("bob", 0, 10) == [
            MessageSummary("m1", "bob", "alice", 4, 7, 5, 1000.25, 2000.5, 0, number)
        ]
        await keep(offline, "m2", content=None)
        assert [one.size for one in await offline.summaries("bob", 0, 10)] == [5, 0]
        assert len(await offline.summaries("bob", 0, 1)) == 1
        assert len(await offline.summaries("bob", number, 10)) == 1

    @pytest_twisted.ensureDeferred
    async def test_what_was_handed_out_is_counted_and_still_there(self, offline: Any) -> None:
        first, second = await keep(offline, "m1", "m2")
        await offline.handed_out("bob", [first])
        await offline.handed_out("bob", [first, 999_999])
        await offline.handed_out("alice", [second])
        assert [one.handed_out for one in await offline.waiting("bob", 0, 10, TEN)] == [2, 0]

    @pytest_twisted.ensureDeferred
    async def test_what_was_handed_out_before_it_was_kept_is_kept_as_such(self, offline: Any) -> None:
        [number] = await keep(offline, "m1", handed_out=1)
        await offline.handed_out("bob", [number])
        assert [one.handed_out for one in await offline.waiting("bob", 0, 10, TEN)] == [2]

    @pytest_twisted.ensureDeferred
    async def test_mailboxes_tell_for_whom_anything_waits_and_since_when(self, offline: Any) -> None:
        assert await offline.mailboxes(None, 10) == []
        await keep(offline, "m1", received_at=2000.0)
        await keep(offline, "m2", received_at=1000.5)
        [gone] = await keep(offline, "m3", target="dave")
        await keep(offline, "m4", target="carol", content=None)
        await offline.acknowledge("dave", [gone])
        bob, carol = Mailbox("bob", 2, 10, 1000.5), Mailbox("carol", 1, 0, 1000.25)
        assert await offline.mailboxes(None, 10) == [bob, carol]
        assert await offline.mailboxes(None, 1) == [bob]
        assert await offline.mailboxes("bob", 10) == [carol]
        assert await offline.mailboxes(None, 0) == []

    @pytest_twisted.ensureDeferred
    async def test_what_was_acknowledged_is_gone(self, offline: Any) -> None:
        first, second, third = await keep(offline, "m1", "m2", "m3")
        assert await offline.acknowledge("alice", [first]) == 0
        assert await offline.acknowledge("bob", [first, third, 999_999]) == 2
        assert await offline.acknowledge("bob", [first]) == 0
        assert await offline.acknowledge("bob", []) == 0
        assert [one.number for one in await offline.waiting("bob", 0, 10, TEN)] == [second]
        assert await offline.usage("bob") == (1, 5)

    @pytest_twisted.ensureDeferred
    async def test_numbers_are_never_given_again(self, offline: Any) -> None:
        first, second = await keep(offline, "m1", "m2")
        await offline.acknowledge("bob", [first, second])
        [third] = await keep(offline, "m3")
        assert third > second

    @pytest_twisted.ensureDeferred
    async def test_the_same_message_twice_is_kept_once(self, offline: Any) -> None:
        [first] = await keep(offline, "m1")
        [again] = await keep(offline, "m1", content=b"another")
        assert again == first
        both = await gatherResults([offline.keep(message("m2"), NO_LIMIT) for _ in range(2)])
        assert both[0] == both[1]
        [elsewhere] = await keep(offline, "m1", target="carol")
        assert elsewhere != first
        assert [one.content for one in await offline.waiting("bob", 0, 10, TEN)] == [b"hello", b"hello"]
        assert await offline.totals() == (3, 15)

    @pytest_twisted.ensureDeferred
    async def test_the_quota_of_messages_is_kept(self, offline: Any) -> None:
        quota = Quota(2, 0)
        for key in ("m1", "m2"):
            await offline.keep(message(key), quota)
        with pytest.raises(QuotaExceeded, match=r"2 messages \(10 bytes\).*'bob'.*2 messages"):
            await offline.keep(message("m3"), quota)
        assert await offline.keep(message("m1"), quota)
        assert await offline.keep(message("m1", "carol"), quota)

    @pytest_twisted.ensureDeferred
    async def test_the_quota_of_bytes_is_kept(self, offline: Any) -> None:
        quota = Quota(0, 10)
        await offline.keep(message("m1", content=b"123456"), quota)
        with pytest.raises(QuotaExceeded, match=r"6 bytes.*10 bytes") as refusal:
            await offline.keep(message("m2", content=b"12345"), quota)
        assert (refusal.value.target, refusal.value.messages, refusal.value.bytes) == ("bob", 1, 6)
        [number] = await keep(offline, "m3", content=b"1234")
        await offline.acknowledge("bob", [number])
        await offline.keep(message("m4", content=b"1234"), quota)

    @pytest_twisted.ensureDeferred
    async def test_the_quota_holds_for_many_at_once_and_stops_nobody_else(self, offline: Any) -> None:
        keeps = [offline.keep(message(f"m{number}"), Quota(3, 0)) for number in range(10)]
        keeps += [offline.keep(message("m0", "carol"), Quota(3, 0)), offline.keep(message("", "carol"), NO_LIMIT)]
        outcomes = await DeferredList(keeps, consumeErrors=True)
        assert [ok for ok, _ in outcomes] == [True] * 3 + [False] * 7 + [True, False]
        assert {outcome.type for ok, outcome in outcomes if not ok} == {QuotaExceeded, InvalidText}
        assert await offline.usage("bob") == (3, 15)

    @pytest_twisted.ensureDeferred
    async def test_what_expired_is_taken_away(self, offline: Any) -> None:
        await keep(offline, "m1", expires_at=100.0)
        await keep(offline, "m2", expires_at=200.0)
        await keep(offline, "m1", target="carol", expires_at=100.0)
        assert await offline.expire(99.9) == 0
        assert await offline.expire(100.0) == 2
        assert await offline.totals() == (1, 5)
        assert await offline.usage("carol") == (0, 0)

    @pytest.mark.parametrize(("limit", "value"), [("LARGEST_DELETION", 2), ("LARGEST_DELETION_BYTES", 12)])
    @pytest_twisted.ensureDeferred
    async def test_many_are_deleted_in_portions(
        self, offline: Any, monkeypatch: pytest.MonkeyPatch, limit: str, value: int
    ) -> None:
        monkeypatch.setattr(f"esframework.stores.sql.offline_table.{limit}", value)
        await keep(offline, *(f"m{number}" for number in range(5)), expires_at=100.0)
        await keep(offline, "long", content=bytes(100), expires_at=100.0)
        await keep(offline, "later", expires_at=200.0)
        assert await offline.expire(100.0) == 6
        await keep(offline, *(f"n{number}" for number in range(5)))
        await keep(offline, "other", target="carol")
        assert await offline.purge("bob", None) == 6
        assert await offline.totals() == (1, 5)

    @pytest_twisted.ensureDeferred
    async def test_purging_one_or_all_by_age(self, offline: Any) -> None:
        for target in ("bob", "carol"):
            await keep(offline, "old", target=target, received_at=100.0)
            await keep(offline, "new", target=target, received_at=200.0)
        assert await offline.purge("bob", 200.0) == 1
        assert await offline.purge("bob", None) == 1
        assert await offline.purge(None, 200.0) == 1
        assert await offline.totals() == (1, 5)
        assert await offline.purge(None, None) == 1
        assert await offline.totals() == (0, 0)

    @pytest.mark.parametrize("name", POSSIBLE.values(), ids=POSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_names_are_kept_as_they_are(self, offline: Any, name: str) -> None:
        [number] = await keep(offline, name[:40], target=name, source=name)
        [kept] = await offline.waiting(name, 0, 10, TEN)
        assert (kept.id, kept.target, kept.source) == (name[:40], name, name)
        assert await offline.acknowledge(name, [number]) == 1

    @pytest.mark.parametrize("name", IMPOSSIBLE.values(), ids=IMPOSSIBLE.keys())
    @pytest_twisted.ensureDeferred
    async def test_impossible_names_are_refused_and_unknown(self, offline: Any, name: str) -> None:
        with pytest.raises(InvalidUserId):
            await keep(offline, "m1", target=name)
        with pytest.raises(InvalidUserId):
            await keep(offline, "m1", source=name)
        assert await offline.waiting(name, 0, 10, TEN) == await offline.summaries(name, 0, 10) == []
        assert await offline.usage(name) == (0, 0)
        assert await offline.acknowledge(name, [1]) == await offline.purge(name, None) == 0

    @pytest.mark.parametrize("key", ["", "x" * 129, "\0", "\ud800"])
    @pytest_twisted.ensureDeferred
    async def test_impossible_ids_are_refused(self, offline: Any, key: str) -> None:
        with pytest.raises(InvalidText):
            await keep(offline, key)
        assert await offline.totals() == (0, 0)
