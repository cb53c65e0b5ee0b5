"""A client's session: logging on, being lost and coming back, and what is told of it."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory, Protocol

from esframework import (
    ClientEngine,
    ClientOptions,
    LogOnRequest,
    LogonResult,
    MessageType,
    RelogonMode,
    ServerOptions,
)
from esframework.errors import ConnectionFailed, EncodeError, LocalError, LogonFailed
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import LOG_ON_REPLY, LogOnReplyBody
from esframework.wire.frames import default_layout
from tests.peers import record


class Passwords:
    """Admits who knows the password."""

    def __init__(self, password: str) -> None:
        self.password = password
        self.requests: list[LogOnRequest] = []

    def verify(self, request: LogOnRequest) -> bool | str:
        self.requests.append(request)
        return request.password == self.password or "wrong password"


def life_of(client: ClientEngine) -> list[tuple[Any, ...]]:
    """Everything that a client tells of its session."""
    return record(
        client.opening,
        client.opened,
        client.closing,
        client.closed,
        client.connection_interrupted,
        client.rebuild_started,
        client.relogon_completed,
        client.basic.being_kicked_out,
        client.basic.being_pushed_out,
    )


def words(happened: list[tuple[Any, ...]]) -> list[str]:
    return [event[0] for event in happened]


# --- the first log-on -----------------------------------------------------------------------------------------------
@simulated
async def test_a_log_on_is_told_and_connected_means_logged_on(network: MemoryNetwork) -> None:
    network.server()
    client = network.new_client()
    happened = life_of(client)
    logging_on = client.log_on("alice", "", network.endpoint_of(client))
    assert not client.connected
    response = await logging_on
    assert (response.result, response.cause) == (LogonResult.SUCCEED, "")
    assert client.connected
    assert client.current_user_id == "alice"
    assert words(happened) == ["opening", "opened"]


@simulated
async def test_nobody_there_is_a_connection_failed_and_the_engine_may_try_again(network: MemoryNetwork) -> None:
    client = network.new_client()
    errors = record(client.error)
    with pytest.raises(ConnectionFailed, match="cannot connect"):
        await client.log_on("alice", "", network.endpoint_of(client))
    assert len(errors) == 1
    network.advance(120)
    assert network.endpoint_of(client).tries == 1
    network.server()
    await client.log_on("alice", "", network.endpoint_of(client))
    assert client.connected


@simulated
async def test_a_wrong_password_says_the_servers_cause_and_log_on_works_again(network: MemoryNetwork) -> None:
    network.server(verifier=Passwords("right"))
    client = network.new_client()
    with pytest.raises(LogonFailed, match="wrong password") as caught:
        await client.log_on("alice", "wrong", network.endpoint_of(client))
    assert (caught.value.result, caught.value.cause) == (LogonResult.FAILED, "wrong password")
    network.advance(120)
    assert network.endpoint_of(client).tries == 1
    await client.log_on("alice", "right", network.endpoint_of(client))


@simulated
async def test_a_second_log_on_is_refused_while_there_is_a_session(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    with pytest.raises(LocalError, match="'alice'; close first"):
        await client.log_on("alice", "", network.endpoint_of(client))


@simulated
async def test_a_server_that_never_answers_is_a_connection_failed(network: MemoryNetwork) -> None:
    class Mute:
        def verify(self, request: LogOnRequest) -> Any:
            return Deferred()

    network.server(verifier=Mute())
    began = network.seconds()
    with pytest.raises(ConnectionFailed, match="within 15 s"):
        await network.client("alice")
    assert network.seconds() - began == pytest.approx(15)


@simulated
async def test_a_connection_lost_before_the_answer_is_a_connection_failed(network: MemoryNetwork) -> None:
    client = network.new_client()
    network.server(options=ServerOptions(max_connections_per_address=1, limit_loopback=True))
    network.stranger()
    with pytest.raises(ConnectionFailed, match="before the log-on was answered"):
        await client.log_on("alice", "", network.endpoint_of(client))


@simulated
async def test_an_id_too_long_for_the_header_is_refused_before_anything_is_sent(network: MemoryNetwork) -> None:
    client = network.new_client(options=ClientOptions(max_user_id=5))
    with pytest.raises(EncodeError, match="carries"):
        await client.log_on("x" * 40, "", network.endpoint_of(client))
    assert network.endpoint_of(client).tries == 0


@simulated
async def test_closing_while_logging_on_fails_the_log_on(network: MemoryNetwork) -> None:
    network.conditions.delay = 1.0
    network.server()
    client = network.new_client()
    for seconds in (0.5, 2.5):
        logging_on = client.log_on("alice", "", network.endpoint_of(client))
        network.advance(seconds)
        closing = client.close()
        with pytest.raises(ConnectionFailed, match="closed while logging on"):
            await logging_on
        await closing
        assert not client.connected


@simulated
async def test_a_log_on_can_be_cancelled(network: MemoryNetwork) -> None:
    network.conditions.delay = 1.0
    network.server()
    client = network.new_client()
    logging_on = client.log_on("alice", "", network.endpoint_of(client))
    network.advance(0.5)
    logging_on.cancel()
    with pytest.raises(Exception, match="closed while logging on|^$"):
        await logging_on
    network.advance(30)
    assert not client.connected


@simulated
async def test_generation_seven_names_its_device_and_dates_its_token(network: MemoryNetwork) -> None:
    verifier = Passwords("")
    server = network.server(verifier=verifier)
    client = await network.client("alice", options=ClientOptions(generation=7, client_type=9, system_token="tok"))
    assert client.current_user_id == "alice"
    (request,) = verifier.requests
    assert (request.user_id, request.device, request.system_token) == ("alice", 9, "tok")
    assert request.authorized_user.startswith("esframework-python/")
    assert server.users.get("alice").client_type == 9


@simulated
async def test_an_answer_with_a_result_that_we_do_not_know_is_a_refusal(network: MemoryNetwork) -> None:
    class Server(Protocol):
        def dataReceived(self, data: bytes) -> None:
            layout = default_layout()
            reply = LOG_ON_REPLY.encode(LogOnReplyBody("who knows", False, 42, False, False))
            self.transport.write(layout.encode(112, reply, layout.field("_0"), layout.field("alice"), 1))

    port = await network.server_endpoint().listen(Factory.forProtocol(Server))
    with pytest.raises(LogonFailed, match="who knows .unknown result 42.") as caught:
        await network.client("alice")
    assert caught.value.result is LogonResult.FAILED
    await port.stopListening()


# --- lost and back --------------------------------------------------------------------------------------------------
@simulated
async def test_a_lost_connection_comes_back_and_tells_each_step(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    happened = life_of(client)
    network.cut(client)
    assert not client.connected
    assert words(happened) == ["connection_interrupted"]
    network.advance(1)
    assert words(happened) == ["connection_interrupted", "rebuild_started", "relogon_completed"]
    assert happened[-1][1].result is LogonResult.SUCCEED
    assert client.connected
    assert server.users.ids() == ["alice"]


@simulated
async def test_it_never_gives_up_and_waits_longer_and_longer_up_to_a_minute(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    happened = life_of(client)
    network.go_down()
    tries = network.endpoint_of(client).tries
    network.advance(6 * 3600)
    made = network.endpoint_of(client).tries - tries
    assert 6 * 60 < made < 6 * 60 * 3
    network.come_up()
    network.advance(60)
    assert client.connected
    assert words(happened).count("rebuild_started") == made + 1
    assert words(happened).count("relogon_completed") == 1
    # Once it has been online, it is as quick as at first.
    network.cut(client)
    network.advance(1)
    assert client.connected


@simulated
async def test_many_clients_do_not_come_back_at_once(network: MemoryNetwork) -> None:
    server = network.server()
    for number in range(40):
        await network.client(f"user{number}", options=ClientOptions(reconnect_first_delay=10))
    came: list[float] = []
    server.users.connected.subscribe(lambda user: came.append(network.seconds()))
    network.go_down()
    network.come_up()
    began = network.seconds()
    network.advance(30)
    assert len(came) == 40
    assert max(came) - min(came) > 5
    assert max(came) <= began + 10


@simulated
async def test_a_server_that_swallows_connects_is_tried_again(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice", options=ClientOptions(connect_timeout=5))
    network.go_down(silently=True)
    network.advance(60)
    network.come_up()
    network.advance(120)
    assert client.connected


@simulated
async def test_reconnect_now_does_not_wait(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    client.close_connection(reconnect_now=True)
    network.settle()
    assert client.connected


@simulated
async def test_reconnect_now_ends_a_wait_that_has_begun(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client(
        "alice", options=ClientOptions(reconnect_first_delay=1000, reconnect_longest_delay=1000)
    )
    network.cut(client)
    client.close_connection(reconnect_now=True)
    network.settle()
    assert client.connected


@simulated
async def test_without_auto_reconnect_a_lost_connection_is_the_end_and_log_on_works_again(
    network: MemoryNetwork,
) -> None:
    network.server()
    client = await network.client("alice", options=ClientOptions(auto_reconnect=False))
    happened = life_of(client)
    network.cut(client)
    network.advance(600)
    assert words(happened) == ["connection_interrupted", "closed"]
    await client.log_on("alice", "", network.endpoint_of(client))
    assert client.connected


@simulated
async def test_the_password_changed_meanwhile_ends_it_with_the_result(network: MemoryNetwork) -> None:
    verifier = Passwords("right")
    network.server(verifier=verifier)
    client = await network.client("alice", "right")
    happened = life_of(client)
    verifier.password = "changed"
    network.cut(client)
    network.advance(600)
    assert words(happened) == ["connection_interrupted", "rebuild_started", "relogon_completed", "closed"]
    assert (happened[2][1].result, happened[2][1].cause) == (LogonResult.FAILED, "wrong password")
    await client.log_on("alice", "changed", network.endpoint_of(client))


@simulated
async def test_a_refusal_that_is_only_for_now_is_waited_for(network: MemoryNetwork) -> None:
    verdicts: list[bool | str] = [True, "busy; try again in 20 s", True]

    class Busy:
        def verify(self, request: LogOnRequest) -> bool | str:
            return verdicts.pop(0)

    network.server(verifier=Busy())
    client = await network.client("alice")
    told = life_of(client)
    network.cut(client)
    network.advance(15)
    assert len(verdicts) == 1
    network.advance(60)
    assert client.connected and verdicts == []
    assert [each[1].result for each in told if each[0] == "relogon_completed"] == [
        LogonResult.FAILED,
        LogonResult.SUCCEED,
    ]


@simulated
async def test_a_first_log_on_that_is_refused_for_now_says_for_how_long(network: MemoryNetwork) -> None:
    class Busy:
        def verify(self, request: LogOnRequest) -> str:
            return "busy; try again in 20 s"

    network.server(verifier=Busy())
    with pytest.raises(LogonFailed) as caught:
        await network.client("alice")
    assert caught.value.retry_after == 20


@simulated
async def test_a_server_that_still_believes_in_the_old_connection_is_tried_again(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(relogon_mode=RelogonMode.IGNORE_NEW))
    client = await network.client("alice")
    network.unplug(client)
    client.close_connection(reconnect_now=True)
    network.settle()
    assert not client.connected
    assert server.users.is_online("alice")
    network.advance(120)
    assert client.connected


@simulated
async def test_kicked_out_is_told_and_is_the_end(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    happened = life_of(client)
    server.basic.kick_out("alice")
    network.advance(600)
    assert sorted(words(happened)) == ["being_kicked_out", "closed"]
    assert network.endpoint_of(client).tries == 1
    await client.log_on("alice", "", network.endpoint_of(client))
    assert client.connected


@simulated
async def test_pushed_out_is_told_and_is_the_end(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    happened = life_of(client)
    newer = await network.client("alice")
    network.advance(600)
    assert sorted(words(happened)) == ["being_pushed_out", "closed"]
    assert network.endpoint_of(client).tries == 1
    assert newer.connected


@simulated
async def test_subscribers_that_close_the_client_end_it(network: MemoryNetwork) -> None:
    network.server()
    for name in ("connection_interrupted", "rebuild_started", "relogon_completed"):
        client = await network.client("alice")
        getattr(client, name).subscribe(lambda *_, client=client: client.close())
        network.cut(client)
        network.advance(60)
        assert not client.connected, name


# --- heartbeats and time-outs ---------------------------------------------------------------------------------------
@simulated
async def test_heartbeats_keep_a_silent_client_online(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    frames = server.frames_received
    network.advance(600)
    assert server.users.is_online("alice")
    assert client.connected
    assert 59 <= server.frames_received - frames <= 61


@pytest.mark.parametrize("interval", [0, -1])
def test_without_heartbeats_the_server_ends_a_silent_client(interval: float) -> None:
    network = MemoryNetwork()
    server = network.server()
    client = network.run(
        network.client("alice", options=ClientOptions(heartbeat_interval=interval, auto_reconnect=False))
    )
    timed_out = record(server.users.timed_out)
    network.advance(32)
    assert len(timed_out) == 1
    assert not client.connected
    network.close()


@simulated
async def test_a_cut_cable_is_noticed_when_nothing_can_be_sent(network: MemoryNetwork) -> None:
    network.conditions.window = 32 * 1024
    network.server()
    client = await network.client("alice", options=ClientOptions(write_timeout=3, auto_reconnect=False))
    network.unplug(client)
    client.custom.post(None, 1, bytes(200_000))
    network.advance(6)
    assert not client.connected


@simulated
async def test_heartbeats_go_on_after_the_channel_was_full(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(write_timeout=0))
    client = await network.client("alice", options=ClientOptions(hard_limit=100_000, write_timeout=0))
    network.connection_of(client).server.hold(True)
    for _ in range(2):
        client.custom.post(None, 1, bytes(400_000))
        if client.channel_is_busy:
            break
    network.advance(25)
    network.connection_of(client).server.hold(False)
    network.advance(120)
    assert client.connected
    assert server.users.is_online("alice")


# --- the end --------------------------------------------------------------------------------------------------------
@simulated
async def test_close_writes_what_is_queued_and_leaves_nothing_behind(network: MemoryNetwork) -> None:
    received: list[int] = []

    class Handler:
        def handle_information(self, source: str, information_type: int, content: bytes) -> None:
            received.append(len(content))

    network.conditions.window = 64 * 1024
    server = network.server(Handler())
    client = await network.client("alice")
    happened = life_of(client)
    client.custom.post(None, 1, bytes(500_000))
    asked = client.custom.query(None, 1, b"")
    asked.addErrback(lambda failure: None)
    await client.close()
    assert received == [500_000]
    assert words(happened) == ["closing", "closed"]
    assert not client.connected
    network.settle()
    assert server.users.count == 0
    await server.close()
    assert network.leftovers() == []
    network.failures.take(Exception)


@simulated
async def test_close_does_not_wait_for_ever_for_a_server_that_does_not_read(network: MemoryNetwork) -> None:
    network.conditions.window = 32 * 1024
    network.server()
    client = await network.client("alice", options=ClientOptions(write_timeout=0))
    network.unplug(client)
    client.custom.post(None, 1, bytes(500_000))
    began = network.seconds()
    await client.close()
    assert network.seconds() - began == pytest.approx(5)


@simulated
async def test_close_during_the_wait_for_a_reconnect_ends_it(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    happened = life_of(client)
    network.cut(client)
    await client.close()
    await server.close()
    assert words(happened) == ["connection_interrupted", "closing", "closed"]
    assert network.leftovers() == []


@simulated
async def test_closing_twice_and_closing_what_never_began_are_harmless(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    first, second = client.close(), client.close()
    await first
    await second
    await network.new_client().close()


@simulated
async def test_while_it_closes_it_cannot_log_on_and_then_it_can(network: MemoryNetwork) -> None:
    network.conditions.delay = 0.5
    network.server()
    client = network.new_client()
    await client.log_on("alice", "", network.endpoint_of(client))
    closing = client.close()
    with pytest.raises(LocalError, match="closing"):
        await client.log_on("alice", "", network.endpoint_of(client))
    await closing
    await client.log_on("alice", "", network.endpoint_of(client))
    network.advance(30)
    assert client.connected


@simulated
async def test_an_orderly_end_of_the_server_is_an_interruption(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    happened = life_of(client)
    await server.close()
    network.settle()
    assert words(happened)[:1] == ["connection_interrupted"]
    assert MessageType.KICKED_OUT not in words(happened)


@simulated
async def test_reconnect_now_while_a_relogon_waits_for_its_answer_begins_anew(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    network.go_down(silently=True)
    client.close_connection(reconnect_now=True)
    network.advance(3)
    client.close_connection(reconnect_now=True)
    network.advance(1)
    network.come_up()
    network.advance(120)
    assert client.connected


@simulated
async def test_everybody_who_closes_hears_when_it_is_done(network: MemoryNetwork) -> None:
    server = network.server()
    client = await network.client("alice")
    first, second = client.close(), client.close()
    await first
    await second
    network.settle()
    assert server.users.count == 0


@simulated
async def test_what_the_server_says_of_itself_is_known_when_log_on_returns(network: MemoryNetwork) -> None:
    network.server()
    client = await network.client("alice")
    assert client.basic.server_features is not None


@simulated
async def test_what_came_before_the_connection_was_lost_is_handled_before_what_comes_after(
    network: MemoryNetwork,
) -> None:
    taken: list[bytes | None] = []
    jobs: list[Deferred[None]] = []

    class Slow:
        def handle_information(self, source: str | None, kind: int, content: bytes | None) -> Deferred[None]:
            taken.append(content)
            jobs.append(Deferred())
            return jobs[-1]

        def handle_query(self, source: str | None, kind: int, content: bytes | None) -> bytes | None:
            return content

    network.server()
    alice = await network.client("alice")
    bob = await network.client("bob", handler=Slow())
    for content in (b"1", b"2"):
        alice.custom.post("bob", 1, content)
    network.settle()
    bob.close_connection(reconnect_now=True)
    network.advance(1)
    alice.custom.post("bob", 1, b"3")
    network.advance(5)
    for _ in range(3):
        jobs[-1].callback(None)
        network.settle()
    assert taken == [b"1", b"2", b"3"]
