"""A connection before its log-on: generation, header size, and who knocks."""

from __future__ import annotations

from datetime import date

import pytest

from esframework.errors import InvalidMessage
from esframework.machines.greeting import EarlyQueryReceived, Greeting, LogOnReceived, find_layout, strip_date
from esframework.wire.contracts import EARLY_QUERY, LOG_ON, EarlyQueryBody, LogOnBody
from esframework.wire.frames import Layout, default_layout
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import MessageInvalidType, MessageType

SIX = default_layout(GENERATION_6, 11)
SEVEN = default_layout(GENERATION_7, 11)
REAL_LOG_ON = bytes.fromhex(
    "0f097000 01000000 25000000 0439237531" + "00" * 9 + "025f30" + "00" * 11 + "21000000 08000000"
) + b"FreeUser" + bytes.fromhex("02000000") + b"pw" + bytes.fromhex("0b000000") + b"20261120tok"  # fmt: skip


def log_on(layout: Layout = SIX, login_id: str = "alice", to: str = "_0", body: LogOnBody | None = None) -> bytes:
    encoded = LOG_ON.encode(body or LogOnBody("FreeUser", "pw", "tok"))
    return layout.encode(MessageType.LOG_ON, encoded, layout.field(login_id), layout.field(to), 1)


def early_query(content: str = "q") -> bytes:
    body = EARLY_QUERY.encode(EarlyQueryBody(content, 3))
    return SEVEN.encode(MessageType.QUERY_BEFORE_LOG_ON, body, SEVEN.field("u"), SEVEN.field("_0"), 9)


def refusal(data: bytes, **options: int) -> int:
    with pytest.raises(InvalidMessage) as caught:
        Greeting(0.0, **options).receive(data)
    return caught.value.kind


# --- the golden vector ----------------------------------------------------------------------------------------------
def test_a_real_clients_log_on_of_generation_seven() -> None:
    received = Greeting(0.0).receive(REAL_LOG_ON)
    assert isinstance(received, LogOnReceived)
    assert received.layout is SEVEN
    assert (received.client_type, received.message_id, received.login_id) == (9, 1, "9#u1")
    assert (received.authorized_user, received.password) == ("FreeUser", "pw")
    assert received.system_token == "20261120tok"
    assert not received.is_ours


def test_its_header_size_is_found_from_its_first_bytes() -> None:
    assert find_layout(GENERATION_7, REAL_LOG_ON) is SEVEN


def test_it_may_come_in_two_pieces_cut_anywhere() -> None:
    for length in range(len(REAL_LOG_ON)):
        greeting = Greeting(0.0)
        assert greeting.receive(REAL_LOG_ON[:length]) is None
        assert isinstance(greeting.receive(REAL_LOG_ON[length:]), LogOnReceived)
        assert greeting.rest == b""


# --- header sizes ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("profile", [GENERATION_6, GENERATION_7])
@pytest.mark.parametrize("longest", [2, 3, 11, 20, 36, 100, 200, 253])
def test_each_clients_own_header_size_is_found(profile: object, longest: int) -> None:
    layout = default_layout(profile, longest)  # type: ignore[arg-type]
    received = Greeting(0.0).receive(log_on(layout, "a"))
    assert isinstance(received, LogOnReceived)
    assert received.layout is layout


def test_while_the_bytes_do_not_suffice_the_size_is_undecided() -> None:
    wide = default_layout(GENERATION_6, 200)
    assert find_layout(GENERATION_6, log_on(wide)[:100]) is None
    assert find_layout(GENERATION_6, log_on(wide)) is wide


def test_a_header_that_fits_no_size_is_refused_once_all_could_have_come() -> None:
    wrong = bytearray(log_on(default_layout(GENERATION_6, 255)) + bytes(500))
    wrong[12] = 0
    assert refusal(bytes(wrong)) == MessageInvalidType.INVALID_HEADER


# --- what comes behind ----------------------------------------------------------------------------------------------
def test_bytes_behind_the_log_on_are_kept_whenever_they_come() -> None:
    greeting = Greeting(0.0)
    assert isinstance(greeting.receive(log_on() + b"\xff\x08"), LogOnReceived)
    assert greeting.rest == b"\xff\x08"
    assert greeting.receive(b"more") is None
    assert greeting.rest == b"\xff\x08more"


def test_queries_before_the_log_on_come_one_by_one_and_are_bounded() -> None:
    greeting = Greeting(0.0, max_queries=2)
    first = greeting.receive(early_query("one") + early_query("two"))
    second = greeting.receive(b"")
    assert isinstance(first, EarlyQueryReceived) and isinstance(second, EarlyQueryReceived)
    assert (first.content, first.query_type, first.message_id) == ("one", 3, 9)
    assert second.content == "two"
    assert greeting.receive(b"") is None
    with pytest.raises(InvalidMessage, match="more than 2 queries"):
        greeting.receive(early_query())


def test_generation_six_cannot_ask_before_it_logs_on() -> None:
    body = EARLY_QUERY.encode(EarlyQueryBody("q", 3))
    asked = SIX.encode(MessageType.QUERY_BEFORE_LOG_ON, body, SIX.field("u"), SIX.field("_0"))
    assert refusal(asked) == MessageInvalidType.INVALID_HEADER


# --- what is refused ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("first", [b"\x00", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n"])
def test_a_first_byte_of_no_generation(first: bytes) -> None:
    assert refusal(first) == MessageInvalidType.INVALID_TOKEN


def test_an_unknown_client_type() -> None:
    wrong = bytearray(log_on())
    wrong[1] = 9
    assert refusal(bytes(wrong)) == MessageInvalidType.INVALID_CLIENT_TYPE


@pytest.mark.parametrize("message_type", [0, 104, 108, 201, 1000])
def test_any_first_message_but_a_log_on(message_type: int) -> None:
    frame = SIX.encode(message_type, bytes(20), SIX.field("a"), SIX.field("_0"))
    assert refusal(frame) == MessageInvalidType.INVALID_HEADER


@pytest.mark.parametrize("length", [-1, -(2**31), 0, 3])
def test_a_body_length_that_no_log_on_has(length: int) -> None:
    wrong = log_on()[:8] + length.to_bytes(4, "little", signed=True)
    assert refusal(wrong) == MessageInvalidType.INVALID_HEADER


def test_more_than_is_allowed_before_the_log_on_is_refused_by_its_header_alone() -> None:
    wrong = log_on()[:8] + (9000).to_bytes(4, "little")
    assert refusal(wrong) == MessageInvalidType.MESSAGE_SIZE_OVERFLOW
    assert Greeting(0.0).receive(log_on(body=LogOnBody("u", "p" * 8000, "t"))) is not None


def test_a_log_on_that_is_not_for_the_server() -> None:
    assert refusal(log_on(to="bob")) == MessageInvalidType.INVALID_HEADER


def test_a_log_on_whose_body_is_malformed() -> None:
    wrong = bytearray(log_on())
    wrong[36 + 4] = 200  # the first text's length goes beyond the body
    assert refusal(bytes(wrong)) == MessageInvalidType.DATA_LACKED


def test_an_id_that_is_no_text() -> None:
    wrong = bytearray(log_on())
    wrong[13] = 0xFF
    assert refusal(bytes(wrong)) == MessageInvalidType.INVALID_HEADER


# --- small things ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("timeout", "deadline"), [(15.0, 115.0), (0.0, None), (-1.0, None)])
def test_the_deadline(timeout: float, deadline: float | None) -> None:
    assert Greeting(100.0, timeout).deadline == deadline


def test_nulls_are_empty_texts_and_our_own_clients_are_known() -> None:
    received = Greeting(0.0).receive(log_on(body=LogOnBody("esframework-python/1.0", None, None)))
    assert isinstance(received, LogOnReceived)
    assert (received.password, received.system_token, received.is_ours) == ("", "", True)


@pytest.mark.parametrize(
    ("token", "stripped"),
    [
        ("20261120tok", "tok"),
        ("20261119tok", "tok"),
        ("20261121", ""),
        ("20261118tok", "20261118tok"),
        ("20269999tok", "20269999tok"),
        ("12345678tok", "12345678tok"),
        ("tok", "tok"),
        ("", ""),
    ],
)
def test_only_a_date_near_today_is_taken_off_a_token(token: str, stripped: str) -> None:
    assert strip_date(token, date(2026, 11, 20)) == stripped
