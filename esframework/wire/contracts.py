"""The bodies that several managers share, as plain data classes (protocol, section 3).

A field's wire name decides its place in the body; see `compact` for the rule. Bodies of one manager live with that
manager.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from esframework.wire.compact import MILLISECONDS, TICKS, UInt64, codec


def _wire(name: str) -> Any:
    return field(metadata={"wire": name})


@dataclass(frozen=True, slots=True)
class LogOnBody:
    """112, client to server."""

    authorized_user: str | None
    password: str | None
    system_token: str | None


@dataclass(frozen=True, slots=True)
class LogOnReplyBody:
    """112, server to client."""

    failure_cause: str | None
    group_relation_enabled: bool
    logon_result: int
    p2p_enabled: bool = _wire("P2PEnabled")
    use_as_p2p_server: bool = _wire("UseAsP2PServer")


@dataclass(frozen=True, slots=True)
class EarlyQueryBody:
    """118 of generation 7, client to server, before the log-on."""

    content: str | None
    query_type: int


@dataclass(frozen=True, slots=True)
class EarlyAnswerBody:
    """118 of generation 7, server to client."""

    response: str | None


@dataclass(frozen=True, slots=True)
class FeaturesBody:
    """1000, ours: what this server adds to the protocol; sent after the log-on of a client of ours."""

    features: list[str]
    version: str


@dataclass(frozen=True, slots=True)
class RequestFailedBody:
    """1001, ours: a request (by its message id) will not be answered; `reason` is a `RequestFailure`."""

    detail: str
    reason: int


@dataclass(frozen=True, slots=True)
class StreamFlowBody:
    """1002, ours, server to client: `user_id` is too busy for pieces of large things, or ready for them again."""

    is_ready: bool
    user_id: str = _wire("UserID")


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginFile6:
    """301 of generation 6."""

    comment: str | None
    is_folder: bool
    last_update_time: datetime
    origin_path: str | None
    project_id: str | None = _wire("ProjectID")
    total_size: UInt64


@dataclass(frozen=True, slots=True, kw_only=True)
class BeginFile7(BeginFile6):
    """301 of generation 7."""

    sender_client_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile6:
    """302 of generation 6; the protocol spells its "disrupted" with two t."""

    agree: bool
    disrupted_received_count: UInt64 = _wire("DisrupttedFileReceivedCount")
    disrupted_relative_path: str | None = _wire("DisrupttedFileRelativePath")
    disrupted_size: UInt64 = _wire("DisrupttedFileSize")
    project_id: str | None = _wire("ProjectID")
    received_count: UInt64
    reject_cause: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFile7(AnswerFile6):
    """302 of generation 7."""

    answer_client_type: int


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PAddress:
    """Where a client says that it can be reached (401, 402): its own address, and that of the NAT before it."""

    private_ip: str | None = _wire("PrivateIP")
    private_tcp_port: int
    private_udp_port: int
    public_ip: str | None = _wire("PublicIP")
    public_tcp_port: int
    public_udp_port: int


BEGIN_FILE = {6: codec(BeginFile6, TICKS), 7: codec(BeginFile7, MILLISECONDS)}
ANSWER_FILE = {6: codec(AnswerFile6, TICKS), 7: codec(AnswerFile7, MILLISECONDS)}
LOG_ON = codec(LogOnBody)
LOG_ON_REPLY = codec(LogOnReplyBody)
EARLY_QUERY = codec(EarlyQueryBody)
EARLY_ANSWER = codec(EarlyAnswerBody)
FEATURES = codec(FeaturesBody)
REQUEST_FAILED = codec(RequestFailedBody)
STREAM_FLOW = codec(StreamFlowBody)
