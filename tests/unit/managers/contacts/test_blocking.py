"""Whoever is blocked does not get through: with messages, queries, deliveries, and what waits on the disk."""

from __future__ import annotations

import pytest

from esframework import (
    ClientEngine,
    ClientOptions,
    MessageType,
    OfflineOptions,
    ServerEngine,
    ServerOptions,
    Undelivered,
)
from esframework.errors import NotPermitted
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, Recorder, record

GUARDED = ServerOptions(open=False, offline=OfflineOptions(has_user=lambda user_id: True))


async def enemies(network: MemoryNetwork) -> tuple[ServerEngine, ClientEngine, ClientEngine, Recorder]:
    """Alice, and bob, who has blocked her after her first message went the fast way."""
    server = network.server(options=GUARDED, stores=MemoryStores())
    received = Recorder()
    alice, bob = await network.client("alice"), await network.client("bob", handler=received)
    await alice.custom.send_acked("bob", 1, b"before")
    await bob.contacts.block("alice")
    return server, alice, bob, received


@simulated
async def test_nothing_that_a_blocked_user_begins_arrives_and_it_is_told(network: MemoryNetwork) -> None:
    server, alice, _, received = await enemies(network)
    failed = record(server.custom.transmit_failed)
    await alice.custom.send("bob", 1, b"posted")
    for call in (alice.custom.send_acked("bob", 1, b"x"), alice.custom.query("bob", 1, b"x")):
        with pytest.raises(NotPermitted):
            await call
    with pytest.raises(Undelivered):
        await alice.delivery.send("bob", 1, b"x")
    await alice.custom.send_blob("bob", 1, b"x" * 100_000)
    network.settle()
    assert received.contents == [b"before"]
    assert received.queries == []
    assert server.refusals.counts["blocked"] >= 4
    # Refused, not failed: nobody may keep it for later.
    assert failed == []


@simulated
async def test_others_get_through_and_so_do_answers_of_the_blocked(network: MemoryNetwork) -> None:
    _, alice, bob, received = await enemies(network)
    carol = await network.client("carol")
    for content in (b"one", b"two"):
        await carol.custom.send_acked("bob", 1, content)
    assert received.contents == [b"before", b"one", b"two"]
    assert await bob.basic.ping("alice") >= 0
    await bob.custom.send_acked("alice", 1, b"to the blocked")


@simulated
async def test_a_block_holds_after_a_log_on_of_any_client_until_it_is_taken_back(network: MemoryNetwork) -> None:
    server, alice, bob, received = await enemies(network)
    await bob.close()
    network.settle()
    old = FramePeer(network, "bob").online()
    FramePeer(network, "alice2").online().say("bob")
    await alice.custom.send("bob", 1, b"to an old client")
    network.settle()
    assert [frame.source for frame in old.take(MessageType.INFORMATION)] == ["alice2"]
    bob = await network.client("4#bob", handler=received)
    await bob.contacts.unblock("alice")
    await alice.custom.send_acked("4#bob", 1, b"friends again")
    assert received.contents == [b"before", b"friends again"]
    assert server.router.admits("alice", "bob")


@simulated
async def test_what_was_kept_of_a_blocked_user_is_not_handed_over(network: MemoryNetwork) -> None:
    _, alice, bob, received = await enemies(network)
    carol = await network.client("carol")
    await bob.close()
    network.settle()
    for sender, content in ((alice, b"of the blocked"), (carol, b"of a friend")):
        await sender.offline.send("bob", 1, content)
    network.advance(1)
    bob = await network.client("bob", handler=received, options=ClientOptions(offline_ready=True))
    network.advance(2)
    assert received.contents == [b"before", b"of a friend"]
    assert await bob.offline.waiting() == []


@simulated
async def test_who_logs_off_takes_its_blocks_out_of_memory(network: MemoryNetwork) -> None:
    server, _, bob, _ = await enemies(network)
    assert not server.router.admits("alice", "bob")
    await bob.close()
    network.settle()
    assert server.router.admits("alice", "bob")
