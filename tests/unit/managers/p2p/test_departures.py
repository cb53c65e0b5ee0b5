"""Waiting until what was sent by a link has left: neither for longer than it takes, nor for ever."""

from __future__ import annotations

from typing import Any

from esframework.testing import MemoryNetwork, simulated
from tests.linked import Friends


@simulated
async def test_whoever_waits_for_each_message_waits_for_no_answer(network: MemoryNetwork) -> None:
    network.datagrams.conditions.delay = 0.05
    friends = Friends(network)
    friends.connect()
    began = network.seconds()
    for _ in range(100):
        assert await friends.alice.custom.send("bob", 1, b"x")
    assert network.seconds() - began < 0.1
    network.advance(1)
    assert len(friends.at_bob.contents) == 100
    friends.part()


@simulated
async def test_a_blob_has_left_when_the_line_has_taken_it(network: MemoryNetwork) -> None:
    conditions = network.datagrams.conditions
    conditions.delay, conditions.rate, conditions.queue = 0.02, 125_000, 0.5
    friends = Friends(network)
    friends.connect()
    began = network.seconds()
    assert await friends.alice.custom.send_blob("bob", 1, bytes(500_000))
    assert 3.0 < network.seconds() - began < 8.0
    network.advance(2)
    assert friends.at_bob.contents == [bytes(500_000)]
    friends.part()


def waiting(friends: Friends) -> list[Any]:
    """Information on a path that is cut, so much that some of it waits."""
    friends.cut_path()
    ended: list[Any] = []
    for _ in range(3):
        friends.alice.custom.send("bob", 1, bytes(100_000)).addBoth(ended.append)
    friends.network.advance(1)
    assert ended == []
    return ended


@simulated
async def test_what_waits_for_a_channel_that_is_lost_leaves_by_the_server(network: MemoryNetwork) -> None:
    friends = Friends(network, keeps_trying=False)
    friends.connect()
    ended = waiting(friends)
    friends.kill_channel()
    network.advance(1)
    assert ended == [True, True, True]
    assert friends.at_bob.contents == [bytes(100_000)] * 3


@simulated
async def test_nobody_goes_on_waiting_when_the_session_is_over(network: MemoryNetwork) -> None:
    friends = Friends(network, keeps_trying=False)
    friends.connect()
    ended = waiting(friends)
    network.unplug(friends.alice)
    network.run(friends.alice.close())
    network.advance(1)
    assert len(ended) == 3
