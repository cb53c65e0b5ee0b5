"""Clients that mean harm, to accounts, contacts, groups and messages that wait: against the real daemon."""

from __future__ import annotations

import random
import re

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList

from esframework import ClientEngine
from esframework.errors import KeptOffline, LogonFailed, NotDelivered, RequestError
from esframework.managers.contacts.contracts import BROADCAST, BroadcastBody
from esframework.managers.groups.contracts import GROUP, GroupBody
from esframework.wire.contracts import REQUEST_FAILED
from esframework.wire.types import MessageType, RequestFailure
from tests.integration.strange_people import Fuzzer, with_one_long_name
from tests.integration.support import OURS, Conversation, Daemon, Raw, logged_on, reactor, until, within
from tests.integration.test_hostile import MEBIBYTE, Start, healthy
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.integration
STORED = "[contacts]\nsource = 'stored'\n"
REGISTERING = "[accounts]\nregister = true\nfree_registrations = 0\n"
PASSWORD = "correct horse"


def quiet(daemon: Daemon) -> bool:
    """As `healthy`, and nothing that a peer sent made anything fail."""
    return healthy(daemon) and not re.search(r"#(critical|error)\]", daemon.shown)


# --- bytes that are almost right ------------------------------------------------------------------------------------
@pytest.mark.parametrize("program", ["raw", OURS], ids=["another make", "one that says it is ours"])
@pytest_twisted.ensureDeferred
async def test_thousands_of_strange_frames_to_every_manager_disturb_nobody(start: Start, program: str) -> None:
    daemon = await start("--open", config=STORED).ready()
    talk = await Conversation.begun(daemon.endpoint)
    before = daemon.resident
    fuzzer, dice = Fuzzer(3), random.Random(3)
    for _ in range(150):
        peer = await Raw.logged_on(daemon.endpoint, "fuzz", program=program)
        peer.write(b"".join(fuzzer.frame(peer, "fuzz") for _ in range(dice.randrange(1, 40))))
        peer.finish()
        await peer.is_closed()
    await talk.goes_on()
    assert await talk.end() > 20
    assert "broke the protocol" in daemon.shown
    assert quiet(daemon), daemon.shown
    assert daemon.resident - before < 24 * MEBIBYTE


@pytest_twisted.ensureDeferred
async def test_a_mebibyte_for_a_name_is_answered_in_short_and_forgotten(start: Start) -> None:
    daemon = await start("--open", config=STORED).ready()
    asking = await logged_on("asking", daemon.endpoint)
    before = daemon.resident
    for message_type, body in with_one_long_name(1_000_000):
        for target in ("_0", "_g"):
            peer = await Raw.logged_on(daemon.endpoint, "long", program=OURS)
            peer.write(peer.frame(message_type, body, "long", target, 7))
            peer.finish()
            await peer.is_closed()
            for frame in peer.frames:
                assert frame[0] == message_type or len(frame[4]) < 1000
    await asking.basic.ping()
    await asking.close()
    assert quiet(daemon), daemon.shown
    assert len(daemon.shown) < 100_000
    assert daemon.resident - before < 24 * MEBIBYTE


@pytest_twisted.ensureDeferred
async def test_names_of_groups_that_are_not_there_fill_no_memory(start: Start) -> None:
    daemon = await start("--open", config=STORED).ready()
    peer = await Raw.logged_on(daemon.endpoint, "namer", program=OURS)
    before = daemon.resident
    for number in range(100):
        body = BROADCAST.encode(
            BroadcastBody(
                action_type_on_channel_is_busy=0,
                content=b"",
                group_id=f"{number}" + "g" * 1_000_000,
                information_type=1,
                tag="",
            )
        )
        peer.write(peer.frame(MessageType.BROADCAST, body, "namer", number=number + 2))
    await until(lambda: len([1 for frame in peer.frames if frame[0] == MessageType.REQUEST_FAILED]) == 100, "answers")
    assert daemon.resident - before < 24 * MEBIBYTE
    peer.leave()
    assert quiet(daemon), daemon.shown


# --- too much of everything -----------------------------------------------------------------------------------------
@pytest_twisted.ensureDeferred
async def test_ten_thousand_groups_of_one_user_are_a_hundred(start: Start) -> None:
    daemon = await start("--open", config=STORED).ready()
    bomber = await Raw.logged_on(daemon.endpoint, "bomber", program=OURS)
    before = daemon.resident
    for number in range(10_000):
        bomber.write(
            bomber.frame(MessageType.JOIN_GROUP, GROUP.encode(GroupBody(f"g{number}")), "bomber", number=number + 2)
        )
    await until(lambda: len(bomber.frames) >= 10_000, "the answers")
    header = bomber.layout.header_size
    reasons = [REQUEST_FAILED.decode(frame[4][header:]).reason for frame in bomber.frames if frame[0] == 1001]
    assert set(reasons) == {RequestFailure.QUOTA_EXCEEDED, RequestFailure.TOO_FAST}
    assert len([1 for frame in bomber.frames if frame[0] == MessageType.JOIN_GROUP]) == 100
    assert daemon.resident - before < 16 * MEBIBYTE
    bomber.leave()


@pytest_twisted.ensureDeferred
async def test_members_who_never_read_hold_up_no_broadcast_and_fill_no_memory(start: Start) -> None:
    daemon = await start("--open", config="[limits]\nhard_limit = 4194304\nwrite_timeout = 2.0\n").ready()
    caster, listener = await logged_on("caster", daemon.endpoint), await logged_on("listener", daemon.endpoint)
    heard: list[bytes | None] = []
    listener.contacts.broadcast_received.subscribe(lambda *what: heard.append(what[3]))
    for client in (caster, listener):
        await client.groups.join("g")
    for number in range(30):
        sleeper = await Raw.logged_on(daemon.endpoint, f"sleeper{number}")
        sleeper.write(sleeper.frame(MessageType.JOIN_GROUP, GROUP.encode(GroupBody("g")), f"sleeper{number}", number=2))
        await sleeper.receives(MessageType.JOIN_GROUP)
        sleeper.stop_reading()
    before = daemon.resident
    for _ in range(200):
        await caster.contacts.broadcast("g", 1, bytes(64 * 1024))
    await until(lambda: len(heard) == 200, "the broadcasts at the one who reads")
    await daemon.shows("CHANNEL_CACHE_OVERFLOW", 30)
    # The same bytes wait for all of them.
    assert daemon.resident - before < 24 * MEBIBYTE
    for client in (caster, listener):
        await client.close()
    assert quiet(daemon), daemon.shown


@pytest_twisted.ensureDeferred
async def test_who_asks_for_what_waited_and_never_reads_fills_no_memory(start: Start) -> None:
    daemon = await start("--open", config="[offline]\nusers = 'everybody'\n").ready()
    sender = await logged_on("sender", daemon.endpoint)
    kept = [sender.custom.send_acked("sleepy", 1, bytes(12_000)) for _ in range(500)]
    outcomes = await within(DeferredList(kept, consumeErrors=True), "what became of them")
    assert {failure.type for _, failure in outcomes} == {KeptOffline}
    before = daemon.resident
    for _ in range(100):
        sleepy = await Raw.logged_on(daemon.endpoint, "sleepy", program=OURS)
        sleepy.stop_reading()
        sleepy.write(sleepy.frame(MessageType.OFFLINE_READY, b"", "sleepy", number=2) * 20)
        sleepy.finish()
    await sender.basic.ping()
    assert daemon.resident - before < 16 * MEBIBYTE
    got: list[object] = []

    class Awake:
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            got.append(content)

    awake = await logged_on("sleepy", daemon.endpoint, Awake())
    await awake.offline.ready()
    await until(lambda: len(got) == 500, "what waited")
    await awake.close()
    await sender.close()
    assert quiet(daemon), daemon.shown


# --- the database goes away -----------------------------------------------------------------------------------------
async def kept_for(target: str, sender: ClientEngine, content: bytes) -> bool:
    """Whether a message was kept on disk; else the sender was told that the store failed."""
    try:
        await sender.custom.send_acked(target, 1, content)
    except KeptOffline:
        return True
    except NotDelivered as error:
        assert error.reason == RequestFailure.STORE_FAILED
    return False


@pytest_twisted.ensureDeferred
async def test_a_database_that_is_stopped_under_a_daemon_loses_nothing_that_was_acknowledged(
    start: Start, postgresql: PostgreSQL
) -> None:
    daemon = await start("--store", postgresql.new_database(), config=REGISTERING).ready()
    alice, bob = ClientEngine(reactor=reactor), ClientEngine(reactor=reactor)
    for client, name in ((alice, "alice"), (bob, "bob")):
        await within(client.accounts.register(name, PASSWORD, daemon.endpoint), f"the account of {name}")
    await bob.close()
    await daemon.shows("bob logged off")
    kept = [number for number in range(20) if await kept_for("bob", alice, b"%d" % number)]
    assert kept == list(range(20))
    written = len(daemon.shown)
    postgresql.stop()
    for number in range(20, 60):
        assert not await kept_for("bob", alice, b"%d" % number)
        for asked in (alice.contacts.add("bob"), alice.accounts.modify({"a": "b"}), alice.groups.my_groups()):
            try:
                await asked
            except RequestError as error:
                assert "postgresql" not in str(error)
        newcomer = ClientEngine(reactor=reactor)
        with pytest.raises(LogonFailed, match="not available now; try again in"):
            await newcomer.log_on("bob", PASSWORD, daemon.endpoint)
    assert len(daemon.shown) - written < 40_000
    postgresql.start()
    kept += [number for number in range(60, 80) if await kept_for("bob", alice, b"%d" % number)]
    assert kept[20:] == list(range(60, 80))
    got: list[int] = []

    class Back:
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            got.append(int(content or b"-1"))

    bob = await logged_on("bob", daemon.endpoint, Back(), PASSWORD)
    await bob.offline.ready()
    await until(lambda: len(got) == len(kept), "what waited for bob")
    assert got == kept
    await alice.contacts.add("bob")
    for client in (alice, bob):
        await client.close()
    assert "Unhandled" not in daemon.shown
