"""One body for many: who gets it, who is passed over, and that it is encoded once."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from esframework import ServerOptions
from esframework.errors import EncodeError
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.frames import Layout
from esframework.wire.types import OnBusy
from tests.peers import FramePeer

BROADCAST = 704


@simulated
async def test_every_device_gets_it_but_the_one_that_sent_it(network: MemoryNetwork) -> None:
    server = network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    desktop = FramePeer(network, "9#alice", generation=7).online()
    bob = FramePeer(network, "bob", generation=7).online()
    sender = server.users.find_all("4#alice")[0]
    result = server.router.multicast(sender, "_chess", BROADCAST, b"body", ["alice", "bob", "carol"])
    assert (result.reached, result.busy, result.absent) == (2, 0, ("carol",))
    assert phone.take(BROADCAST) == []
    for receiver in (desktop, bob):
        (frame,) = receiver.take(BROADCAST)
        assert (frame.source, frame.target, frame.body) == ("4#alice", "_chess", b"body")


@simulated
async def test_from_the_server_and_across_generations(network: MemoryNetwork) -> None:
    server = network.server()
    old = FramePeer(network, "old", max_user_id=20).online()
    FramePeer(network, "4#alice", generation=7).online()
    assert server.router.multicast(None, "_chess", BROADCAST, b"1", ["old"]).reached == 1
    assert server.router.multicast(server.users.find_all("alice")[0], "_chess", BROADCAST, b"2", ["old"]).reached == 1
    assert [frame.source for frame in old.take(BROADCAST)] == ["_0", "alice"]


@simulated
async def test_it_is_encoded_once_for_each_form_of_header(network: MemoryNetwork) -> None:
    server = network.server()
    peers = [FramePeer(network, f"user{number}").online() for number in range(5)]
    with patch.object(Layout, "encode", autospec=True, side_effect=Layout.encode) as encode:
        server.router.multicast(None, "_g", BROADCAST, b"body", [peer.login_id for peer in peers])
    assert encode.call_count == 1


@simulated
async def test_busy_receivers_are_passed_over_only_when_that_is_wanted(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(high_water=1000))
    slow = FramePeer(network, "slow").online()
    network.stop_reading(slow.stranger)
    while not server.users.find_all("slow")[0].is_busy:
        server.custom.post("slow", 1, b"x" * 5000)
    discarded = server.router.multicast(None, "_g", BROADCAST, b"body", ["slow"], on_busy=OnBusy.DISCARD)
    assert (discarded.reached, discarded.busy) == (0, 1)
    assert server.router.multicast(None, "_g", BROADCAST, b"body", ["slow"]).reached == 1
    network.go_on_reading(slow.stranger)


@simulated
async def test_our_own_types_and_ids_that_do_not_fit_reach_nobody_who_cannot_have_them(network: MemoryNetwork) -> None:
    server = network.server()
    foreign = FramePeer(network, "foreign").online()
    assert server.router.multicast(None, "_g", 1040, b"", ["foreign"]).reached == 0
    assert server.router.multicast(None, "_" + "g" * 40, BROADCAST, b"", ["foreign"]).reached == 0
    assert foreign.take() == []
    with pytest.raises(EncodeError, match="does not fit a message"):
        server.router.multicast(None, "_g", BROADCAST, bytes(2**20), ["foreign"])


@simulated
async def test_what_is_too_long_behind_a_longer_header_reaches_all_others_or_nobody(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(max_message=1000))
    alice, bob = FramePeer(network, "alice").online(), FramePeer(network, "bob").online()
    long = FramePeer(network, "long", max_user_id=20).online()
    body = bytes(1000 - alice.layout.header_size)
    sender = server.users.find_all("alice")[0]
    result = server.router.multicast(sender, "_g", BROADCAST, body, ["bob", "long"])
    assert (result.reached, result.unable) == (1, 1)
    with pytest.raises(EncodeError):
        server.router.multicast(None, "_g", BROADCAST, body, ["bob", "long"])
    assert (len(bob.take()), len(long.take())) == (1, 0)


@simulated
async def test_an_audience_follows_who_comes_and_goes(network: MemoryNetwork) -> None:
    server = network.server()
    audience = server.router.audience(["alice", "bob", "alice"])
    everybody = server.router.audience(None)
    assert (audience.members, audience.absent, audience.reach) == (("alice", "bob"), ("alice", "bob"), 0)
    alice = FramePeer(network, "alice").online()
    FramePeer(network, "carol").online()
    assert (audience.absent, audience.reach, everybody.reach) == (("bob",), 1, 2)
    assert everybody.members == ("alice", "carol")
    assert server.router.multicast(None, "_g", BROADCAST, b"1", audience).reached == 1
    alice.stranger.transport.loseConnection()
    network.settle()
    assert (audience.absent, audience.reach, everybody.reach) == (("alice", "bob"), 0, 1)
    assert server.router.multicast(None, "_g", BROADCAST, b"2", audience).reached == 0


@simulated
async def test_what_was_sent_to_a_member_alone_keeps_its_place(network: MemoryNetwork) -> None:
    server = network.server()
    bob = FramePeer(network, "bob").online()

    def work() -> None:
        for number in range(3):
            server.router.multicast(None, "_g", BROADCAST, b"to all %d" % number, ["bob"])
            server.channel("bob").send(201, b"to bob %d" % number)

    server.router.gathered(work)
    assert [frame.body[:6] for frame in bob.take()] == [b"to all", b"to bob"] * 3


@simulated
async def test_a_great_many_at_once_are_written_on_the_way(network: MemoryNetwork) -> None:
    server = network.server()
    bob = FramePeer(network, "bob").online()
    outgoing = server.users.find_all("bob")[0].outgoing
    most = 0

    def work() -> None:
        nonlocal most
        for _ in range(100):
            server.router.multicast(None, "_g", BROADCAST, bytes(10_000), ["bob"])
            most = max(most, sum(map(len, outgoing.pending)))

    server.router.gathered(work)
    assert most < 150_000
    assert len(bob.take(BROADCAST)) == 100


@simulated
async def test_a_notice_has_the_receivers_own_form_and_name(network: MemoryNetwork) -> None:
    server = network.server()
    old, new = FramePeer(network, "old").online(), FramePeer(network, "4#new", generation=7).online()
    network.settle()
    old.take(702)
    asked: list[tuple[int, bool]] = []

    def body_for(generation: int, is_ours: bool) -> tuple[int, bytes] | None:
        asked.append((generation, is_ours))
        return (702, b"six") if generation == 6 else None

    assert server.router.notify(["old", "new", "old", "absent"], body_for) == 2
    assert asked == [(6, False), (7, False)]
    assert [(frame.source, frame.target, frame.body) for frame in old.take(702)] == [("_0", "old", b"six")] * 2
    assert new.take(702) == []
