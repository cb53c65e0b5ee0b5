"""Laws of the greeting: every header size is found from a log-on, and any bytes raise only InvalidMessage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import InvalidMessage
from esframework.machines.greeting import EarlyQueryReceived, Greeting, LogOnReceived
from esframework.wire.contracts import LOG_ON, LogOnBody
from esframework.wire.frames import Layout, layout_of
from esframework.wire.profile import GENERATION_6, GENERATION_7, Profile
from esframework.wire.types import SERVER_ID, MessageType

TEXTS = st.one_of(st.none(), st.text(st.characters(codec="utf-8"), max_size=20))
SIZES = [
    (profile, size) for profile in (GENERATION_6, GENERATION_7) for size in sorted(profile.field_sizes()) if size > 1
]


def log_on(layout: Layout, login_id: str, body: LogOnBody, client_type: int | None = None) -> bytes:
    """A log-on."""
    return layout.encode(
        MessageType.LOG_ON, LOG_ON.encode(body), layout.field(login_id), layout.field(SERVER_ID), 1, client_type
    )


@pytest.mark.parametrize(("profile", "size"), SIZES, ids=lambda value: str(getattr(value, "generation", value)))
def test_every_header_size_that_the_rule_allows_is_found_from_a_log_on(profile: Profile, size: int) -> None:
    layout = layout_of(profile, size)
    for login_id in ("a", "x" * size):
        for body in (LogOnBody("FreeUser", "pw", "tok"), LogOnBody(None, None, None), LogOnBody("", "", "")):
            data = log_on(layout, login_id, body)
            greeting = Greeting(0.0)
            received = greeting.receive(data)
            assert isinstance(received, LogOnReceived), (login_id, body)
            assert received.layout is layout
            assert received.login_id == login_id
            assert greeting.rest == b""


@given(st.sampled_from(SIZES), st.text("ab#4", min_size=1, max_size=3), TEXTS, TEXTS, TEXTS, st.integers(0, 2000))
def test_a_log_on_is_found_however_it_is_cut(
    size: tuple[Profile, int], login_id: str, user: str | None, password: str | None, token: str | None, place: int
) -> None:
    layout = layout_of(*size)
    if not layout.fits(login_id):
        return
    data = log_on(layout, login_id, LogOnBody(user, password, token)) + b"behind"
    place %= len(data)
    greeting = Greeting(0.0)
    first, second = greeting.receive(data[:place]), greeting.receive(data[place:])
    received = first or second
    assert isinstance(received, LogOnReceived)
    assert received.layout is layout
    assert (received.authorized_user, received.password, received.system_token) == (
        user or "",
        password or "",
        token or "",
    )
    assert greeting.rest == b"behind"


@given(st.lists(st.binary(max_size=100), max_size=6))
def test_any_bytes_raise_only_invalid_message(pieces: list[bytes]) -> None:
    feed(pieces)


@given(
    st.sampled_from([b"\xff\x08\x70\x00", b"\x0f\x0a\x70\x00", b"\x0f\x0a\x76\x00"]),
    st.integers(-5, 300),
    st.binary(max_size=600),
    st.integers(0, 600),
)
def test_bytes_that_begin_like_a_log_on_raise_only_invalid_message(
    start: bytes, length: int, rest: bytes, place: int
) -> None:
    data = start + bytes(4) + length.to_bytes(4, "little", signed=True) + rest
    feed([data[:place], data[place:]])


@given(st.sampled_from(SIZES), st.integers(0, 10_000), st.integers(0, 255))
def test_a_log_on_with_one_wrong_byte_raises_only_invalid_message(
    size: tuple[Profile, int], place: int, byte: int
) -> None:
    wrong = bytearray(log_on(layout_of(*size), "ab", LogOnBody("FreeUser", "pw", "tok")))
    wrong[place % len(wrong)] = byte
    feed([bytes(wrong)])


def feed(pieces: list[bytes]) -> None:
    """Give pieces to a greeting until it has had enough."""
    greeting = Greeting(0.0)
    with contextlib.suppress(InvalidMessage):
        for piece in pieces:
            received = greeting.receive(piece)
            while isinstance(received, EarlyQueryReceived):
                received = greeting.receive(b"")
