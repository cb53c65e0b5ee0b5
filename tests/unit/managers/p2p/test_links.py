"""What a client remembers of its links: for ends that were away, for accounts with several devices, for later ones."""

from __future__ import annotations

from dataclasses import replace

from esframework import ClientEngine
from esframework.managers.p2p.machine.records import MESSAGES, pack_repeat
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.peers import Recorder
from tests.unit.managers.p2p.test_client import ALICE, DEVICE_HOSTS, Pair, device, options, seven


@simulated
async def test_an_end_that_was_away_for_minutes_sends_nothing_twice(network: MemoryNetwork) -> None:
    away = replace(options(), reconnect_first_delay=1e9, reconnect_longest_delay=1e9)
    pair = Pair(network, alice=away)
    await pair.alice.p2p.connect("bob")
    pair.post(3)
    network.advance(0.015)
    # Another network: what bob has got, alice has not been told; the channel and the server are lost at once.
    pair.cut()
    pair.post(3)
    pair.alice.close_connection()
    network.advance(60)
    assert not pair.alice.connected
    assert pair.bob.p2p._links.all() == []
    pair.alice.close_connection(reconnect_now=True)
    network.advance(30)
    assert pair.nothing_is_amiss()


@simulated
async def test_who_asks_for_the_word_again_and_again_gets_it_once_a_second(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    network.advance(2)
    words: list[bytes] = []
    pair.bob.dispatcher.handlers[MessageType.P2P_EPOCH_OF_MESSAGES] = lambda sender, _, body: words.append(bytes(body))
    channel = pair.bob.p2p._links.find("alice").channels[0]
    for _ in range(1000):
        channel.write(MESSAGES, pack_repeat())
    network.advance(3)
    assert len(words) == 1


@simulated
async def test_of_two_devices_the_one_that_stays_is_meant_by_the_account(network: MemoryNetwork) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    handlers = {login_id: Recorder() for login_id in DEVICE_HOSTS}
    bobs: dict[str, ClientEngine] = {each: device(network, each, handler) for each, handler in handlers.items()}
    for login_id in DEVICE_HOSTS:
        await alice.p2p.connect(login_id)
    gone = "4#bob"
    network.datagrams.keep_apart(ALICE, DEVICE_HOSTS[gone], True)
    bobs[gone].close_connection()
    network.run(bobs[gone].close())
    network.advance(0.1)
    alice.custom.post("bob", 1, b"1")
    network.advance(30)
    alice.custom.post("bob", 1, b"2")
    network.advance(1)
    assert handlers["3#bob"].contents == [b"1", b"2"]
    assert alice.p2p.channel_state("bob").login_id == "3#bob"


@simulated
async def test_what_an_earlier_process_did_not_get_comes_before_what_is_sent_to_the_next(
    network: MemoryNetwork,
) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    network.advance(2)
    pair.cut()
    pair.post(3)
    at_bob = Recorder()
    await network.client("bob", handler=at_bob, options=pair.bob.options, host="10.0.0.3")
    await pair.alice.p2p.connect("bob")
    pair.post(3)
    network.advance(40)
    assert at_bob.contents == [b"%d" % number for number in range(6)]


@simulated
async def test_a_client_that_logs_on_anew_is_another_end(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    before = pair.alice.p2p._links.instance
    await pair.alice.close()
    await pair.alice.log_on("alice", "", network.endpoint_of(pair.alice))
    assert pair.alice.p2p._links.instance != before


@simulated
async def test_questions_of_an_end_whose_link_rests_do_not_end_a_newer_channel(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.post(1)
    network.advance(2)
    link = pair.alice.p2p._links.find("bob")
    old_epoch = link._sender.epoch - 1
    link.ask(old_epoch)
    network.advance(1)
    assert pair.bob.p2p.channel_exists("alice")


@simulated
async def test_a_second_device_is_heard_of_after_the_first_has_come_back_to_the_server(network: MemoryNetwork) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    first, second = Recorder(), Recorder()
    bob = device(network, "3#bob", first)
    await alice.p2p.connect("bob")
    for client in (bob, alice):
        client.close_connection(reconnect_now=True)
        network.advance(1)
    assert alice.p2p.channel_state("bob") is not None
    device(network, "4#bob", second)
    network.advance(0.1)
    alice.custom.post("bob", 1, b"1")
    network.advance(0.1)
    assert (first.contents, second.contents) == ([b"1"], [b"1"])


@simulated
async def test_who_came_while_this_end_was_away_from_the_server_is_heard_of(network: MemoryNetwork) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    first, second = Recorder(), Recorder()
    device(network, "3#bob", first)
    await alice.p2p.connect("bob")
    network.cut(alice)
    device(network, "4#bob", second)
    network.advance(5)
    alice.custom.post("bob", 1, b"1")
    network.advance(0.1)
    assert (first.contents, second.contents) == ([b"1"], [b"1"])
