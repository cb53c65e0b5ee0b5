"""Several devices of one account: who may be online together, whom an id means, what the other devices get to see."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import gatherResults

from esframework import ClientOptions, MessageType, ServerOptions
from esframework.errors import ConnectionInterrupted
from esframework.managers.basic.contracts import DEVICE_NOTICE
from esframework.server.devices import ONE_DEVICE, DeviceRules
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.devices import login_id_of
from esframework.wire.information import encode_information
from esframework.wire.profile import GENERATION_6, GENERATION_7, ClientType7
from tests.peers import FramePeer, Recorder

IOS, LINUX, MAC = ClientType7.IOS, ClientType7.LINUX, ClientType7.MAC


def test_two_devices_of_one_kind_exclude_each_other_and_those_of_a_set() -> None:
    rules = DeviceRules([frozenset({LINUX, MAC})])
    assert rules.exclude(IOS, IOS)
    assert rules.exclude(LINUX, MAC)
    assert not rules.exclude(LINUX, IOS)
    assert DeviceRules(ONE_DEVICE).exclude(LINUX, IOS)


def test_older_prefixes_are_for_generation_6_alone() -> None:
    rules = DeviceRules(older_prefixes=True)
    assert rules.device_of(1, 4, GENERATION_6) == IOS
    assert rules.device_of(1, 4, GENERATION_7) == ClientType7.DOTNET
    assert rules.login_id_of("alice", IOS, GENERATION_6) == "1#alice"
    assert rules.login_id_of("alice", IOS, GENERATION_7) == "4#alice"
    assert rules.login_id_of("alice", MAC, GENERATION_6) is None


@simulated
async def test_a_device_of_the_same_kind_is_pushed_out_and_one_of_another_kind_stays(network: MemoryNetwork) -> None:
    server = network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    desktop = FramePeer(network, "9#alice", generation=7).online()
    assert phone.is_connected
    FramePeer(network, "4#alice", generation=7).online()
    assert (phone.is_connected, desktop.is_connected) == (False, True)
    assert [user.device for user in server.users.devices_of("alice")] == [LINUX, IOS]
    assert server.users.count == 1


@simulated
async def test_kinds_that_exclude_each_other_push_each_other_out(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(exclusive_devices=(frozenset({LINUX, MAC}),)))
    linux = FramePeer(network, "9#alice", generation=7).online()
    phone = FramePeer(network, "4#alice", generation=7).online()
    FramePeer(network, "5#alice", generation=7).online()
    assert (linux.is_connected, phone.is_connected) == (False, True)


@simulated
async def test_with_one_device_a_user_every_other_is_pushed_out(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(exclusive_devices=ONE_DEVICE))
    old = FramePeer(network, "4#alice", generation=7).online()
    FramePeer(network, "9#alice", generation=7).online()
    assert not old.is_connected


@simulated
async def test_two_log_ons_by_the_same_login_id_exclude_each_other_whatever_their_kind(network: MemoryNetwork) -> None:
    network.server()
    desktop = FramePeer(network, "alice", client_type=0).online()
    phone = FramePeer(network, "alice", client_type=4).online()
    assert (desktop.is_connected, phone.is_connected) == (False, True)


@simulated
async def test_a_bare_id_reaches_all_devices_and_a_login_id_one(network: MemoryNetwork) -> None:
    server = network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    desktop = FramePeer(network, "9#alice", generation=7).online()
    bob = FramePeer(network, "9#bob", generation=7).online()
    for _ in range(2):
        # The second frame goes the fast way where there is one.
        raw = bob.say("alice")
        assert [frame.raw for frame in phone.take(MessageType.INFORMATION)] == [raw]
        assert [frame.raw for frame in desktop.take(MessageType.INFORMATION)] == [raw]
        raw = bob.say("4#alice")
        assert [frame.raw for frame in phone.take(MessageType.INFORMATION)] == [raw]
        assert desktop.take(MessageType.INFORMATION) == []
    assert server.custom.post("alice", 1, b"to both") is True
    assert len(phone.take(MessageType.INFORMATION_POSTED)) == len(desktop.take(MessageType.INFORMATION_POSTED)) == 1
    assert server.custom.post("9#alice", 1, b"to one") is True
    assert phone.take(MessageType.INFORMATION_POSTED) == []
    assert len(desktop.take(MessageType.INFORMATION_POSTED)) == 1


@simulated
async def test_whom_an_id_means_is_found_out_anew_when_devices_come_and_go(network: MemoryNetwork) -> None:
    network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    bob = FramePeer(network, "bob", generation=7).online()
    bob.say("alice")
    desktop = FramePeer(network, "9#alice", generation=7).online()
    bob.say("alice")
    assert len(phone.take(MessageType.INFORMATION)) == 2
    assert len(desktop.take(MessageType.INFORMATION)) == 1
    phone.stranger.transport.loseConnection()
    network.settle()
    bob.say("alice")
    assert len(desktop.take(MessageType.INFORMATION)) == 1


@simulated
async def test_devices_of_both_generations_are_reached_by_either(network: MemoryNetwork) -> None:
    network.server()
    phone = FramePeer(network, "5#alice", generation=6, client_type=5).online()
    desktop = FramePeer(network, "9#alice", generation=7).online()
    seven = FramePeer(network, "1#bob", generation=7).online()
    seven.say("2#alice")
    assert (len(phone.take(MessageType.INFORMATION)), len(desktop.take(MessageType.INFORMATION))) == (1, 0)
    seven.say("alice")
    assert (len(phone.take(MessageType.INFORMATION)), len(desktop.take(MessageType.INFORMATION))) == (1, 1)
    FramePeer(network, "carol", generation=6).online().say("5#alice")
    assert (len(phone.take(MessageType.INFORMATION)), len(desktop.take(MessageType.INFORMATION))) == (1, 0)


@simulated
async def test_handlers_get_the_bare_id_with_the_device_beside_it(network: MemoryNetwork) -> None:
    at_server, at_bob = Recorder(), Recorder()
    network.server(at_server)
    await network.client("bob", handler=at_bob)
    alice = await network.client("4#alice")
    await alice.custom.send(None, 1, b"hello")
    await alice.custom.send("bob", 1, b"hello")
    network.settle()
    for recorder in (at_server, at_bob):
        source: Any = recorder.information[0][0]
        assert (source, source.device) == ("alice", IOS)
    assert at_server.information[0][0].login_id == "4#alice"  # type: ignore[union-attr]


@simulated
async def test_other_devices_hear_of_each_other(network: MemoryNetwork) -> None:
    network.server()
    phone = FramePeer(network, "4#alice", generation=7).online()
    old = FramePeer(network, "alice", client_type=0).online()
    ours = await network.client("9#alice")
    happened: list[tuple[str, int]] = []
    ours.basic.device_offline.subscribe(lambda device: happened.append(("offline", device)))
    assert await ours.basic.my_devices() == [IOS, ClientType7.DOTNET, LINUX]
    notices = [DEVICE_NOTICE.decode(frame.body) for frame in phone.take(MessageType.DEVICE_NOTICE)]
    assert [(notice.client_type, notice.online) for notice in notices] == [(ClientType7.DOTNET, True), (LINUX, True)]
    # Generation 6 has no such notice.
    assert old.take() == []
    phone.stranger.transport.loseConnection()
    network.settle()
    assert happened == [("offline", IOS)]


@simulated
async def test_the_senders_other_devices_see_an_echoed_message(network: MemoryNetwork) -> None:
    network.server()
    phone, desktop, bob = [await network.client(name) for name in ("4#alice", "9#alice", "bob")]
    received: list[Any] = []
    echoed: list[Any] = []
    bob.custom.message_received.subscribe(lambda *message: received.append(message))
    desktop.custom.message_echoed.subscribe(lambda *message: echoed.append(message))
    content = b"x" * 40_000
    await phone.custom.send_message("bob", 7, content, "tag", echo=True)
    network.settle()
    assert received == [("alice", 7, content, "tag")]
    assert echoed == [("bob", 7, content, "tag")]
    await phone.custom.send_message("bob", 7, content, "tag")
    network.settle()
    assert (len(received), len(echoed)) == (2, 1)


@simulated
async def test_blobs_of_two_devices_are_kept_apart(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server()
    await network.client("bob", handler=handler)
    phone, desktop = [await network.client(name) for name in ("4#alice", "9#alice")]
    sent = [device.custom.send_blob("bob", 1, letter * 600_000) for device, letter in ((phone, b"p"), (desktop, b"d"))]
    for each in sent:
        await each
    network.settle()
    assert sorted(content[:1] for content in handler.contents if content is not None) == [b"d", b"p"]
    assert {len(content or b"") for content in handler.contents} == {600_000}


GENERATIONS = [(6, 7, IOS, LINUX), (7, 6, IOS, ClientType7.ANDROID)]


@pytest.mark.parametrize(("here", "there", "one", "other"), GENERATIONS)
@simulated
async def test_what_two_devices_send_into_the_other_generation_is_kept_apart(
    network: MemoryNetwork, here: int, there: int, one: int, other: int
) -> None:
    network.server()
    handler = Recorder()
    broadcasts: list[bytes] = []
    bob = await network.client("bob", handler=handler, options=ClientOptions(generation=here))
    bob.contacts.broadcast_received.subscribe(lambda *said: broadcasts.append(said[3]))
    profile = GENERATION_7 if there == 7 else GENERATION_6
    devices = [
        await network.client(login_id_of("alice", device, profile), options=ClientOptions(generation=there))
        for device in (one, other)
    ]
    await gatherResults([device.custom.send_blob("bob", 1, bytes(600_000)) for device in devices])
    await gatherResults([device.contacts.broadcast_blob("*", 1, bytes(600_000)) for device in devices])
    network.settle()
    assert [(str(source), source.device, len(content)) for source, _, content in handler.information] == [
        ("alice", one, 600_000),
        ("alice", other, 600_000),
    ]
    assert [len(content) for content in broadcasts] == [600_000, 600_000]


@simulated
async def test_what_one_device_was_asked_fails_when_that_device_goes(network: MemoryNetwork) -> None:
    server = network.server()
    phone = FramePeer(network, "5#alice", client_type=5).online()
    desktop = FramePeer(network, "9#alice", generation=7).online()
    of_one, of_all = server.custom.query("2#alice", 1, b""), server.custom.query("alice", 1, b"")
    phone.stranger.transport.loseConnection()
    network.settle()
    with pytest.raises(ConnectionInterrupted, match="'2#alice'"):
        await of_one
    (asked,) = desktop.take(MessageType.QUERY)
    desktop.send(MessageType.ANSWER, encode_information(1, b"here"), asked.message_id)
    assert await of_all == b"here"
    assert network.seconds() == 0


@simulated
async def test_a_foreign_client_of_generation_6_is_told_no_device(network: MemoryNetwork) -> None:
    network.server()
    bob = FramePeer(network, "bob", generation=6).online()
    FramePeer(network, "9#alice", generation=7).online().say("bob")
    assert [frame.source for frame in bob.take(MessageType.INFORMATION)] == ["alice"]


@simulated
async def test_a_name_that_has_no_room_for_its_device_stays_bare(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server()
    await network.client("bob", handler=handler)
    FramePeer(network, "9#alexandrina", generation=7).online().say("bob")
    assert [source for source, *_ in handler.information] == ["alexandrina"]


@simulated
async def test_of_a_bare_id_the_client_type_says_which_device_it_is(network: MemoryNetwork) -> None:
    handler = Recorder()
    network.server()
    await network.client("bob", handler=handler)
    for number, client_type in ((4, 4), (5, 5), (4, 4)):
        FramePeer(network, f"{number}#alice", client_type=client_type).online().send(
            MessageType.INFORMATION, encode_information(1, b""), to="bob", name="alice"
        )
    devices: list[Any] = [source for source, *_ in handler.information]
    assert [source.device for source in devices] == [IOS, ClientType7.ANDROID, IOS]
