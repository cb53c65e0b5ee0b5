"""Channels between two engines: opened and closed, what is told about them, and the messages that never notice.

Datagrams go through a network in memory; there is no TCP between clients there, and no P2P server.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from esframework import ClientEngine, ClientOptions, SendingParameters, ServerEngine, limits
from esframework.errors import NoP2PChannel, NotPermitted, P2PConnectFailed, RequestError
from esframework.limits import P2P_OFFERS_AT_ONCE, P2P_PINGS_ANSWERED
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.contracts import OFFER, OfferBody
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import BY_SERVER, MessageType, P2PChannelMode
from tests.peers import Recorder, record

ALICE, BOB = "10.0.0.1", "10.0.0.2"
NOBODY = "10.9.9.9:9901"
"""A P2P server that never answers; without one, there would be no P2P in these networks."""


def options(**p2p: Any) -> ClientOptions:
    return ClientOptions(p2p=ClientP2POptions(server=NOBODY, map_ports=False, **p2p))


class Pair:
    """A server, and alice and bob on machines of their own."""

    def __init__(self, network: MemoryNetwork, alice: ClientOptions | None = None, bob: ClientOptions | None = None):
        self.network = network
        self.at_alice, self.at_bob = Recorder(), Recorder()
        self.server: ServerEngine = network.server(Recorder())
        self.alice: ClientEngine = network.run(
            network.client("alice", handler=self.at_alice, options=alice or options(), host=ALICE)
        )
        self.bob: ClientEngine = network.run(
            network.client("bob", handler=self.at_bob, options=bob or options(), host=BOB)
        )
        self.sent = 0

    def post(self, count: int = 1) -> None:
        for _ in range(count):
            self.alice.custom.post("bob", 1, b"%d" % self.sent)
            self.sent += 1

    def nothing_is_amiss(self) -> bool:
        return self.at_bob.contents == [b"%d" % number for number in range(self.sent)]

    def cut(self, is_cut: bool = True) -> None:
        self.network.datagrams.keep_apart(ALICE, BOB, is_cut)


@simulated
async def test_messages_move_to_the_channel_when_it_opens_and_nobody_notices(network: MemoryNetwork) -> None:
    pair = Pair(network)
    opened = record(pair.alice.p2p.channel_opened, pair.bob.p2p.channel_opened)
    pair.post(3)
    connecting = pair.alice.p2p.connect("bob")
    pair.post(3)
    state = await connecting
    pair.post(3)
    assert (state.user_id, state.protocol, state.address[0]) == ("bob", "udp", BOB)
    assert [(word, told.user_id) for word, told in opened] == [("channel_opened", "bob"), ("channel_opened", "alice")]
    network.advance(1)
    assert pair.nothing_is_amiss()
    assert pair.alice.p2p.channel_state("bob").messages_sent == 3
    assert pair.alice.p2p.channel_is_busy("bob") is False
    assert pair.alice.p2p.channel_state("bob").created_at == state.created_at


@simulated
async def test_answers_come_by_the_channel_as_well(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    assert await pair.alice.custom.query("bob", 7, b"x") == b"x"
    assert await pair.bob.custom.query("alice", 7, b"y") == b"y"
    await pair.bob.custom.send_acked("alice", 8, b"z")
    assert pair.at_alice.information == [("bob", 8, b"z")]
    assert pair.bob.p2p.channel_state("alice").messages_sent >= 2
    assert await pair.alice.p2p.ping("bob") >= 0


@simulated
async def test_a_channel_that_falls_silent_is_noticed_and_messages_go_by_the_server_again(
    network: MemoryNetwork,
) -> None:
    pair = Pair(network)
    closed = record(pair.alice.p2p.channel_closed, pair.alice.p2p.all_channels_closed)
    await pair.alice.p2p.connect("bob")
    pair.post(5)
    network.advance(0.5)
    pair.cut()
    pair.post(5)
    network.advance(18.5)
    assert [word for word, *_ in closed] == ["channel_closed", "all_channels_closed"]
    assert pair.alice.p2p.channel_exists("bob") is False
    pair.post(5)
    network.advance(0.5)
    assert pair.nothing_is_amiss()


@simulated
async def test_a_channel_that_was_lost_is_opened_again(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.cut()
    network.advance(19)
    assert not pair.alice.p2p.channel_exists("bob")
    pair.cut(False)
    network.advance(400)
    pair.post(5)
    network.advance(0.5)
    assert pair.alice.p2p.channel_exists("bob")
    assert pair.nothing_is_amiss()


@simulated
async def test_who_cannot_be_reached_is_told_of_and_written_to_by_the_server(network: MemoryNetwork) -> None:
    pair = Pair(network)
    pair.cut()
    failed = record(pair.alice.p2p.connect_failed)
    connecting = pair.alice.p2p.connect("bob")
    pair.post(3)
    with pytest.raises(P2PConnectFailed, match="'bob'"):
        await connecting
    assert [(word, user) for word, user, _ in failed] == [("connect_failed", "bob")]
    pair.post(3)
    network.advance(1)
    assert pair.nothing_is_amiss()


@simulated
async def test_both_may_want_a_channel_at_the_same_moment(network: MemoryNetwork) -> None:
    pair = Pair(network)
    one, other = pair.alice.p2p.connect("bob"), pair.bob.p2p.connect("alice")
    assert (await one).user_id == "bob"
    assert (await other).user_id == "alice"
    network.advance(30)
    assert len(pair.alice.p2p.udp_session_states()) == len(pair.bob.p2p.udp_session_states()) == 1


@simulated
async def test_a_channel_is_closed_on_request_and_not_opened_again(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.post(3)
    pair.alice.p2p.disconnect("bob")
    pair.post(3)
    network.advance(100)
    assert pair.alice.p2p.channel_states() == pair.bob.p2p.channel_states() == {}
    assert pair.nothing_is_amiss()


@simulated
async def test_what_was_sent_before_logging_off_arrives(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.post(500)
    await pair.alice.close()
    network.advance(1)
    assert pair.nothing_is_amiss()
    assert pair.bob.p2p.channel_states() == {}


@simulated
async def test_a_channel_goes_on_while_the_server_is_away(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.post(3)
    pair.alice.close_connection()
    pair.post(3)
    network.advance(0.2)
    pair.post(3)
    network.advance(30)
    assert pair.nothing_is_amiss()
    assert pair.alice.p2p.channel_exists("bob")


@simulated
async def test_who_comes_to_another_network_connects_to_the_server_anew(network: MemoryNetwork) -> None:
    pair = Pair(network)
    interrupted = record(pair.alice.connection_interrupted)
    await pair.alice.p2p.connect("bob")
    pair.alice.p2p.network_changed()
    assert interrupted == [], "its address is still there"
    network.datagrams.move(pair.alice.reactor, "10.0.0.9")
    pair.post(3)
    network.advance(limits.P2P_LOOK_AROUND + 0.1)
    assert [word for word, *_ in interrupted] == ["connection_interrupted"]
    network.advance(5)
    assert pair.alice.connected
    pair.post(3)
    network.advance(30)
    assert pair.nothing_is_amiss()


@simulated
async def test_logging_off_while_a_channel_is_asked_for_is_no_fault(network: MemoryNetwork) -> None:
    pair = Pair(network)
    connecting = pair.alice.p2p.connect("bob")
    network.advance(0.1)
    await pair.alice.close()
    with pytest.raises(P2PConnectFailed, match="the session is over"):
        await connecting


@simulated
async def test_without_a_channel_pinging_is_an_error(network: MemoryNetwork) -> None:
    pair = Pair(network)
    with pytest.raises(NoP2PChannel, match="bob"):
        pair.alice.p2p.ping("bob")
    assert pair.alice.p2p.channel_is_busy("bob") is None
    assert pair.alice.p2p.channel_state("bob") is None


@simulated
async def test_nobody_has_to_answer(network: MemoryNetwork) -> None:
    pair = Pair(network, bob=options(answers=False))
    with pytest.raises(P2PConnectFailed, match="wants none"):
        await pair.alice.p2p.connect("bob")


@simulated
async def test_who_may_have_a_channel_is_the_applications_to_decide(network: MemoryNetwork) -> None:
    pair = Pair(network)
    asked: list[str] = []
    pair.bob.p2p.answers_to = lambda user_id: asked.append(user_id) or False
    with pytest.raises(P2PConnectFailed):
        await pair.alice.p2p.connect("bob")
    assert asked == ["alice"]


@simulated
async def test_a_mode_of_none_opens_nothing(network: MemoryNetwork) -> None:
    pair = Pair(network, alice=options(mode=P2PChannelMode.NONE))
    with pytest.raises(P2PConnectFailed, match="NONE"):
        await pair.alice.p2p.connect("bob")
    with pytest.raises(P2PConnectFailed):
        await pair.bob.p2p.connect("alice")


@simulated
async def test_without_a_p2p_server_anywhere_there_is_no_p2p(network: MemoryNetwork) -> None:
    network.server(Recorder())
    alice = await network.client("alice", host=ALICE)
    assert alice.p2p is None


@simulated
async def test_an_absent_user_is_named(network: MemoryNetwork) -> None:
    pair = Pair(network)
    with pytest.raises(P2PConnectFailed, match="'carol' is not online"):
        await pair.alice.p2p.connect("carol")


# --- several devices ----------------------------------------------------------------------------------------------
DEVICE_HOSTS = {"3#bob": "10.0.0.2", "4#bob": "10.0.0.3"}


def seven(**p2p: Any) -> ClientOptions:
    return ClientOptions(generation=7, p2p=ClientP2POptions(server=NOBODY, map_ports=False, **p2p))


def device(network: MemoryNetwork, login_id: str, handler: Recorder) -> ClientEngine:
    logging_on = network.client(login_id, handler=handler, options=seven(), host=DEVICE_HOSTS[login_id])
    client: ClientEngine = network.run(logging_on)
    return client


@simulated
async def test_of_several_devices_one_has_to_be_named(network: MemoryNetwork) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    handlers = {login_id: Recorder() for login_id in DEVICE_HOSTS}
    for login_id, handler in handlers.items():
        device(network, login_id, handler)
    with pytest.raises(P2PConnectFailed, match="several devices"):
        await alice.p2p.connect("bob")
    state = await alice.p2p.connect("4#bob")
    assert (state.login_id, state.address[0]) == ("4#bob", DEVICE_HOSTS["4#bob"])
    alice.custom.post("4#bob", 1, b"one")
    alice.custom.post("bob", 1, b"all")
    network.advance(1)
    assert alice.p2p.channel_state("4#bob").messages_sent == 1
    assert alice.p2p.channel_state("bob") is None
    assert handlers["3#bob"].contents == [b"all"]
    assert handlers["4#bob"].contents == [b"one", b"all"]


@simulated
async def test_a_second_device_gets_what_goes_to_the_account_from_the_moment_it_is_there(
    network: MemoryNetwork,
) -> None:
    network.server(Recorder())
    alice = await network.client("alice", options=seven(), host=ALICE)
    first, second = Recorder(), Recorder()
    device(network, "3#bob", first)
    await alice.p2p.connect("bob")
    alice.custom.post("bob", 1, b"1")
    network.advance(0.1)
    assert alice.p2p.channel_state("bob").messages_sent == 1
    bobs_other = device(network, "4#bob", second)
    network.advance(0.1)
    alice.custom.post("bob", 1, b"2")
    network.advance(0.1)
    assert (first.contents, second.contents) == ([b"1", b"2"], [b"2"])
    await bobs_other.close()
    network.advance(0.1)
    alice.custom.post("bob", 1, b"3")
    network.advance(0.1)
    assert first.contents == [b"1", b"2", b"3"]
    assert alice.p2p.channel_state("3#bob").messages_sent == 2


@simulated
async def test_who_is_blocked_loses_the_channel(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.server.router.refuse_from("bob", frozenset({"alice"}))
    network.advance(3)
    assert pair.alice.p2p.channel_states() == pair.bob.p2p.channel_states() == {}
    with pytest.raises(P2PConnectFailed):
        await pair.alice.p2p.connect("bob")


@simulated
async def test_what_is_sent_to_who_has_blocked_one_fails_as_without_a_channel(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.server.router.refuse_from("bob", frozenset({"alice"}))
    network.advance(3)
    with pytest.raises(NotPermitted):
        await pair.alice.custom.query("bob", 7, b"x")
    assert await pair.bob.custom.query("alice", 7, b"y") == b"y"


@simulated
async def test_the_servers_permission_is_asked(network: MemoryNetwork) -> None:
    asked: list[tuple[str, str, str | None]] = []

    def permit(action: str, user_id: str, target: str | None) -> bool | None:
        asked.append((action, user_id, target))
        return False if action == "p2p" else None

    network.server(Recorder(), permit=permit)
    alice = await network.client("alice", options=options(), host=ALICE)
    await network.client("bob", options=options(), host=BOB)
    with pytest.raises(P2PConnectFailed, match="does not allow it"):
        await alice.p2p.connect("bob")
    assert ("p2p", "alice", "bob") in asked


@simulated
async def test_offers_in_a_flood_are_refused_and_counted(network: MemoryNetwork) -> None:
    pair = Pair(network)
    way = pair.alice.channel("bob", BY_SERVER)
    offer = OFFER.encode(OfferBody([], ["none"], 6, 1, 1, 0, bytes(32), bytes(16)))
    for number in range(P2P_OFFERS_AT_ONCE + 10):
        way.send(MessageType.P2P_OFFER, offer, number + 1, "bob")
    network.advance(0.1)
    assert pair.server.refusals.counts["p2p_offers_too_fast"] == 10
    with pytest.raises(P2PConnectFailed, match="too many"):
        await pair.alice.p2p.connect("bob")
    network.advance(60)
    assert (await pair.alice.p2p.connect("bob")).user_id == "bob"


@simulated
async def test_pings_in_a_flood_are_not_all_answered(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    network.advance(1)
    pings = [pair.alice.p2p.ping("bob") for _ in range(P2P_PINGS_ANSWERED + 5)]
    network.advance(0.5)
    assert [ping.called for ping in pings] == [True] * P2P_PINGS_ANSWERED + [False] * 5
    assert pair.bob.p2p.refused["too_many_pings"] == 5
    for ping in pings[-5:]:
        ping.addErrback(lambda failure: failure.trap(RequestError))
    network.advance(1)
    assert await pair.alice.p2p.ping("bob") < 1


@simulated
async def test_strangers_can_have_so_many_channels_with_one_client_and_no_more(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "P2P_CHANNELS", 1)
    pair = Pair(network)
    carol = await network.client("carol", options=options(), host="10.0.0.3")
    await pair.alice.p2p.connect("bob")
    with pytest.raises(P2PConnectFailed, match="too many"):
        await carol.p2p.connect("bob")
    assert (await pair.bob.p2p.connect("carol")).user_id == "carol"


@simulated
async def test_of_who_offers_what_is_no_key_nothing_is_kept(network: MemoryNetwork) -> None:
    pair = Pair(network)
    offer = OfferBody([], ["chacha20-poly1305"], 6, 1, 1, P2PChannelMode.UDP, bytes(32), bytes(16))
    pair.alice.channel("bob", BY_SERVER).send(MessageType.P2P_OFFER, OFFER.encode(offer), 1, "bob")
    network.advance(5)
    assert pair.bob.p2p.refused["offer"] == 1
    assert pair.bob.p2p._links.all() == []


# --- whose wish it is -----------------------------------------------------------------------------------------------
@simulated
async def test_who_has_ended_it_is_not_asked_again_and_again(network: MemoryNetwork) -> None:
    pair = Pair(network)
    await pair.alice.p2p.connect("bob")
    pair.bob.p2p.disconnect("alice")
    network.advance(200)
    assert pair.bob.p2p.channel_states() == {}
    await pair.bob.p2p.connect("alice")
    assert pair.alice.p2p.channel_exists("bob")


@simulated
async def test_a_network_that_has_changed_is_noticed_and_tried_at_once(network: MemoryNetwork) -> None:
    pair = Pair(network)
    pair.cut()
    with pytest.raises(P2PConnectFailed):
        await pair.alice.p2p.connect("bob")
    network.datagrams.move(network.machine(ALICE), "10.0.0.9")
    network.advance(12)
    assert pair.alice.p2p.channel_exists("bob")


@simulated
async def test_a_channel_follows_this_end_to_another_network(network: MemoryNetwork) -> None:
    pair = Pair(network)
    closed = record(pair.alice.p2p.channel_closed, pair.bob.p2p.channel_closed)
    await pair.alice.p2p.connect("bob")
    pair.post(2)
    network.datagrams.move(network.machine(ALICE), "10.0.0.9")
    pair.post(2)
    network.advance(14)
    assert pair.nothing_is_amiss()
    assert closed == []
    assert pair.bob.p2p.channel_state("alice").address[0] == "10.0.0.9"


@simulated
async def test_a_channel_goes_on_by_another_address_that_was_offered_where_the_one_in_use_falls_silent(
    network: MemoryNetwork,
) -> None:
    pair = Pair(network)
    closed = record(pair.alice.p2p.channel_closed, pair.bob.p2p.channel_closed)
    network.datagrams.move(network.machine(ALICE), ALICE, "172.16.0.1")
    network.datagrams.move(network.machine(BOB), BOB, "172.16.0.2")
    await pair.alice.p2p.connect("bob")
    assert pair.alice.p2p.channel_state("bob").address[0] == BOB
    network.datagrams.keep_apart(ALICE, BOB)
    pair.post(2)
    network.advance(20)
    assert pair.nothing_is_amiss()
    assert closed == []
    assert pair.alice.p2p.channel_state("bob").address[0] == "172.16.0.2"


@simulated
async def test_an_offer_that_comes_while_one_is_tried_takes_its_place(network: MemoryNetwork) -> None:
    pair = Pair(network)
    pair.cut()
    failed = record(pair.alice.p2p.connect_failed)
    one = pair.alice.p2p.connect("bob")
    network.advance(2)
    other = pair.bob.p2p.connect("alice")
    network.advance(1)
    pair.cut(False)
    assert (await other).user_id == "alice"
    assert (await one).user_id == "bob"
    assert failed == []


@pytest.mark.parametrize("seed", range(4))
def test_who_answers_nobody_may_still_ask_for_a_channel_at_the_same_moment_as_the_other_end(seed: int) -> None:
    network = MemoryNetwork(seed=seed)
    pair = Pair(network, alice=options(answers=False))
    one, other = pair.alice.p2p.connect("bob"), pair.bob.p2p.connect("alice")
    assert network.run(one).user_id == "bob"
    assert network.run(other).user_id == "alice"
    network.close()


@pytest.mark.parametrize("moment", [0.0, 0.01, 0.31])
@simulated
async def test_who_logs_off_while_it_answers_an_offer_opens_nothing_any_more(
    moment: float, network: MemoryNetwork
) -> None:
    network.conditions.delay = 0.001
    pair = Pair(network)
    connecting = pair.alice.p2p.connect("bob").addErrback(lambda _: None)
    network.advance(0.31 + moment)
    network.run(pair.bob.close())
    assert not pair.bob.p2p._ports._is_open
    network.advance(60)
    assert connecting.called


@simulated
async def test_an_offer_that_comes_while_this_end_logs_off_is_refused(network: MemoryNetwork) -> None:
    pair = Pair(network)
    finishing = pair.bob.dispatcher.finish()
    with pytest.raises(P2PConnectFailed, match="logs off"):
        await pair.alice.p2p.connect("bob")
    assert all(each.called for each in finishing)
    assert not pair.bob.p2p._ports._is_open


@simulated
async def test_what_somebody_who_vanishes_did_not_get_is_the_servers_to_deal_with(network: MemoryNetwork) -> None:
    pair = Pair(network, bob=replace(options(), auto_reconnect=False))
    undelivered: list[tuple[Any, ...]] = []
    pair.server.custom.transmit_failed.subscribe(lambda *arguments: undelivered.append(arguments))
    await pair.alice.p2p.connect("bob")
    pair.post(2)
    network.advance(2)
    pair.cut()
    pair.post(3)
    pair.bob.close_connection()
    network.run(pair.bob.close())
    network.advance(25)
    assert pair.alice.p2p.channel_states() == {}
    assert len(undelivered) == 3


@simulated
async def test_a_file_of_the_next_process_does_not_end_with_the_link_of_the_last_one(
    network: MemoryNetwork, tmp_path: Path
) -> None:
    pair = Pair(network)
    pair.bob.files.offered.subscribe(lambda offer: offer.accept(tmp_path / "got"))
    await pair.alice.p2p.connect("bob")
    pair.cut()
    network.run(pair.alice.close())
    again = await network.client("alice", options=options(), host="10.0.0.9")
    (tmp_path / "film").write_bytes(bytes(200_000))
    transfer = await again.files.send("bob", tmp_path / "film", parameters=SendingParameters(rate_limit=100_000))
    network.advance(0.2)
    await again.p2p.connect("bob")
    await transfer.done()
    assert (tmp_path / "got").read_bytes() == bytes(200_000)
