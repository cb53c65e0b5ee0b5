"""Files between clients that have a P2P channel, for the whole of a transfer or for a part of it."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from esframework import BY_SERVER, ChannelMode, FileDisruption, NoP2PChannel, Offer, SendingParameters
from esframework.errors import TransferInterrupted
from esframework.managers.files.transfer import Transfer
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.linked import ALICE, Friends
from tests.peers import Recorder
from tests.unit.managers.p2p.test_client import DEVICE_HOSTS, device, seven

SIZE = 3 * 1024 * 1024
SLOWLY = SendingParameters(rate_limit=1024 * 1024)
BOUND = SendingParameters(rate_limit=1024 * 1024, channel=ChannelMode.BY_P2P_CHANNEL)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "file.bin"
    path.write_bytes(os.urandom(SIZE))
    return path


def begin(friends: Friends, source: Path, parameters: SendingParameters | None = None) -> Transfer:
    """Offer a file, and wait until packages come."""
    transfer: Transfer = friends.network.run(friends.alice.files.send("bob", source, parameters=parameters))
    while not (friends.received and friends.received[0].transferred):
        friends.network.advance(0.1)
    return transfer


def finish(friends: Friends, transfer: Transfer, source: Path) -> None:
    """It arrives, and is what was sent."""
    friends.network.run(transfer.done())
    friends.network.run(friends.received[0].done())
    assert friends.folder is not None
    assert (friends.folder / "file.bin").read_bytes() == source.read_bytes()


def relayed(friends: Friends) -> Callable[[], int]:
    """How many bytes of packages have come past the server since."""
    seen: list[int] = []

    def inspect(sender: Any, target: str, body: bytes) -> bytes:
        seen.append(len(body))
        return body

    friends.server.router.inspect(MessageType.FILE_PACKAGE, inspect)
    return lambda: sum(seen)


# --- by a channel -----------------------------------------------------------------------------------------------------
@simulated
async def test_a_file_goes_by_the_channel_and_not_by_the_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    by_server = relayed(friends)
    transfer = begin(friends, source)
    assert (transfer.path_kind, friends.received[0].path_kind) == ("udp", "udp")
    finish(friends, transfer, source)
    assert by_server() == 0
    assert (transfer.path_kind, friends.received[0].path_kind) == ("udp", "udp")


@simulated
async def test_packages_go_by_the_stream_of_files(network: MemoryNetwork, tmp_path: Path, source: Path) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    link = friends.alice.links["bob"]
    written = [0, 0, 0]
    write = link.write

    def count(channel: Any, stream: int, data: bytes) -> None:
        written[stream] += len(data)
        write(channel, stream, data)

    link.write = count
    finish(friends, begin(friends, source), source)
    assert written[2] > SIZE
    assert written[0] < 10_000
    assert written[1] == 0


@simulated
async def test_what_is_to_go_by_the_server_does(network: MemoryNetwork, tmp_path: Path, source: Path) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    by_server = relayed(friends)
    transfer = begin(friends, source, SendingParameters(channel=BY_SERVER))
    finish(friends, transfer, source)
    assert by_server() > SIZE
    assert (transfer.path_kind, friends.received[0].path_kind) == ("server", "server")


@simulated
async def test_a_file_begins_by_the_server_and_goes_on_by_a_channel(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    transfer = begin(friends, source, SLOWLY)
    assert (transfer.path_kind, friends.received[0].path_kind) == ("server", "server")
    friends.connect()
    network.advance(0.5)
    assert (transfer.path_kind, friends.received[0].path_kind) == ("udp", "udp")
    finish(friends, transfer, source)


@simulated
async def test_a_file_whose_channel_dies_goes_on_by_the_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    friends.kill_channel()
    network.advance(0.5)
    assert (transfer.path_kind, friends.received[0].path_kind) == ("server", "server")
    finish(friends, transfer, source)


@simulated
async def test_a_file_whose_path_falls_silent_goes_on_by_the_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    friends.cut_path()
    finish(friends, transfer, source)
    assert network.seconds() < 30


@simulated
async def test_a_file_goes_on_by_a_second_channel(network: MemoryNetwork, tmp_path: Path, source: Path) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SendingParameters(rate_limit=300_000))
    friends.kill_channel()
    network.advance(6)
    assert (transfer.path_kind, friends.received[0].path_kind) == ("udp", "udp")
    finish(friends, transfer, source)


# --- by a channel and nothing else ------------------------------------------------------------------------------------
@simulated
async def test_without_a_channel_a_file_that_may_go_by_nothing_else_is_not_offered(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    with pytest.raises(NoP2PChannel, match="connect"):
        friends.alice.files.send("bob", source, parameters=BOUND)
    assert friends.alice.files.transfers() == []


@simulated
async def test_towards_the_server_and_from_it_the_mode_changes_nothing(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.server.files.offered.subscribe(lambda offer: offer.accept(tmp_path / "at the server"))
    parameters = SendingParameters(channel=ChannelMode.BY_P2P_CHANNEL)
    for files, target in ((friends.alice.files, None), (friends.server.files, "bob")):
        await (await files.send(target, source, parameters=parameters)).done()
    assert (tmp_path / "at the server").read_bytes() == source.read_bytes()


@simulated
async def test_a_file_that_may_go_by_nothing_else_arrives(network: MemoryNetwork, tmp_path: Path, source: Path) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    finish(friends, begin(friends, source, BOUND), source)


CHANNEL_CLOSED = (FileDisruption.P2P_CHANNEL_CLOSED, FileDisruption.P2P_CHANNEL_CLOSED)


def disruptions(friends: Friends, transfer: Transfer) -> tuple[Any, Any]:
    return transfer.disruption, friends.received[0].disruption


@simulated
async def test_it_ends_at_both_ends_when_its_channel_dies_and_nothing_of_it_goes_by_the_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, BOUND)
    by_server = relayed(friends)
    friends.kill_channel()
    network.advance(1)
    assert disruptions(friends, transfer) == CHANNEL_CLOSED
    assert by_server() == 0
    with pytest.raises(TransferInterrupted, match="P2P_CHANNEL_CLOSED"):
        await transfer.done()


@simulated
async def test_it_ends_at_both_ends_when_the_path_falls_silent(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, BOUND)
    by_server = relayed(friends)
    friends.cut_path()
    network.advance(17)
    assert disruptions(friends, transfer) == CHANNEL_CLOSED
    assert by_server() == 0


@pytest.mark.parametrize("who", ["alice", "bob"])
@simulated
async def test_it_ends_at_both_ends_when_one_alone_sees_the_channel_end(
    who: str, network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, BOUND)
    friends.cut_path()
    client, other = (friends.alice, "bob") if who == "alice" else (friends.bob, "alice")
    client.links[other].channels[0].abort(1, "killed")
    network.advance(0.5)
    assert disruptions(friends, transfer) == CHANNEL_CLOSED


@simulated
async def test_an_offer_that_nobody_has_decided_about_ends_with_the_channel(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, decide=lambda offer: None, keeps_trying=False)
    friends.connect()
    transfer = await friends.alice.files.send("bob", source, parameters=BOUND)
    network.advance(1)
    friends.kill_channel()
    network.advance(1)
    assert disruptions(friends, transfer) == CHANNEL_CLOSED


@simulated
async def test_an_offer_that_the_channel_did_not_bring_is_never_made(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    friends.cut_path()
    transfer = await friends.alice.files.send("bob", source, parameters=BOUND)
    friends.kill_channel()
    network.advance(2)
    assert transfer.disruption is FileDisruption.P2P_CHANNEL_CLOSED
    assert friends.received == []


@simulated
async def test_what_came_of_it_is_gone_on_with_by_the_next_channel(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    begin(friends, source, BOUND)
    network.advance(1)
    friends.kill_channel()
    network.advance(1)
    friends.connect()
    transfer = await friends.alice.files.send("bob", source, parameters=BOUND)
    await transfer.done()
    assert transfer.is_resumed
    assert (friends.folder / "file.bin").read_bytes() == source.read_bytes()  # type: ignore[operator]


# --- the server is lost -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["alice", "bob"])
@simulated
async def test_a_file_by_a_channel_goes_on_when_one_end_loses_the_server(
    who: str, network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    network.advance(0.5)
    network.cut(friends.alice if who == "alice" else friends.bob)
    assert transfer.disruption is None
    finish(friends, transfer, source)


@simulated
async def test_a_file_by_a_channel_arrives_while_there_is_no_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    network.advance(0.5)
    network.go_down()
    finish(friends, transfer, source)
    assert not friends.alice.connected
    assert not friends.bob.connected
    network.come_up()
    network.advance(2)


@simulated
async def test_a_file_by_the_server_ends_with_the_session_though_there_is_a_channel(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    slowly = SendingParameters(rate_limit=1024 * 1024, channel=BY_SERVER)
    transfer = begin(friends, source, slowly)
    network.cut(friends.alice)
    assert transfer.disruption is FileDisruption.SELF_OFFLINE
    network.advance(8)
    assert friends.received[0].disruption is FileDisruption.OTHER_OFFLINE


@simulated
async def test_whoever_ends_its_session_ends_its_files(network: MemoryNetwork, tmp_path: Path, source: Path) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    await friends.alice.close()
    assert transfer.disruption is FileDisruption.SELF_OFFLINE
    network.advance(8)
    assert friends.received[0].disruption is FileDisruption.OTHER_OFFLINE


@pytest.mark.parametrize("who", ["alice", "bob"])
@simulated
async def test_the_death_of_the_other_end_is_noticed_within_seconds(
    who: str, network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    dead, living = (friends.alice, friends.received[0]) if who == "alice" else (friends.bob, transfer)
    friends.cut_path()
    friends.lose_server(dead)
    network.advance(10)
    assert living.disruption is FileDisruption.OTHER_OFFLINE


@simulated
async def test_whoever_lives_without_the_server_is_not_taken_for_dead(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    transfer = begin(friends, source, SendingParameters(rate_limit=300_000))
    friends.lose_server(friends.bob)
    network.advance(8)
    assert not friends.bob.connected
    assert (transfer.disruption, transfer.path_kind) == (None, "udp")
    finish(friends, transfer, source)


@simulated
async def test_a_question_that_went_to_a_dead_connection_is_asked_again_when_the_server_knows(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path, keeps_trying=False)
    friends.connect()
    transfer = begin(friends, source, SLOWLY)
    network.unplug(friends.bob)
    friends.kill_channel()
    network.advance(0.5)
    assert transfer.disruption is None
    friends.lose_server(friends.bob)
    # It may be back in a moment, and is asked three times.
    network.advance(5)
    assert transfer.disruption is FileDisruption.OTHER_OFFLINE


@simulated
async def test_a_file_is_offered_and_sent_while_there_is_a_channel_and_no_server(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    friends = Friends(network, tmp_path)
    friends.connect()
    network.go_down()
    transfer = begin(friends, source)
    assert friends.received[0].files == 1, "the receiver knows what only ours say"
    finish(friends, transfer, source)
    network.come_up()


@simulated
async def test_messages_do_not_wait_for_a_file_on_a_slow_line(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    conditions = network.datagrams.conditions
    conditions.delay, conditions.rate, conditions.queue = 0.02, 1_250_000, 1.0
    arrivals: list[float] = []
    friends = Friends(network, tmp_path)
    friends.connect()
    friends.at_bob.handle_information = lambda source, kind, content: arrivals.append(network.seconds() - kind / 1000)
    transfer = begin(friends, source)
    while not transfer.state.is_over:
        friends.alice.custom.post("bob", round(network.seconds() * 1000), b"hello")
        network.advance(0.05)
    finish(friends, transfer, source)
    assert len(arrivals) > 40
    assert sorted(arrivals)[len(arrivals) * 99 // 100] < 0.25


# --- several devices --------------------------------------------------------------------------------------------------
    friends.part()
@simulated
async def test_an_offer_to_an_account_is_decided_by_one_device_and_goes_by_its_channel(
    network: MemoryNetwork, tmp_path: Path, source: Path
) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    bobs = {login_id: device(network, login_id, Recorder()) for login_id in DEVICE_HOSTS}
    offers: dict[str, Offer] = {}
    for login_id, bob in bobs.items():
        bob.files.offered.subscribe(lambda offer, login_id=login_id: offers.update({login_id: offer}))
    await alice.p2p.connect("4#bob")
    network.advance(1)
    transfer = await alice.files.send("bob", source, parameters=SLOWLY)
    network.advance(1)
    assert sorted(offers) == ["3#bob", "4#bob"]
    offers["4#bob"].accept(tmp_path / "copy")
    network.advance(1)
    assert offers["3#bob"].transfer.disruption is FileDisruption.CANCELLED_BY_OTHER
    assert (transfer.device, transfer.path_kind) == ("4#bob", "udp")
    await transfer.done()
    assert (tmp_path / "copy").read_bytes() == source.read_bytes()
