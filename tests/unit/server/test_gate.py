"""Who may come in, what the newcomer is told, and in which order things are told when sessions begin and end."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import deferLater

from esframework import (
    ClientOptions,
    DisconnectedType,
    LogOnRequest,
    LogonResult,
    MessageInvalidType,
    MessageType,
    RelogonMode,
    ServerEngine,
    ServerOptions,
)
from esframework.errors import LogonFailed
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.contracts import EARLY_ANSWER, EARLY_QUERY, FEATURES, EarlyAnswerBody, EarlyQueryBody
from esframework.wire.profile import ClientType7
from esframework.wire.retry import retry_after
from tests.peers import FramePeer, record


class Verifier:
    """Answers what it is told to, and keeps the requests."""

    def __init__(self, verdict: Any = True) -> None:
        self.verdict = verdict
        self.requests: list[LogOnRequest] = []

    def verify(self, request: LogOnRequest) -> Any:
        self.requests.append(request)
        if isinstance(self.verdict, Exception):
            raise self.verdict
        return self.verdict


def session_events(server: ServerEngine) -> list[tuple[Any, ...]]:
    """Everything that a server's users tell, in order, users by their names."""
    users = server.users
    happened = record(
        users.connected, users.disconnected, users.pushed_out, users.timed_out, users.new_connection_ignored
    )
    return happened


def words(happened: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [(word, getattr(first, "user_id", first), *rest) for word, first, *rest in happened]


# --- the verifier's word ------------------------------------------------------------------------------------------
@simulated
async def test_the_verifier_sees_who_asks(network: MemoryNetwork) -> None:
    verifier = Verifier()
    network.server(verifier=verifier)
    FramePeer(network, "4#alice", generation=7, client_type=4).log_on("secret", "token")
    assert verifier.requests == [
        LogOnRequest(
            user_id="alice",
            password="secret",
            system_token="token",
            authorized_user="FreeUser",
            client_type=4,
            device=4,
            address="127.0.0.1",
        )
    ]


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_generation_seven_sends_its_date_before_the_token_and_six_does_not(days: int) -> None:
    network = MemoryNetwork()
    verifier = Verifier()
    network.server(verifier=verifier)
    dated = (date.today() + timedelta(days)).strftime("%Y%m%d") + "tok"
    FramePeer(network, "seven", generation=7).log_on(token=dated)
    FramePeer(network, "six").log_on(token=dated)
    assert [request.system_token for request in verifier.requests] == ["tok", dated]
    network.close()


@pytest.mark.parametrize("verdict", [True, succeed(True)])
def test_true_admits(verdict: Any) -> None:
    network = MemoryNetwork()
    server = network.server(verifier=Verifier(verdict))
    assert FramePeer(network, "alice").log_on().logon_result == LogonResult.SUCCEED
    assert server.users.ids() == ["alice"]
    network.close()


@simulated
async def test_a_coroutine_may_decide(network: MemoryNetwork) -> None:
    class Slow:
        async def verify(self, request: LogOnRequest) -> bool:
            await deferLater(network.reactor, 20.0, lambda: None)
            return request.password == "right"

    network.server(verifier=Slow())
    await network.client("alice", "right", options=ClientOptions(log_on_timeout=60))
    with pytest.raises(LogonFailed):
        await network.client("bob", "wrong", options=ClientOptions(log_on_timeout=60))


@pytest.mark.parametrize(
    ("verdict", "cause"),
    [("the account is locked", "the account is locked"), (False, ""), (None, ""), (1, ""), ([True], "")],
)
def test_anything_but_true_refuses_and_a_text_says_why(verdict: Any, cause: str) -> None:
    network = MemoryNetwork()
    server = network.server(verifier=Verifier(verdict))
    peer = FramePeer(network, "alice")
    reply = peer.log_on()
    assert (reply.logon_result, reply.failure_cause) == (LogonResult.FAILED, cause)
    assert not peer.is_connected
    assert server.users.count == 0
    assert server.refusals.counts["log_on_refused"] == 1
    network.close()


@simulated
async def test_a_verifier_that_fails_refuses_without_telling_why(network: MemoryNetwork) -> None:
    network.server(verifier=Verifier(ValueError("the database's password is hunter2")))
    reply = FramePeer(network, "alice").log_on()
    assert reply.logon_result == LogonResult.FAILED
    assert "hunter2" not in (reply.failure_cause or "")
    assert len(network.failures.take(ValueError)) == 1


@simulated
async def test_who_leaves_before_the_verdict_is_not_admitted_after_it(network: MemoryNetwork) -> None:
    verdict: Deferred[bool] = Deferred()
    server = network.server(verifier=Verifier(verdict))
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame())
    network.settle()
    peer.stranger.transport.abortConnection()
    network.settle()
    verdict.callback(True)
    network.advance(5)
    assert server.users.count == 0
    assert server.connection_count == 0


# --- before the verifier --------------------------------------------------------------------------------------------
@pytest.mark.parametrize("user_id", ["_alice", "al*ce", " alice", "a\nb", "4#_x"])
def test_names_against_the_rules_are_refused(user_id: str) -> None:
    network = MemoryNetwork()
    verifier = Verifier()
    server = network.server(verifier=verifier)
    assert FramePeer(network, user_id).log_on().logon_result == LogonResult.FAILED
    assert verifier.requests == []
    assert server.refusals.counts["invalid_user_id"] == 1
    network.close()


@simulated
async def test_a_name_longer_than_the_server_allows_is_refused(network: MemoryNetwork) -> None:
    network.server(options=ServerOptions(max_user_id=5))
    assert FramePeer(network, "short").log_on().logon_result == LogonResult.SUCCEED
    assert "at most 5" in (FramePeer(network, "longer").log_on().failure_cause or "")


@simulated
async def test_only_allowed_client_types_come_in(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(allowed_client_types=frozenset({4})))
    assert FramePeer(network, "ios", client_type=4).log_on().logon_result == LogonResult.SUCCEED
    six = FramePeer(network, "six", client_type=0)
    assert six.log_on().logon_result == LogonResult.FAILED
    seven = FramePeer(network, "seven", generation=7, client_type=9)
    assert seven.log_on().logon_result == LogonResult.CLIENT_TYPE_MISMATCHED
    assert not six.is_connected and not seven.is_connected
    assert server.refusals.counts["client_type"] == 2


@simulated
async def test_who_failed_too_often_waits_and_the_verifier_is_not_asked(network: MemoryNetwork) -> None:
    verifier = Verifier("wrong")
    server = network.server(verifier=verifier, options=ServerOptions(max_log_on_tries=2))
    for _ in range(2):
        FramePeer(network, "alice", host="10.0.0.9").log_on()
    assert "try again in 1 s" in (FramePeer(network, "alice", host="10.0.0.9").log_on().failure_cause or "")
    assert len(verifier.requests) == 2
    assert server.refusals.counts == {"log_on_refused": 2, "log_on_tries": 1}
    verifier.verdict = True
    FramePeer(network, "bob", host="10.0.0.8").online()
    network.advance(1)
    FramePeer(network, "alice", host="10.0.0.9").online()


# --- what the newcomer gets -------------------------------------------------------------------------------------------
@simulated
async def test_only_a_client_of_ours_is_told_the_features(network: MemoryNetwork) -> None:
    network.server()
    foreign = FramePeer(network, "foreign").online()
    ours = FramePeer(network, "ours", authorized_user="esframework-python/9.9").online()
    assert foreign.take() == []
    (features,) = ours.take()
    assert features.message_type == MessageType.FEATURES
    assert "custom" in FEATURES.decode(features.body).features


@simulated
async def test_what_came_behind_the_log_on_is_handled_after_it(network: MemoryNetwork) -> None:
    verdict: Deferred[bool] = Deferred()
    network.server(verifier=Verifier(verdict))
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame() + peer.frame(MessageType.ALL_ONLINE_USERS, b"", 2))
    network.settle()
    assert peer.take() == []
    verdict.callback(True)
    assert [frame.message_type for frame in peer.take()] == [MessageType.LOG_ON, MessageType.ALL_ONLINE_USERS]


@simulated
async def test_queries_before_the_log_on_are_answered_by_the_hook_or_empty(network: MemoryNetwork) -> None:
    server = network.server()
    peer = FramePeer(network, "alice", generation=7)
    peer.send(MessageType.QUERY_BEFORE_LOG_ON, EARLY_QUERY.encode(EarlyQueryBody("q", 1)), 5)
    assert [EARLY_ANSWER.decode(frame.body) for frame in peer.take()] == [EarlyAnswerBody("")]
    server.answer_early_query = lambda content, query_type: f"{content}{query_type}"
    peer.send(MessageType.QUERY_BEFORE_LOG_ON, EARLY_QUERY.encode(EarlyQueryBody("q", 1)), 6)
    (answer,) = peer.take()
    assert (answer.message_id, EARLY_ANSWER.decode(answer.body)) == (6, EarlyAnswerBody("q1"))
    assert server.refusals.counts["query_before_log_on"] == 2
    peer.online()


# --- when the server is at fault -----------------------------------------------------------------------------------
@simulated
async def test_a_client_whose_log_on_fails_inside_is_refused_for_now(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> Any:
        raise ZeroDivisionError("an error of the server")

    server = network.server()
    monkeypatch.setattr(server.users, "excluded_by", fail)
    peer = FramePeer(network, "alice")
    reply = peer.log_on()
    assert reply.logon_result == LogonResult.FAILED
    assert (reply.failure_cause or "").startswith("the server failed")
    assert retry_after(reply.failure_cause or "") == 10
    assert server.refusals.counts["log_on_error"] == 1
    assert len(network.failures.take(ZeroDivisionError)) == 1
    assert not peer.is_connected


@simulated
async def test_a_client_that_was_admitted_when_it_failed_is_cut(
    network: MemoryNetwork, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any) -> None:
        raise ZeroDivisionError("an error of the server")

    server = network.server()
    monkeypatch.setattr(server.users, "add", fail)
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame())
    network.settle()
    assert (server.users.ids(), server.connection_count, peer.is_connected) == ([], 0, False)
    assert len(network.failures.take(ZeroDivisionError)) == 1


# --- one account twice ----------------------------------------------------------------------------------------------
@simulated
async def test_replace_old_pushes_out_the_old_one_and_tells_in_order(network: MemoryNetwork) -> None:
    server = network.server()
    old = FramePeer(network, "alice").online()
    happened = session_events(server)
    open_when_told: list[bool] = []
    server.users.pushed_out.subscribe(lambda user: open_when_told.append(old.is_connected))
    new = FramePeer(network, "alice").online()
    assert words(happened) == [
        ("pushed_out", "alice"),
        ("disconnected", "alice", DisconnectedType.BEING_PUSHED_OUT),
        ("connected", "alice"),
    ]
    assert open_when_told == [True]
    assert [frame.message_type for frame in old.take()] == [MessageType.PUSHED_OUT]
    assert not old.is_connected
    assert new.is_connected
    assert server.users.count == 1


@simulated
async def test_whoever_closes_the_server_when_somebody_is_pushed_out_leaves_nobody_behind(
    network: MemoryNetwork,
) -> None:
    server = network.server()
    server.users.pushed_out.subscribe(lambda user: server.close())
    FramePeer(network, "alice").online()
    newcomer = FramePeer(network, "alice")
    newcomer.stranger.write(newcomer.log_on_frame())
    network.advance(10)
    assert (server.users.ids(), server.connection_count) == ([], 0)


@simulated
async def test_ignore_new_refuses_only_the_device_that_is_excluded(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(relogon_mode=RelogonMode.IGNORE_NEW))
    FramePeer(network, "4#alice", generation=7).online()
    again = FramePeer(network, "4#alice", generation=7)
    assert again.log_on().logon_result == LogonResult.HAD_LOGGED_ON
    FramePeer(network, "9#alice", generation=7).online()
    assert len(server.users.devices_of("alice")) == 2


@simulated
async def test_a_login_id_whose_number_is_no_device_is_refused(network: MemoryNetwork) -> None:
    server = network.server()
    reply = FramePeer(network, "77#alice", generation=7).log_on()
    assert reply.logon_result == LogonResult.FAILED
    assert "77#alice" in (reply.failure_cause or "")
    assert server.refusals.counts["unknown_device"] == 1


@simulated
async def test_the_verifier_gets_the_bare_id_and_the_device_beside_it(network: MemoryNetwork) -> None:
    verifier = Verifier()
    network.server(verifier=verifier)
    FramePeer(network, "5#alice", client_type=5).online()
    FramePeer(network, "bob", client_type=4).online()
    assert [(request.user_id, request.device) for request in verifier.requests] == [
        ("alice", ClientType7.ANDROID),
        ("bob", ClientType7.IOS),
    ]


@simulated
async def test_ignore_new_tells_the_newcomer_and_raises_the_event_before_it_is_closed(network: MemoryNetwork) -> None:
    server = network.server(options=ServerOptions(relogon_mode=RelogonMode.IGNORE_NEW))
    old = FramePeer(network, "alice").online()
    happened = session_events(server)
    new = FramePeer(network, "alice", host="127.0.0.7")
    open_when_told: list[bool] = []
    server.users.new_connection_ignored.subscribe(lambda *_: open_when_told.append(new.is_connected))
    assert new.log_on().logon_result == LogonResult.HAD_LOGGED_ON
    ((word, user_id, address),) = happened
    assert (word, user_id, address[0]) == ("new_connection_ignored", "alice", "127.0.0.7")
    assert open_when_told == [True]
    assert not new.is_connected
    assert old.is_connected


@simulated
async def test_the_relogon_mode_may_change_while_the_server_runs(network: MemoryNetwork) -> None:
    server = network.server()
    FramePeer(network, "alice").online()
    server.users.relogon_mode = RelogonMode.IGNORE_NEW
    assert FramePeer(network, "alice").log_on().logon_result == LogonResult.HAD_LOGGED_ON


# --- the ends -------------------------------------------------------------------------------------------------------
@simulated
async def test_a_kicked_user_is_told_and_the_reason_is_kicked_out(network: MemoryNetwork) -> None:
    server = network.server()
    alice = FramePeer(network, "alice").online()
    happened = session_events(server)
    assert server.basic.kick_out("alice")
    assert [frame.message_type for frame in alice.take()] == [MessageType.KICKED_OUT]
    assert not alice.is_connected
    assert words(happened) == [("disconnected", "alice", DisconnectedType.KICKED_OUT)]
    assert not server.basic.kick_out("alice")


@simulated
async def test_every_end_has_its_reason(network: MemoryNetwork) -> None:
    server = network.server()
    happened = session_events(server)
    left, forger, garbler, silent = (
        FramePeer(network, name).online() for name in ("left", "forger", "garbler", "silent")
    )
    left.stranger.transport.loseConnection()
    forger.send(MessageType.INFORMATION, b"", to="left", name="silent")
    garbler.stranger.write(b"no frame")
    network.advance(31)
    assert not silent.is_connected
    assert words(happened)[4:] == [
        ("disconnected", "left", DisconnectedType.NETWORK_INTERRUPTED),
        ("disconnected", "forger", DisconnectedType.MESSAGE_WITH_WRONG_USER_ID),
        ("disconnected", "garbler", DisconnectedType.INVALID_MESSAGE),
        ("timed_out", "silent"),
        ("disconnected", "silent", DisconnectedType.HEARTBEAT_TIMEOUT),
    ]


@simulated
async def test_invalid_bytes_raise_the_event_with_address_and_kind(network: MemoryNetwork) -> None:
    server = network.server()
    invalid = record(server.invalid_message)
    FramePeer(network, "alice", host="127.0.0.5").stranger.write(b"GET / HTTP/1.1\r\n")
    network.settle()
    ((_, (host, _), kind),) = invalid
    assert (host, kind) == ("127.0.0.5", MessageInvalidType.INVALID_TOKEN)
    assert server.refusals.counts["invalid_message_invalid_token"] == 1


@simulated
async def test_a_subscriber_may_end_the_session_that_it_is_told_of(network: MemoryNetwork) -> None:
    server = network.server()
    server.users.connected.subscribe(lambda user: server.basic.kick_out(user.user_id))
    peer = FramePeer(network, "alice")
    peer.stranger.write(peer.log_on_frame() + peer.frame(MessageType.ALL_ONLINE_USERS, b"", 2))
    assert [frame.message_type for frame in peer.take()] == [MessageType.LOG_ON, MessageType.KICKED_OUT]
    assert server.users.count == 0
    network.advance(1)
    assert not peer.is_connected


@simulated
async def test_a_hook_for_early_queries_that_fails_answers_with_an_empty_text(network: MemoryNetwork) -> None:
    server = network.server()
    server.answer_early_query = lambda content, query_type: str(1 // 0)
    peer = FramePeer(network, "alice", generation=7)
    peer.send(MessageType.QUERY_BEFORE_LOG_ON, EARLY_QUERY.encode(EarlyQueryBody("q", 1)), 5)
    assert [EARLY_ANSWER.decode(frame.body) for frame in peer.take()] == [EarlyAnswerBody("")]
    assert len(network.failures.take(ZeroDivisionError)) == 1


@simulated
async def test_tries_that_are_verified_at_the_same_time_count_as_well(network: MemoryNetwork) -> None:
    asked: list[str] = []

    class Slow:
        def verify(self, request: LogOnRequest) -> Any:
            asked.append(request.user_id)
            return Deferred()

    network.server(verifier=Slow(), options=ServerOptions(max_log_on_tries=10))
    for number in range(50):
        peer = FramePeer(network, f"u{number}", host="10.0.0.9")
        peer.stranger.write(peer.log_on_frame())
    network.settle()
    assert len(asked) == 10
