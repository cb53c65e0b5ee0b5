"""What a client does when its server is of another make, or does not answer."""

from __future__ import annotations

import pytest

from esframework import ClientOptions, OnBusy
from esframework.errors import ConnectionInterrupted, NotLoggedOn, RequestTimeout
from esframework.testing import MemoryNetwork, simulated
from tests.peers import record
from tests.unit.managers.contacts.house import Book, online


@simulated
async def test_a_server_of_another_make_gets_the_same_frames_and_makes_no_report(network: MemoryNetwork) -> None:
    network.server(contacts=Book(groups={"chess": ["alice", "bob"]}))
    alice, bob = await network.client("alice"), await network.client("bob")
    told = record(bob.contacts.broadcast_received)
    alice.basic.server_features = None
    assert await alice.contacts.broadcast("chess", 1, b"1") is None
    assert await alice.contacts.broadcast_blob("chess", 2, b"2" * 100_000) is None
    network.settle()
    assert [each[3] for each in told] == [1, 2]


@simulated
async def test_a_report_that_never_comes_is_a_time_out(network: MemoryNetwork) -> None:
    server = network.server(contacts=Book(groups={"chess": ["alice", "bob"]}))
    alice = await network.client("alice", options=ClientOptions(response_timeout=5.0))
    server.contacts.broadcasting.report = lambda *_: None
    for call in (alice.contacts.broadcast, alice.contacts.broadcast_blob):
        began = network.seconds()
        with pytest.raises(RequestTimeout):
            await call("chess", 1, b"x" * 100_000)
        assert network.seconds() - began == pytest.approx(5.0)
    assert len(alice.calls) == 0


@simulated
async def test_a_report_is_not_waited_for_on_a_connection_that_is_gone(network: MemoryNetwork) -> None:
    server = network.server(contacts=Book(groups={"chess": ["alice", "bob"]}))
    alice = await network.client("alice")
    server.contacts.broadcasting.report = lambda *_: None
    for call in (alice.contacts.broadcast, alice.contacts.broadcast_blob):
        asked = call("chess", 1, b"x")
        network.settle()
        network.cut(alice)
        with pytest.raises(ConnectionInterrupted):
            await asked
        network.advance(10)


@simulated
async def test_without_a_session_nothing_is_sent(network: MemoryNetwork) -> None:
    client = network.new_client()
    for call in (client.contacts.broadcast, client.contacts.post_broadcast):
        with pytest.raises(NotLoggedOn):
            call("chess", 1, b"")
    with pytest.raises(NotLoggedOn):
        await client.contacts.broadcast_blob("chess", 1, b"")


@simulated
async def test_a_post_is_dropped_on_a_busy_connection_if_it_may_be(network: MemoryNetwork) -> None:
    network.server(contacts=Book(groups={"chess": ["bob"]}))
    alice = await network.client("alice", options=ClientOptions(high_water=1000))
    list(online(network, "bob"))
    network.connection_of(alice).server.hold(True)
    while alice.contacts.post_broadcast("chess", 1, bytes(5000), on_busy=OnBusy.DISCARD):
        network.settle()
    assert alice.contacts.post_broadcast("chess", 1, b"") is True
    network.connection_of(alice).server.hold(False)
