"""Messages that waited reach the program's handler: in order, once, and again when they were not handled."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework import ClientEngine, ClientOptions, Information, ServerEngine
from esframework.errors import EncodeError, NotDelivered, NotLoggedOn
from esframework.managers.basic.manager import BasicManager
from esframework.managers.custom.manager import CustomManager
from esframework.managers.offline.contracts import OfflineMessage, WaitingMessage
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.login_id import Source
from esframework.wire.types import Level, RequestFailure
from tests.peers import Recorder, record
from tests.unit.managers.offline.parts import EPOCH, OfflineRecorder, keeping_server

ALICE = Source("alice", 4, "4#alice")
READY = ClientOptions(offline_ready=True)


async def keep(server: ServerEngine, count: int, target: str = "bob", **more: Any) -> list[bytes]:
    """Let messages wait; their contents."""
    contents = [b"m%d" % number for number in range(count)]
    for content in contents:
        await server.offline.leave(target, 7, content, source=ALICE, **more)
    return contents


async def bob(network: MemoryNetwork, handler: Any = None, options: ClientOptions = READY) -> ClientEngine:
    client: ClientEngine = await network.client("bob", handler=handler, options=options)
    network.settle()
    return client


# --- handing over ---------------------------------------------------------------------------------------------------
@simulated
async def test_nothing_is_handed_over_before_the_client_is_ready(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    contents = await keep(server, 3)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())
    network.advance(30)
    assert handler.waited == []
    await client.offline.ready()
    network.settle()
    assert handler.waited_contents == contents
    assert await server.offline.waiting("bob") == []


@simulated
async def test_each_message_says_who_sent_it_and_when_the_server_took_it(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    network.advance(1.25)
    kept = await server.offline.leave("bob", 7, None, source=ALICE, id="the-id")
    at = EPOCH + network.seconds()
    handler = OfflineRecorder()
    await bob(network, handler)
    assert handler.waited == [OfflineMessage("the-id", kept.number, "alice", 4, 7, None, at, False)]
    assert handler.information == []


@simulated
async def test_a_handler_that_knows_nothing_of_waiting_gets_ordinary_information(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await server.offline.leave("bob", 7, b"hello", source=ALICE)
    await server.offline.leave("bob", 8, b"from the server")
    handler = Recorder()
    await bob(network, handler)
    assert handler.information == [("alice", 7, b"hello"), (None, 8, b"from the server")]
    source: Any = handler.information[0][0]
    assert source.device == 4


@simulated
async def test_many_are_handed_over_in_order_a_few_at_a_time(network: MemoryNetwork) -> None:
    server = keeping_server(network, messages=0)
    contents = await keep(server, 1000)
    handed_over = record(server.offline.handed_over)
    handler = OfflineRecorder()
    await bob(network, handler)
    assert handler.waited_contents == contents
    assert [message.content for _, message in handed_over] == contents
    assert server.stores.offline.asked.count("waiting") == 33


@simulated
async def test_a_program_hears_when_it_has_caught_up(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 100)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())
    seen: list[int] = []
    client.offline.caught_up.subscribe(lambda: seen.append(len(handler.waited)))
    await client.offline.ready()
    network.settle()
    assert seen == [100]


@simulated
async def test_who_is_ready_gets_at_once_what_is_kept_later(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    handler = OfflineRecorder()
    await bob(network, handler)
    contents = await keep(server, 2)
    network.settle()
    assert handler.waited_contents == contents


@simulated
async def test_the_option_says_ready_after_every_log_on_and_after_the_programs_subscribers(
    network: MemoryNetwork,
) -> None:
    server = keeping_server(network)
    await keep(server, 1)
    client = network.new_client(options=READY)
    handler = OfflineRecorder()
    client.opened.subscribe(lambda: setattr(client, "handler", handler))
    await client.log_on("bob", "", network.endpoint_of(client))
    network.settle()
    assert handler.waited_contents == [b"m0"]
    network.cut(client)
    alice = await network.client("alice")
    assert await alice.offline.send("bob", 1, b"while away") is Level.STORED_ON_DISK
    network.advance(60)
    assert handler.waited_contents == [b"m0", b"while away"]


# --- acknowledging --------------------------------------------------------------------------------------------------
@simulated
async def test_a_message_is_deleted_when_its_handler_has_finished_and_no_earlier(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 2)
    answers: list[Deferred[None]] = []

    class Slow(Recorder):
        def handle_information(self, *what: Any) -> Any:
            super().handle_information(*what)
            answers.append(Deferred())
            return answers[-1]

    handler = Slow()
    await bob(network, handler)
    assert (handler.contents, len(await server.offline.waiting("bob"))) == ([b"m0"], 2)
    answers[0].callback(None)
    network.settle()
    assert (handler.contents, len(await server.offline.waiting("bob"))) == ([b"m0", b"m1"], 1)
    answers[1].callback(None)
    network.settle()
    assert await server.offline.waiting("bob") == []


@simulated
async def test_what_a_handler_raised_for_stays_and_comes_again_marked_when_the_client_is_ready_again(
    network: MemoryNetwork,
) -> None:
    server = keeping_server(network)
    await keep(server, 3)
    handler = OfflineRecorder()
    handler.poison = {b"m1"}
    client = await bob(network, handler)
    assert handler.waited_contents == [b"m0", b"m1", b"m2"]
    assert [message.handed_out for message in await server.offline.waiting("bob")] == [1]
    handler.poison.clear()
    handler.waited.clear()
    await client.offline.ready()
    network.settle()
    assert [(message.content, message.redelivered) for message in handler.waited] == [(b"m1", True)]
    assert await server.offline.waiting("bob") == []
    assert len(network.failures.take(ValueError)) == 1


@simulated
async def test_without_a_handler_messages_stay(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 2)
    await bob(network, None)
    assert len(await server.offline.waiting("bob")) == 2


@simulated
async def test_a_process_that_dies_in_the_middle_leaves_the_rest_and_the_unfinished_one_marked(
    network: MemoryNetwork,
) -> None:
    server = keeping_server(network)
    contents = await keep(server, 70)
    never: Deferred[None] = Deferred()

    class Dying(Recorder):
        def handle_information(self, *what: Any) -> Any:
            super().handle_information(*what)
            return never if len(self.information) == 10 else None

    first = Dying()
    client = await bob(network, first)
    assert first.contents == contents[:10]
    await client.close()
    handler = OfflineRecorder()
    await bob(network, handler)
    assert handler.waited_contents == contents[9:]
    assert [message.redelivered for message in handler.waited] == [True] * 23 + [False] * 38


@simulated
async def test_after_a_cut_one_process_handles_nothing_twice(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    contents = await keep(server, 5)
    answer: Deferred[None] = Deferred()

    class Slow(OfflineRecorder):
        def handle_offline(self, message: OfflineMessage) -> Any:
            super().handle_offline(message)
            return answer if message.content == b"m2" else None

    handler = Slow()
    client = await bob(network, handler)
    assert handler.waited_contents == contents[:3]
    network.cut(client)
    network.advance(5)
    assert client.connected
    answer.callback(None)
    network.settle()
    assert sorted(handler.waited_contents) == contents  # type: ignore[type-var]
    assert await server.offline.waiting("bob") == []


@simulated
async def test_acknowledgements_that_were_lost_are_given_again(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    contents = await keep(server, 3)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())
    server.stores.offline.is_away = True
    client.offline.ready()
    network.settle()
    server.stores.offline.is_away = False
    network.advance(4)
    real, server.stores.offline.acknowledge = server.stores.offline.acknowledge, lambda *_: Deferred()
    network.advance(2)
    assert handler.waited_contents == contents
    server.stores.offline.acknowledge = real
    network.cut(client)
    network.advance(60)
    await client.offline.ready()
    network.settle()
    assert handler.waited_contents == contents


@simulated
async def test_filters_see_what_waited_and_what_they_drop_is_done_with(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 2)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())

    def choose(information: Information) -> Information | None:
        return None if information.content == b"m0" else replace(information, content=b"changed")

    client.custom.filters.add(choose)
    await client.offline.ready()
    network.settle()
    assert handler.waited_contents == [b"changed"]
    assert await server.offline.waiting("bob") == []


@simulated
async def test_what_is_known_from_elsewhere_is_acknowledged_and_not_handled(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    for id in ("a", "b"):
        await server.offline.leave("bob", 7, b"x", id=id)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())
    client.offline.known = lambda id: id == "a"
    await client.offline.ready()
    network.settle()
    assert [message.id for message in handler.waited] == ["b"]
    assert await server.offline.waiting("bob") == []


@simulated
async def test_who_cannot_tell_what_is_known_gets_the_message(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 1)
    handler = OfflineRecorder()
    client = await bob(network, handler, ClientOptions())
    client.offline.known = lambda id: {}[id]
    await client.offline.ready()
    network.settle()
    assert len(handler.waited) == len(network.failures.take(KeyError)) == 1


@simulated
async def test_a_handler_may_ask_for_something_while_many_wait_for_their_turn(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    server.handler = Recorder()
    contents = await keep(server, 100)
    client = network.new_client(options=READY)
    waited: list[bytes | None] = []
    all_are_here: Deferred[None] = Deferred()

    class Asking(Recorder):
        async def handle_offline(self, message: OfflineMessage) -> None:
            if not all_are_here.called:
                await all_are_here
            waited.append(await client.custom.query(None, 1, message.content))

    client.handler = Asking()
    await client.log_on("bob", "", network.endpoint_of(client))
    alice = await network.client("alice")
    for _ in range(20):
        await alice.custom.send("bob", 1, b"live")
    network.settle()
    all_are_here.callback(None)
    network.advance(1)
    assert waited == contents


# --- several devices ------------------------------------------------------------------------------------------------
@simulated
async def test_the_first_device_that_is_ready_takes_and_the_next_goes_on_when_it_leaves(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    contents = await keep(server, 3)
    never: Deferred[None] = Deferred()

    class Hanging(Recorder):
        def handle_information(self, *what: Any) -> Any:
            super().handle_information(*what)
            return never if len(self.information) == 2 else None

    phone, tablet = Hanging(), OfflineRecorder()
    generation_7 = ClientOptions(generation=7, offline_ready=True)
    first = await network.client("2#bob", handler=phone, options=generation_7)
    await network.client("4#bob", handler=tablet, options=generation_7)
    network.settle()
    assert (phone.contents, tablet.waited) == (contents[:2], [])
    await first.close()
    network.settle()
    assert tablet.waited_contents == contents[1:]
    assert await server.offline.waiting("bob") == []


@simulated
async def test_a_second_device_hears_that_nothing_waits(network: MemoryNetwork) -> None:
    keeping_server(network)
    generation_7 = ClientOptions(generation=7)
    clients = [await network.client(id, options=generation_7) for id in ("2#bob", "4#bob")]
    caught_up = [record(client.offline.caught_up) for client in clients]
    for client in clients:
        await client.offline.ready()
    network.settle()
    assert caught_up == [[("caught_up",)]] * 2


# --- looking and discarding -----------------------------------------------------------------------------------------
@simulated
async def test_what_waits_can_be_listed_without_taking_it(network: MemoryNetwork) -> None:
    server = keeping_server(network, messages=0)
    network.advance(0.5)
    kept = await server.offline.leave("bob", 7, b"hello", source=ALICE, id="the-id")
    client = await bob(network, OfflineRecorder(), ClientOptions())
    [only] = await client.offline.waiting()
    assert only == WaitingMessage(
        "the-id", kept.number, "alice", 4, 7, 5, kept.received_at, kept.expires_at, 0
    )
    await keep(server, 450)
    numbers = [message.number for message in await client.offline.waiting()]
    assert len(numbers) == 451 and numbers == sorted(numbers)
    assert len(await server.offline.waiting("bob", limit=1000)) == 451


@simulated
async def test_what_waits_can_be_discarded_unread(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    await keep(server, 3)
    await keep(server, 1, target="carol")
    client = await bob(network, OfflineRecorder(), ClientOptions())
    first, second, _ = await client.offline.waiting()
    assert await client.offline.discard([first.number, second.number, 12345]) == 2
    assert [message.size for message in await client.offline.waiting()] == [2]
    [other] = await server.offline.waiting("carol")
    assert await client.offline.discard([other.number]) == 0
    with pytest.raises(NotDelivered) as caught:
        await client.offline.discard(range(10_001))
    assert caught.value.reason == RequestFailure.INVALID


# --- servers that cannot, or cannot now -----------------------------------------------------------------------------
@simulated
async def test_a_server_without_the_manager_is_told_from_one_that_has_it(network: MemoryNetwork) -> None:
    network.server(managers=[BasicManager(), CustomManager()])
    client = await bob(network)
    with pytest.raises(NotDelivered, match="does not serve .offline."):
        await client.offline.ready()
    await client.close()
    with pytest.raises(NotLoggedOn):
        client.offline.ready()


@simulated
async def test_a_hand_over_goes_on_when_the_database_is_back(network: MemoryNetwork) -> None:
    server = keeping_server(network)
    contents = await keep(server, 100)
    server.stores.offline.is_away = True
    handler = OfflineRecorder()
    client = await bob(network, handler)
    with pytest.raises(NotDelivered, match="store failed") as caught:
        await client.offline.waiting()
    assert caught.value.reason == RequestFailure.STORE_FAILED
    network.advance(20)
    assert handler.waited == []
    server.stores.offline.is_away = False
    network.advance(6)
    assert handler.waited_contents == contents
    assert await server.offline.waiting("bob") == []
    assert server.refusals.counts["offline_hand_over_store_failed"] > 1


@simulated
async def test_what_was_acknowledged_while_the_database_was_away_is_deleted_when_it_is_back(
    network: MemoryNetwork,
) -> None:
    server = keeping_server(network)
    await keep(server, 2)
    answer: Deferred[None] = Deferred()

    class Slow(OfflineRecorder):
        def handle_offline(self, message: OfflineMessage) -> Any:
            super().handle_offline(message)
            return answer

    client = await bob(network, Slow())
    server.stores.offline.is_away = True
    answer.callback(None)
    network.settle()
    await client.close()
    server.stores.offline.is_away = False
    assert len(await server.offline.waiting("bob")) == 2
    network.advance(6)
    assert await server.offline.waiting("bob") == []


@simulated
async def test_what_fits_no_message_cannot_be_kept_and_no_blob_is_advised(network: MemoryNetwork) -> None:
    keeping_server(network)
    alice = await network.client("alice")
    with pytest.raises(EncodeError, match="in several messages.*blobs are never kept"):
        await alice.offline.send("bob", 7, bytes(2 * 1024 * 1024))
