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
