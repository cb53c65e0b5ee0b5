"""The calls that send information, between clients, to the server and from it, and the four ways in which they fail."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import BY_SERVER, ChannelMode, ClientEngine, ClientOptions, OnBusy, Priority, ServerEngine
from esframework.errors import (
    ChannelOverflow,
    ConnectionInterrupted,
    EncodeError,
    EsError,
    HandlerRaised,
    NoP2PChannel,
    NotLoggedOn,
    RequestError,
    RequestTimeout,
    TargetAbsent,
)
from esframework.limits import HARD_LIMIT, MAX_BLOB_BYTES, MAX_MESSAGE
from esframework.testing import MemoryNetwork, simulated
from tests.peers import FramePeer, Recorder, record


class House:
    """A server and two clients, each with a handler that records."""

    def __init__(self, network: MemoryNetwork, **handlers: Any) -> None:
        self.at_server = handlers.get("server") or Recorder()
        self.at_alice = Recorder()
        self.at_bob = handlers.get("bob") or Recorder()
        self.server: ServerEngine = network.server(self.at_server)
        self.alice: ClientEngine = network.run(network.client("alice", handler=self.at_alice))
        self.bob: ClientEngine = network.run(network.client("bob", handler=self.at_bob))

    def ways(self) -> list[tuple[Any, str | None, Any, str | None]]:
        """(sender's custom, target, receiver's handler, source) for each direction that there is."""
        return [
            (self.alice.custom, None, self.at_server, "alice"),
            (self.alice.custom, "bob", self.at_bob, "alice"),
            (self.server.custom, "bob", self.at_bob, None),
        ]


# --- send and post ------------------------------------------------------------------------------------------------
@simulated
async def test_sent_information_arrives_with_its_source(network: MemoryNetwork) -> None:
    for custom, target, handler, source in House(network).ways():
        assert await custom.send(target, 5, b"content") is True
        assert custom.post(target, 6, None) is True
        network.settle()
        assert handler.information[-2:] == [(source, 5, b"content"), (source, 6, None)]


@simulated
async def test_null_and_empty_are_not_the_same(network: MemoryNetwork) -> None:
    house = House(network)
    house.alice.custom.post("bob", 1, b"")
    house.alice.custom.post("bob", 1, None)
    network.settle()
    assert house.at_bob.contents == [b"", None]


@simulated
async def test_a_server_says_false_for_a_user_who_is_not_online(network: MemoryNetwork) -> None:
    house = House(network)
    assert await house.server.custom.send("nobody", 1, b"") is False
    assert house.server.custom.post("nobody", 1, b"") is False


@simulated
async def test_sent_fires_when_the_last_byte_has_left_and_not_before(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network)
    network.stop_reading(house.bob)
    fired: list[bool] = []
    house.server.custom.send("bob", 1, bytes(300_000)).addCallback(fired.append)
    network.settle()
    assert fired == []
    network.go_on_reading(house.bob)
    assert fired == [True]
    assert house.at_bob.contents == [bytes(300_000)]


@simulated
async def test_send_says_false_when_the_connection_was_lost_before(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network)
    network.stop_reading(house.bob)
    sent = house.server.custom.send("bob", 1, bytes(300_000))
    network.settle()
    network.cut(house.bob)
    assert await sent is False


@simulated
async def test_discard_drops_when_the_channel_is_busy_and_continue_queues(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network)
    network.stop_reading(house.bob)
    custom = house.server.custom
    custom.post("bob", 1, bytes(300_000))
    custom.post("bob", 2, b"", on_busy=OnBusy.DISCARD)
    assert custom.post("bob", 3, b"", on_busy=OnBusy.DISCARD) is False
    assert await custom.send("bob", 4, b"", on_busy=OnBusy.DISCARD) is False
    assert custom.post("bob", 5, b"", on_busy=OnBusy.CONTINUE) is True
    network.go_on_reading(house.bob)
    assert [kind for _, kind, _ in house.at_bob.information] == [1, 5]
    assert custom.post("bob", 6, b"", on_busy=OnBusy.DISCARD) is True


@simulated
async def test_a_client_knows_that_its_channel_is_busy(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network)
    (transport,) = [c.server for c in (network.connection_of(house.alice),)]
    transport.hold(True)
    assert not house.alice.channel_is_busy
    house.alice.custom.post(None, 1, bytes(300_000))
    assert house.alice.channel_is_busy
    assert house.alice.custom.post(None, 2, b"", on_busy=OnBusy.DISCARD) is False
    transport.hold(False)
    network.settle()
    assert not house.alice.channel_is_busy


@simulated
async def test_urgent_overtakes_what_waits_and_bulk_lets_others_pass(network: MemoryNetwork) -> None:
    network.conditions.window = 64 * 1024
    house = House(network)
    network.stop_reading(house.bob)
    custom = house.server.custom
    for kind, priority in (
        (1, Priority.BULK),
        (2, Priority.BULK),
        (3, Priority.NORMAL),
        (4, Priority.URGENT),
        (5, Priority.NORMAL),
    ):
        custom.post("bob", kind, bytes(100_000), priority=priority)
    network.go_on_reading(house.bob)
    # The first was with the transport already.
    assert [kind for _, kind, _ in house.at_bob.information] == [1, 4, 3, 5, 2]


@simulated
async def test_a_client_that_outruns_its_line_is_stopped_by_an_error_not_by_memory(network: MemoryNetwork) -> None:
    network.server()
    alice = await network.client("alice", options=ClientOptions(hard_limit=500_000))
    network.connection_of(alice).server.hold(True)
    with pytest.raises(ChannelOverflow, match="the limit is 500000"):
        for _ in range(20):
            alice.custom.post(None, 1, bytes(100_000))
    network.connection_of(alice).server.hold(False)
    network.settle()
    assert alice.custom.post(None, 1, b"") is True


@simulated
async def test_what_does_not_fit_a_message_is_refused_at_once(network: MemoryNetwork) -> None:
    house = House(network)
    for custom, target, _, _ in house.ways():
        for call in (custom.post, custom.send, custom.query, custom.send_acked):
            with pytest.raises(EncodeError, match="blob"):
                call(target, 1, bytes(MAX_MESSAGE))
    network.advance(60)  # and nothing was left that could time out


@pytest.mark.parametrize(("information_type", "content"), [(1, "text"), (2**31, b""), ("1", b""), (1, 5)])
def test_wrong_arguments_are_named(information_type: Any, content: Any) -> None:
    network = MemoryNetwork()
    house = House(network)
    with pytest.raises(EncodeError, match="expected"):
        house.alice.custom.post("bob", information_type, content)
    network.close()


@simulated
async def test_an_id_that_does_not_fit_our_own_header_is_refused_at_once(network: MemoryNetwork) -> None:
    house = House(network)
    for call in (house.alice.custom.post, house.alice.custom.send, house.alice.custom.query):
        with pytest.raises(EncodeError, match="carries"):
            call("x" * 200, 1, b"")
    network.advance(60)


@simulated
async def test_without_a_session_nothing_can_be_sent(network: MemoryNetwork) -> None:
    client = network.new_client()
    for call in (client.custom.post, client.custom.send, client.custom.query, client.custom.send_acked):
        with pytest.raises(NotLoggedOn):
            call(None, 1, b"")
    with pytest.raises(NotLoggedOn):
        await client.custom.send_blob(None, 1, b"")


@simulated
async def test_by_server_is_forced_and_p2p_has_no_channel_yet(network: MemoryNetwork) -> None:
    house = House(network)
    assert await house.alice.custom.send("bob", 1, b"", channel=BY_SERVER)
    with pytest.raises(NoP2PChannel):
        house.alice.custom.post("bob", 1, b"", channel=ChannelMode.BY_P2P_CHANNEL)
    network.settle()
    assert len(house.at_bob.information) == 1


# --- acknowledged ---------------------------------------------------------------------------------------------------
@simulated
async def test_acknowledged_information_both_ways(network: MemoryNetwork) -> None:
    for custom, target, handler, source in House(network).ways():
        assert await custom.send_acked(target, 7, b"important") is None
        assert handler.information[-1:] == [(source, 7, b"important")]


@simulated
async def test_the_acknowledgement_comes_before_the_handler_has_done_its_work(network: MemoryNetwork) -> None:
    working: Deferred[None] = Deferred()

    class Slow(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
            super().handle_information(source, information_type, content)
            return working

    house = House(network, bob=Slow(), server=Slow())
    for custom, target, handler, _ in house.ways()[:2]:
        await custom.send_acked(target, 7, b"")
        assert len(handler.information) == 1
        # A second one is acknowledged as well, though it has to wait for the first one's handler.
        await custom.send_acked(target, 8, b"")
        assert len(handler.information) == 1
    working.callback(None)
    network.settle()
    assert len(house.at_bob.information) == 2


@simulated
async def test_a_handler_that_raises_was_acknowledged_all_the_same(network: MemoryNetwork) -> None:
    class Broken(Recorder):
        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            raise ValueError("after the acknowledgement")

    house = House(network, bob=Broken())
    await house.alice.custom.send_acked("bob", 1, b"")
    assert len(network.failures.take(ValueError)) == 1


@simulated
async def test_information_for_somebody_absent_is_not_acknowledged(network: MemoryNetwork) -> None:
    house = House(network)
    for custom in (house.alice.custom, house.server.custom):
        with pytest.raises(TargetAbsent) as caught:
            await custom.send_acked("nobody", 3, b"")
        assert (caught.value.target, caught.value.request_type) == ("nobody", 3)


# --- queries --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("answer", [b"answer", b"", None])
def test_queries_every_way_are_answered_and_none_is_not_empty(answer: bytes | None) -> None:
    network = MemoryNetwork()
    house = House(network, bob=Recorder(lambda _: answer), server=Recorder(lambda _: answer))
    for custom, target, handler, source in house.ways():
        assert network.run(custom.query(target, 9, b"question")) == answer
        assert handler.queries[-1] == (source, 9, b"question")
    network.close()


@simulated
async def test_a_query_times_out_naming_target_type_and_seconds(network: MemoryNetwork) -> None:
    house = House(network, bob=Recorder(lambda _: Deferred()), server=Recorder(lambda _: Deferred()))
    for custom, target, _, _ in house.ways():
        began = network.seconds()
        with pytest.raises(RequestTimeout, match="within 5 s") as caught:
            await custom.query(target, 9, b"", timeout=5)
        assert network.seconds() - began == pytest.approx(5)
        assert (caught.value.target, caught.value.request_type) == (target, 9)
        assert isinstance(caught.value, TimeoutError)
    await _cancelled_at_the_end(network)


async def _cancelled_at_the_end(network: MemoryNetwork) -> None:
    network.advance(35)
    assert len(network.failures.take(Exception)) > 0


@simulated
async def test_the_default_is_thirty_seconds(network: MemoryNetwork) -> None:
    house = House(network, bob=Recorder(lambda _: Deferred()))
    began = network.seconds()
    with pytest.raises(RequestTimeout):
        await house.alice.custom.query("bob", 1, b"")
    assert network.seconds() - began == pytest.approx(30)
    network.failures.take(Exception)


@simulated
async def test_a_handler_that_raises_fails_the_query_and_keeps_its_secret(network: MemoryNetwork) -> None:
    def fail(_: bytes | None) -> bytes:
        raise ValueError("secret detail")

    house = House(network, bob=Recorder(fail), server=Recorder(fail))
    for custom, target, _, _ in house.ways():
        with pytest.raises(HandlerRaised) as caught:
            await custom.query(target, 9, b"")
        assert (caught.value.target, caught.value.request_type) == (target, 9)
        assert "secret" not in str(caught.value)
    assert len(network.failures.take(ValueError)) == 2


@simulated
async def test_a_coroutine_that_raises_fails_the_query_as_well(network: MemoryNetwork) -> None:
    class Asynchronous(Recorder):
        async def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
            raise ValueError

    house = House(network, bob=Asynchronous())
    with pytest.raises(HandlerRaised):
        await house.alice.custom.query("bob", 9, b"")
    assert len(network.failures.take(ValueError)) == 1


@pytest.mark.parametrize("answer", ["text", 5, [b""]])
def test_an_answer_that_is_not_bytes_fails_the_query(answer: Any) -> None:
    network = MemoryNetwork()
    house = House(network, bob=Recorder(lambda _: answer))
    with pytest.raises(HandlerRaised):
        network.run(house.alice.custom.query("bob", 9, b""))
    network.close()


@simulated
async def test_an_answer_too_long_for_a_message_fails_the_query_and_nothing_else(network: MemoryNetwork) -> None:
    house = House(
        network, bob=Recorder(lambda _: bytes(MAX_MESSAGE)), server=Recorder(lambda _: already(bytes(MAX_MESSAGE)))
    )
    for custom, target, _, _ in house.ways():
        with pytest.raises(HandlerRaised):
            await custom.query(target, 9, b"")
    # Who could not answer goes on handling what comes next.
    assert await house.alice.custom.send_acked("bob", 1, b"") is None
    network.settle()
    assert len(house.at_bob.information) == 1
    assert house.server.users.count == 2


def already(value: Any) -> Deferred[Any]:
    fired: Deferred[Any] = Deferred()
    fired.callback(value)
    return fired


@simulated
async def test_a_query_whose_connection_is_lost_fails_at_once(network: MemoryNetwork) -> None:
    house = House(network, bob=Recorder(lambda _: Deferred()), server=Recorder(lambda _: Deferred()))
    asked = [custom.query(target, 9, b"") for custom, target, _, _ in house.ways()]
    network.settle()
    network.cut(house.alice)
    network.cut(house.bob)
    for waiting, target in zip(asked, (None, "bob", "bob"), strict=True):
        with pytest.raises(ConnectionInterrupted) as caught:
            await waiting
        assert (caught.value.target, caught.value.request_type) == (target, 9)
    network.advance(40)
    network.failures.take(Exception)


@simulated
async def test_a_query_to_somebody_absent_fails_at_once(network: MemoryNetwork) -> None:
    house = House(network)
    for custom in (house.alice.custom, house.server.custom):
        began = network.seconds()
        with pytest.raises(TargetAbsent) as caught:
            await custom.query("nobody", 9, b"")
        assert network.seconds() == began
        assert (caught.value.target, caught.value.request_type) == ("nobody", 9)


def test_the_four_failures_are_told_apart() -> None:
    kinds = (RequestTimeout, HandlerRaised, ConnectionInterrupted, TargetAbsent)
    assert all(issubclass(kind, RequestError) and issubclass(kind, EsError) for kind in kinds)
    assert not any(issubclass(kind, other) for kind in kinds for other in kinds if kind is not other)


@simulated
async def test_nobody_there_to_handle_a_query_fails_it(network: MemoryNetwork) -> None:
    server = network.server()
    alice = await network.client("alice")
    await network.client("bob")
    for target in (None, "bob"):
        with pytest.raises(HandlerRaised):
            await alice.custom.query(target, 1, b"")
    with pytest.raises(HandlerRaised):
        await server.custom.query("bob", 1, b"")


@simulated
async def test_a_query_that_is_cancelled_is_forgotten(network: MemoryNetwork) -> None:
    answers: list[Deferred[bytes]] = []

    def later(_: bytes | None) -> Deferred[bytes]:
        answers.append(Deferred())
        return answers[-1]

    house = House(network, bob=Recorder(later))
    asked = house.alice.custom.query("bob", 1, b"")
    outcome: list[Any] = []
    asked.addErrback(lambda failure: outcome.append(failure.type.__name__))
    network.settle()
    asked.cancel()
    answers[0].callback(b"too late")
    network.settle()
    assert outcome == ["CancelledError"]
    assert len(house.alice.calls) == 0


@simulated
async def test_many_queries_are_answered_each_with_its_own_answer(network: MemoryNetwork) -> None:
    network.conditions.delay = (0.0, 0.1)
    house = House(network, bob=Recorder(lambda content: content))
    asked = [house.alice.custom.query("bob", 1, str(number).encode()) for number in range(100)]
    assert [await waiting for waiting in asked] == [str(number).encode() for number in range(100)]


# --- blobs ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 1_000_000])
def test_a_blob_of_any_size_reaches_the_ordinary_handler_whole(size: int) -> None:
    network = MemoryNetwork()
    house = House(network)
    blob = bytes(range(256)) * (size // 256) + bytes(size % 256)
    for custom, target, handler, source in house.ways():
        network.run(custom.send_blob(target, 4, blob))
        network.settle()
        assert handler.information.pop() == (source, 4, blob)
    network.close()


@simulated
async def test_other_messages_go_between_the_fragments_of_a_blob(network: MemoryNetwork) -> None:
    network.conditions.window = 32 * 1024
    house = House(network)
    sent = house.alice.custom.send_blob("bob", 4, bytes(2_000_000))
    house.alice.custom.post("bob", 5, b"in between")
    await sent
    network.settle()
    assert [kind for _, kind, _ in house.at_bob.information] == [5, 4]


@simulated
async def test_two_blobs_at_once_arrive_both(network: MemoryNetwork) -> None:
    house = House(network)
    both = [house.alice.custom.send_blob("bob", kind, bytes([kind]) * 600_000) for kind in (1, 2)]
    for sent in both:
        await sent
    network.settle()
    assert sorted((kind, content) for _, kind, content in house.at_bob.information) == [
        (kind, bytes([kind]) * 600_000) for kind in (1, 2)
    ]


@simulated
async def test_a_blob_whose_connection_is_lost_raises_at_the_sender_and_never_arrives(network: MemoryNetwork) -> None:
    network.conditions.window = 32 * 1024
    house = House(network)
    for custom, target, handler, _ in house.ways():
        client = house.alice if custom is house.alice.custom else house.bob
        network.stop_reading(house.bob)
        network.connection_of(house.alice).server.hold(True)
        sent = custom.send_blob(target, 4, bytes(2_000_000))
        network.settle()
        network.cut(client)
        with pytest.raises(ConnectionInterrupted):
            await sent
        network.advance(5)
        assert house.alice.connected and house.bob.connected
        assert handler.information == []


@simulated
async def test_a_blob_from_the_server_to_somebody_absent_fails(network: MemoryNetwork) -> None:
    house = House(network)
    with pytest.raises(TargetAbsent):
        await house.server.custom.send_blob("nobody", 1, b"")


@pytest.mark.parametrize(
    ("content", "size", "problem"),
    [("text", 10, "bytes expected"), (b"", 0, "fragment_size"), (b"", MAX_MESSAGE, "fragment_size")],
)
def test_wrong_blobs_are_refused(content: Any, size: int, problem: str) -> None:
    network = MemoryNetwork()
    house = House(network)
    with pytest.raises(EncodeError, match=problem):
        house.alice.custom.send_blob("bob", 1, content, fragment_size=size)
    network.close()


@simulated
async def test_a_blob_larger_than_the_limit_is_refused(network: MemoryNetwork) -> None:
    house = House(network)
    with pytest.raises(EncodeError, match="send it as a file"):
        house.alice.custom.send_blob("bob", 1, memoryview(bytearray(MAX_BLOB_BYTES + 1)))


LONG_BLOB = bytes(range(256)) * 4096 * 8


@simulated
async def test_a_blob_to_a_slow_reader_waits_while_its_sender_talks_to_others(network: MemoryNetwork) -> None:
    server = network.server()
    keeper = Recorder()
    alice, bob = await network.client("alice"), await network.client("bob", handler=keeper)
    network.stop_reading(bob)
    sent = alice.custom.send_blob("bob", 1, LONG_BLOB)
    sent.addErrback(lambda failure: failure)
    network.advance(1)
    assert not sent.called
    assert await alice.basic.ping() < 0.5
    assert server.users.slow_clients(1)[0][1] < HARD_LIMIT // 2
    network.go_on_reading(bob)
    await sent
    network.settle()
    assert keeper.contents == [LONG_BLOB]


@simulated
async def test_a_stream_to_somebody_who_left_ends_with_the_connection(network: MemoryNetwork) -> None:
    network.server()
    alice, bob = await network.client("alice"), await network.client("bob")
    network.stop_reading(bob)
    outcome: list[Any] = []
    alice.custom.send_blob("bob", 1, LONG_BLOB).addBoth(outcome.append)
    network.advance(1)
    assert outcome == []
    network.cut(alice)
    network.settle()
    assert type(outcome[0].value).__name__ == "ConnectionInterrupted"


# --- the second set of calls ----------------------------------------------------------------------------------------
@simulated
async def test_messages_raise_their_event_and_no_handler(network: MemoryNetwork) -> None:
    house = House(network)
    at = {None: house.server, "bob": house.bob}
    for custom, target, handler, source in house.ways():
        got = record(at[target].custom.message_received)
        await custom.send_message(target, 3, b"m" * 100_000, "tag", fragment_size=4096)
        network.settle()
        assert got == [("message_received", source, 3, b"m" * 100_000, "tag")]
        assert handler.information == []


@simulated
async def test_a_message_for_somebody_absent_is_dropped_without_a_word(network: MemoryNetwork) -> None:
    house = House(network)
    failed = record(house.server.custom.transmit_failed)
    await house.alice.custom.send_message("nobody", 1, b"m")
    await house.server.custom.send_message("nobody", 1, b"m")
    network.settle()
    assert failed == []


@simulated
async def test_blobs_and_messages_do_not_mix(network: MemoryNetwork) -> None:
    house = House(network)
    got = record(house.bob.custom.message_received)
    sent = [
        house.alice.custom.send_blob("bob", 1, b"b" * 300_000),
        house.alice.custom.send_message("bob", 2, b"m" * 300_000, "t"),
    ]
    for waiting in sent:
        await waiting
    network.settle()
    assert house.at_bob.contents == [b"b" * 300_000]
    assert [message for _, _, _, message, _ in got] == [b"m" * 300_000]


@simulated
async def test_a_foreign_client_gets_what_the_protocol_says(network: MemoryNetwork) -> None:
    house = House(network)
    foreign = FramePeer(network, "foreign").online()
    house.alice.custom.post("foreign", 1, b"x")
    assert foreign.take()[0].body.hex() == "09000000" + "01000000" + "78" + "01000000"
