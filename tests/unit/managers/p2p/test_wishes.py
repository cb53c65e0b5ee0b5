"""Channels that are wanted: who waits is told once, and what fails is tried again until nobody wants it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.task import Clock

from esframework.errors import P2PConnectFailed
from esframework.limits import P2P_SOON_AGAIN
from esframework.managers.p2p.wishes import Wishes
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import P2PChannelMode
from tests.peers import Recorder, record
from tests.unit.managers.p2p.test_client import ALICE, Pair, device, seven


class Bench:
    """Wishes, what was offered, and what was tried again."""

    def __init__(self, keeps_trying: bool = True) -> None:
        self.clock = Clock()
        self.offered: list[str] = []
        self.again: list[str] = []
        self.wishes = Wishes(self.clock, keeps_trying, self.offered.append, self.again.append)

    def wait(self) -> Any:
        self.wishes.want("bob")
        return self.wishes.wait("bob")

    def fail(self) -> bool:
        return self.wishes.failed("bob", P2PConnectFailed("no"))


def test_many_who_wait_make_one_attempt_and_are_all_told() -> None:
    bench = Bench()
    waiting = [bench.wait(), bench.wait()]
    assert bench.offered == ["bob"]
    assert bench.fail()
    for each in waiting:
        assert each.addErrback(lambda failure: failure.type).result is P2PConnectFailed


@pytest.mark.parametrize("keeps_trying", [True, False])
def test_what_has_failed_or_was_lost_is_tried_again_if_options_say_so(keeps_trying: bool) -> None:
    bench = Bench(keeps_trying)
    bench.wait().addErrback(lambda _: None)
    bench.fail()
    bench.clock.advance(100)
    bench.wishes.lost({"bob", "3#bob"})
    bench.clock.advance(P2P_SOON_AGAIN)
    assert bench.again == ["bob", "bob"] * keeps_trying


def test_what_is_given_up_is_not_tried_again_and_nobody_goes_on_waiting() -> None:
    bench = Bench()
    bench.wait().addErrback(lambda _: None)
    bench.fail()
    waiting = bench.wait()
    bench.wishes.give_up("bob", "enough")
    with pytest.raises(P2PConnectFailed, match="'bob': enough"):
        waiting.result.raiseException()
    waiting.addErrback(lambda _: None)
    bench.clock.advance(1000)
    assert bench.again == []
    assert not bench.fail()
    assert bench.clock.getDelayedCalls() == []


@simulated
async def test_who_ends_it_and_wants_it_again_gets_another_one_and_not_what_closes(network: MemoryNetwork) -> None:
    pair = Pair(network)
    opened = record(pair.alice.p2p.channel_opened)
    await pair.alice.p2p.connect("bob")
    pair.alice.p2p.disconnect("bob")
    await pair.alice.p2p.connect("bob")
    assert len(opened) == 2
    network.advance(10)
    assert pair.alice.p2p.channel_exists("bob")


@simulated
async def test_a_channel_that_is_not_wanted_by_the_account_is_not_opened_again_for_its_device(
    network: MemoryNetwork,
) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    device(network, "3#bob", Recorder())
    for name in ("bob", "3#bob"):
        await alice.p2p.connect(name)
    alice.p2p.disconnect("bob")
    network.advance(60)
    assert alice.p2p.channel_states() == {}


@simulated
async def test_a_mode_that_is_allowed_again_brings_what_is_wanted(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.alice.p2p.mode = P2PChannelMode.NONE
    pair.bob.p2p._links.find("alice").channels[0].abort()
    network.advance(60)
    assert not pair.alice.p2p.channel_exists("bob")
    pair.alice.p2p.mode = P2PChannelMode.UDP
    network.advance(5)
    assert pair.alice.p2p.channel_exists("bob")
