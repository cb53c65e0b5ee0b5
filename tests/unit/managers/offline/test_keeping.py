"""What is kept for absent users, and what senders hear of it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import pytest
from twisted.internet.defer import Deferred, succeed

from esframework import limits
from esframework.errors import EncodeError, KeptOffline, NotDelivered, NotKept, QuotaExceeded, TargetAbsent
from esframework.managers.offline.options import OfflineOptions
from esframework.server.options import ServerOptions
from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.stores.threads import BoundedPool
from esframework.stores.verifier import AccountVerifier
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.information import encode_information
from esframework.wire.login_id import Source
from esframework.wire.types import Level, MessageType, RequestFailure
from tests.peers import FramePeer, Recorder, record
from tests.unit.managers.accounts.house import AtOnce
from tests.unit.managers.offline.parts import EPOCH, keeping_server


async def contents(server: Any, user_id: str) -> list[bytes | None]:
    return [message.content for message in await server.stores.offline.waiting(user_id, 0, 1000, 10**6)]


# --- what is kept ---------------------------------------------------------------------------------------------------
@simulated
async def test_information_for_somebody_absent_is_kept_in_order_with_its_time(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    kept = record(server.offline.kept)
    alice = await network.client("alice")
    network.advance(2.5)
    alice.custom.post("bob", 1, b"posted")
    await alice.custom.send("bob", 2, None)
    with pytest.raises(KeptOffline) as caught:
        await alice.custom.send_acked("bob", 3, b"acked")
    first, second, third = await server.stores.offline.waiting("bob", 0, 10, 1000)
    assert (first.target, first.source, first.information_type, first.content) == ("bob", "alice", 1, b"posted")
    assert (first.source_device, first.handed_out) == (10, 0)
    assert first.received_at == EPOCH + network.seconds()
    assert first.expires_at == first.received_at + limits.OFFLINE_EXPIRY
    assert (second.content, third.content) == (None, b"acked")
    assert caught.value.id == third.id and caught.value.target == "bob"
    assert [message for _, message in kept] == [first, second, third]
    assert len({first.id, second.id, third.id}) == 3


@simulated
async def test_blobs_and_queries_are_never_kept(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    alice = await network.client("alice")
    await alice.custom.send_blob("bob", 1, bytes(100_000))
    with pytest.raises(TargetAbsent):
        await alice.custom.query("bob", 1, b"")
    network.settle()
    assert await contents(server, "bob") == []


@simulated
async def test_what_is_for_one_device_is_kept_for_its_user(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    alice = await network.client("alice")
    alice.custom.post("3#bob", 1, b"hello")
    network.settle()
    assert await contents(server, "bob") == [b"hello"]


@simulated
async def test_what_is_for_a_number_that_means_no_device_is_not_kept_for_the_others(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    failed = record(server.custom.transmit_failed)
    alice = FramePeer(network, "alice").online()
    alice.say("77#bob", 1, b"for nobody")
    alice.say("9#bob", 1, b"for a device")
    assert await contents(server, "bob") == [b"for a device"]
    assert [information.target for _, information in failed] == ["77#bob", "9#bob"]


@simulated
async def test_nothing_is_kept_for_users_that_do_not_exist(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    refused = record(server.offline.refused)
    alice = await network.client("alice")
    with pytest.raises(TargetAbsent):
        await alice.custom.send_acked("nobody", 1, b"hello")
    assert await server.stores.offline.totals() == (0, 0)
    assert refused == [("refused", "nobody", RequestFailure.TARGET_ABSENT)]
    assert server.refusals.counts["offline_target_absent"] == 1


@simulated
async def test_without_a_policy_the_account_store_knows_who_exists(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = MemoryStores()
    monkeypatch.setattr(stores.accounts, "exists", lambda user_id: succeed(user_id == "bob"))
    server = network.server(stores=stores)
    alice = await network.client("alice")
    assert await alice.offline.send("bob", 1, b"hello") is Level.STORED_ON_DISK
    with pytest.raises(TargetAbsent):
        await alice.offline.send("carol", 1, b"hello")
    assert await contents(server, "bob") == [b"hello"]


@simulated
async def test_an_account_that_is_deleted_or_made_is_noticed_at_once(network: MemoryNetwork) -> None:
    stores = MemoryStores(PasswordPool(PasswordHashing(memory=8, rounds=1), cast(BoundedPool, AtOnce())))
    server = network.server(verifier=AccountVerifier(stores.accounts), stores=stores)
    for name in ("alice", "bob"):
        await server.accounts.register(name, "correct horse")
    alice = await network.client("alice", "correct horse")
    assert await alice.offline.send("bob", 1, b"for the first bob") is Level.STORED_ON_DISK
    await server.accounts.delete("bob")
    with pytest.raises(TargetAbsent):
        await alice.offline.send("bob", 1, b"for nobody")
    await server.accounts.register("bob", "battery staple")
    assert await alice.offline.send("bob", 1, b"for the second bob") is Level.STORED_ON_DISK
    assert await contents(server, "bob") == [b"for the second bob"]


@simulated
async def test_an_engine_without_stores_keeps_nothing_by_itself_and_what_it_is_told(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    with pytest.raises(TargetAbsent):
        await alice.offline.send("bob", 1, b"hello")
    assert not server.offline.is_enabled
    await server.offline.leave("bob", 1, b"from the server")
    assert await contents(server, "bob") == [b"from the server"]


@simulated
async def test_an_engine_may_be_told_to_keep_in_memory(network: MemoryNetwork) -> None:
    options = ServerOptions(offline=OfflineOptions(enabled=True, has_user=lambda user_id: True))
    network.server(options=options)
    alice = await network.client("alice")
    assert await alice.offline.send("bob", 1, b"hello") is Level.STORED_ON_DISK


@simulated
async def test_the_policy_chooses_information_types(network: MemoryNetwork) -> None:
    server = keeping_server(network, types=(range(10, 20), range(30, 31)))
    alice = await network.client("alice")
    for information_type in (9, 10, 19, 20, 30, 31):
        alice.custom.post("bob", information_type, b"%d" % information_type)
    network.settle()
    assert await contents(server, "bob") == [b"10", b"19", b"30"]


@simulated
async def test_the_policy_may_look_at_the_message_and_one_that_fails_keeps_nothing(network: MemoryNetwork) -> None:
    def keeps(message: Any) -> bool:
        return 10 // message.information_type == 2

    server = keeping_server(network, keeps=keeps)
    alice = await network.client("alice")
    for information_type in (5, 0, 6):
        alice.custom.post("bob", information_type, b"%d" % information_type)
    network.settle()
    assert await contents(server, "bob") == [b"5"]
    assert len(network.failures.take(ZeroDivisionError)) == 1


@simulated
async def test_whether_a_user_exists_may_be_awaited_and_order_is_kept_meanwhile(network: MemoryNetwork) -> None:
    asked: list[Deferred[bool]] = []

    async def has_user(user_id: str) -> bool:
        asked.append(Deferred())
        return await asked[-1]

    server = keeping_server(network, has_user=has_user)
    alice = await network.client("alice")
    for number in range(3):
        alice.custom.post("bob", 1, b"%d" % number)
    network.settle()
    assert len(asked) == 1
    asked[0].callback(True)
    alice.custom.post("bob", 1, b"3")
    network.settle()
    assert await contents(server, "bob") == [b"0", b"1", b"2", b"3"]
    assert len(asked) == 1


# --- what senders hear ----------------------------------------------------------------------------------------------
@simulated
async def test_a_sender_hears_where_its_message_is(network: MemoryNetwork) -> None:
    keeping_server(network)
    alice = await network.client("alice")
    await network.client("bob", handler=Recorder())
    assert await alice.offline.send("bob", 1, b"hello") is Level.RECEIVER_HAS_IT
    assert await alice.offline.send("carol", 1, b"hello") is Level.STORED_ON_DISK


@simulated
async def test_a_full_quota_is_told_with_numbers_and_a_quota_is_each_users_own(network: MemoryNetwork) -> None:
    server = keeping_server(network, messages=2, bytes=10)
    refused = record(server.offline.refused)
    alice = await network.client("alice")
    for content in (b"1234", b"123456"):
        await alice.offline.send("bob", 1, content)
    with pytest.raises(NotDelivered, match="2 messages .10 bytes. wait for 'bob'; at most 2") as caught:
        await alice.offline.send("bob", 1, b"")
    assert caught.value.reason == RequestFailure.QUOTA_EXCEEDED
    assert await alice.offline.send("carol", 1, b"1234567890") is Level.STORED_ON_DISK
    with pytest.raises(NotDelivered, match="10 bytes"):
        await alice.offline.send("carol", 1, b"1")
    assert refused[0] == ("refused", "bob", RequestFailure.QUOTA_EXCEEDED)
    assert server.refusals.counts["offline_quota_exceeded"] == 2


@simulated
async def test_a_store_that_fails_is_told_without_its_secrets(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    alice = await network.client("alice")
    server.stores.offline.is_away = True
    with pytest.raises(NotDelivered, match="the server's store failed") as caught:
        await alice.offline.send("bob", 1, b"hello")
    assert caught.value.reason == RequestFailure.STORE_FAILED
    assert "secret" not in str(caught.value)
    server.stores.offline.is_away = False
    assert await alice.offline.send("bob", 1, b"hello") is Level.STORED_ON_DISK


@simulated
async def test_a_content_that_could_not_be_handed_over_is_refused(network: MemoryNetwork) -> None:
    keeping_server(network)
    alice = await network.client("alice")
    longest = limits.MAX_MESSAGE - limits.OFFLINE_ENVELOPE
    assert await alice.offline.send("bob", 1, bytes(longest)) is Level.STORED_ON_DISK
    with pytest.raises(NotDelivered, match="can be kept") as caught:
        await alice.offline.send("bob", 1, bytes(longest + 1))
    assert caught.value.reason == RequestFailure.TOO_LONG
    handler = Recorder()
    await network.client("bob", handler=handler, options=replace(alice.options, offline_ready=True))
    network.settle()
    assert handler.contents == [bytes(longest)]


@simulated
async def test_too_many_that_wait_for_an_answer_are_refused(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_KEEPS_WAITING", 2)
    never: Deferred[bool] = Deferred()
    server = keeping_server(network, has_user=lambda user_id: never)
    alice = await network.client("alice")
    alice.custom.post("bob", 1, b"1")
    alice.custom.post("bob", 1, b"2")
    with pytest.raises(NotDelivered) as caught:
        await alice.offline.send("bob", 1, b"3")
    assert caught.value.reason == RequestFailure.BUSY
    never.callback(True)
    assert await contents(server, "bob") == [b"1", b"2"]


@simulated
async def test_a_foreign_sender_hears_nothing_and_is_counted(network: MemoryNetwork) -> None:
    server = keeping_server(network, messages=1)
    foreign = FramePeer(network, "foreign").online()
    foreign.say("bob")
    foreign.send(MessageType.ACKED_INFORMATION, encode_information(1, b"hello"), 77, "bob")
    assert foreign.take() == []
    assert await contents(server, "bob") == [b"hello"]
    assert server.refusals.counts["offline_quota_exceeded"] == 1


@simulated
async def test_a_sender_that_is_gone_disturbs_nobody(network: MemoryNetwork) -> None:
    answer: Deferred[bool] = Deferred()
    server = keeping_server(network, has_user=lambda user_id: answer)
    alice = await network.client("alice")
    alice.custom.post("bob", 1, b"hello")
    network.settle()
    await alice.close()
    answer.callback(True)
    assert await contents(server, "bob") == [b"hello"]


# --- the server's own calls -----------------------------------------------------------------------------------------
@simulated
async def test_an_application_may_keep_anything_with_an_id_of_its_own(network: MemoryNetwork) -> None:
    server = keeping_server(network, types=(), expiry=0)
    kept = await server.offline.leave("bob", 9, b"news", id="news-1", source=Source("alice", 4, "4#alice"))
    again = await server.offline.leave("bob", 9, b"news", id="news-1")
    assert (kept.number, kept.source, kept.source_device) == (again.number, "alice", 4)
    assert kept.expires_at > EPOCH + 100 * 365 * 86400
    with pytest.raises(EncodeError):
        await server.offline.leave("bob", 9, bytes(limits.MAX_MESSAGE))


@simulated
async def test_what_other_managers_carry_is_kept_as_the_policy_says(network: MemoryNetwork) -> None:
    server = keeping_server(network, types=(range(1, 2),), messages=1)
    more = {"source": "alice", "source_device": 4, "redelivered": True, "received_at": EPOCH - 5}
    kept = await server.offline.offer("bob", 1, b"x", id="the-id", **more)
    assert await server.stores.offline.waiting("bob", 0, 10, 1000) == [kept]
    assert (kept.id, kept.source_device, kept.handed_out, kept.received_at) == ("the-id", 4, 1, EPOCH - 5)
    assert (await server.offline.offer("bob", 1, b"x", id="the-id")).number == kept.number
    for target, information_type, reason in (
        ("bob", 1, RequestFailure.QUOTA_EXCEEDED),
        ("bob", 2, RequestFailure.TARGET_ABSENT),
        ("nobody", 1, RequestFailure.TARGET_ABSENT),
        ("*", 1, RequestFailure.INVALID),
    ):
        with pytest.raises(NotKept) as caught:
            await server.offline.offer(target, information_type, b"")
        assert caught.value.reason == reason
    with pytest.raises(QuotaExceeded):
        await server.offline.leave("bob", 2, b"")


@simulated
async def test_what_waits_can_be_purged(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    for target in ("bob", "bob", "carol"):
        await server.offline.leave(target, 1, b"x")
        network.advance(10)
    assert await server.offline.purge("bob", EPOCH + network.seconds() - 25) == 1
    assert await server.offline.purge(None) == 2


@simulated
async def test_what_has_expired_is_deleted_within_a_minute(network: MemoryNetwork) -> None:
    server = keeping_server(network, expiry=100)
    expired = record(server.offline.expired)
    await server.offline.leave("bob", 1, b"x")
    network.advance(90)
    assert len(await server.offline.waiting("bob")) == 1
    network.advance(70)
    assert await server.offline.waiting("bob") == []
    assert expired == [("expired", 1)]
    assert server.stores.offline.asked.count("expire") <= 4


@simulated
async def test_an_expiry_that_fails_is_tried_again(network: MemoryNetwork) -> None:
    server = keeping_server(network, expiry=10)
    await server.offline.leave("bob", 1, b"x")
    server.stores.offline.is_away = True
    network.advance(100)
    server.stores.offline.is_away = False
    network.advance(61)
    assert await server.offline.waiting("bob") == []


@simulated
async def test_nobody_is_asked_whether_there_is_a_user_who_cannot_be(network: MemoryNetwork) -> None:
    asked: list[str] = []
    server = keeping_server(network, has_user=lambda user_id: not asked.append(user_id))
    with pytest.raises(NotKept) as caught:
        await server.offline.offer("x" * 100_000, 1, b"")
    assert (caught.value.reason, asked) == (RequestFailure.INVALID, [])
