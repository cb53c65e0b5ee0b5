"""One lean connection: it logs on as any client does, hands frames on, and says how it ended."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from esframework.cli.benching.connection import LoadConnection, layout_for
from esframework.cli.benching.schemes import Plan, make_plan
from esframework.errors import ConnectionFailed, LogonFailed
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnReplyBody
from esframework.wire.frames import FrameDecoder
from esframework.wire.information import decode_information
from esframework.wire.types import LogonResult, MessageType


def plan(generation: int = 6) -> Plan:
    return make_plan("flood", connections=1, seconds=1.0, user_prefix="u", generation=generation)


def connected(generation: int = 6) -> tuple[LoadConnection, StringTransport]:
    connection, transport = LoadConnection(plan(generation), "u0", "secret"), StringTransport()
    connection.makeConnection(transport)
    return connection, transport


def reply(result: int = 0, cause: str = "") -> bytes:
    layout = layout_for(plan())
    body = LOG_ON_REPLY.encode(LogOnReplyBody(cause, False, result, False, False))
    return layout.encode(MessageType.LOG_ON, body, layout.field("_0"), layout.field("u0"), 1)


def ping(message_id: int) -> bytes:
    layout = layout_for(plan())
    return layout.encode(MessageType.PING_ANSWER, b"", layout.field("_0"), layout.field("u0"), message_id)


def outcome(connection: LoadConnection) -> Any:
    results: list[Any] = []
    connection.logged_on.addBoth(results.append)
    return results[0] if results else None


def test_it_logs_on_with_the_manual_s_header_of_36_bytes() -> None:
    connection, transport = connected()
    assert connection.layout.header_size == 36
    [(message_type, _, source, _, raw)] = FrameDecoder(connection.layout).feed(transport.value())
    body = LOG_ON.decode(raw[36:])
    assert (message_type, connection.layout.id_of(source), body.password) == (MessageType.LOG_ON, "u0", "secret")


def test_in_generation_7_it_names_its_device_and_the_date() -> None:
    connection, transport = connected(generation=7)
    [(_, _, source, _, raw)] = FrameDecoder(connection.layout).feed(transport.value())
    body = LOG_ON.decode(raw[connection.layout.header_size :])
    assert connection.layout.id_of(source) == "10#u0"
    assert body.system_token == f"{date.today():%Y%m%d}"


def test_once_logged_on_it_hands_frames_on_those_of_the_same_read_too() -> None:
    connection, _ = connected()
    came: list[int] = []
    connection.on_frames = lambda frames: came.extend(frame[1] for frame in frames)
    connection.dataReceived(reply() + ping(1))
    connection.dataReceived(ping(2) + ping(3))
    assert outcome(connection) is connection
    # Whoever waits for the log-on sets `on_frames` before anything else is handed on.
    assert came == [1, 2, 3]


def test_a_refusal_says_result_and_cause() -> None:
    connection, transport = connected()
    connection.dataReceived(reply(LogonResult.FAILED, "wrong password"))
    error = outcome(connection).value
    assert isinstance(error, LogonFailed)
    assert (error.result, error.cause) == (LogonResult.FAILED, "wrong password")
    assert transport.disconnecting


def test_a_result_that_nobody_knows_is_a_refusal_too() -> None:
    connection, _ = connected()
    connection.dataReceived(reply(77, ""))
    assert outcome(connection).value.result == 77


@pytest.mark.parametrize("data", [ping(1), reply()[:-1].replace(b"\x70\x00", b"\x71\x00", 1) + b"\0"])
def test_anything_else_than_an_answer_is_no_server_of_this_protocol(data: bytes) -> None:
    connection, _ = connected()
    connection.dataReceived(data)
    assert isinstance(outcome(connection).value, ConnectionFailed)


def test_bytes_that_are_no_frames_cut_the_connection() -> None:
    connection, transport = connected()
    connection.dataReceived(b"HTTP/1.1 400 Bad Request\r\n")
    assert transport.disconnected


def test_a_connection_lost_before_the_answer_says_so() -> None:
    connection, _ = connected()
    connection.connectionLost(Failure(ConnectionDone()))
    assert "before the log-on was answered" in str(outcome(connection).value)
    assert connection.is_lost


def test_a_connection_lost_later_is_told_once() -> None:
    connection, _ = connected()
    lost: list[bool] = []
    connection.on_lost = lambda: lost.append(True)
    connection.dataReceived(reply())
    connection.connectionLost(Failure(ConnectionDone()))
    assert lost == [True]


def test_a_transport_that_has_enough_is_heard() -> None:
    connection, transport = connected()
    writable: list[bool] = []
    connection.on_writable = lambda: writable.append(connection.is_paused)
    transport.producer.pauseProducing()
    assert connection.is_paused
    transport.producer.resumeProducing()
    assert writable == [False]


def test_information_carries_type_content_and_target() -> None:
    connection, _ = connected()
    [(message_type, _, _, to, raw)] = FrameDecoder(connection.layout).feed(connection.information(7, b"abc", "u1"))
    assert (message_type, connection.layout.id_of(to)) == (MessageType.INFORMATION_POSTED, "u1")
    assert decode_information(raw[36:]) == (7, b"abc")
