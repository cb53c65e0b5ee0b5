"""Bodies of accounts come back as they went, show no secret, and are safe to read."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import MalformedBody
from esframework.managers.accounts import contracts

TEXT = st.text(max_size=8)
INT = st.integers(-(2**31), 2**31 - 1)
FLOAT = st.floats(allow_nan=False)
PROFILE = st.dictionaries(TEXT, TEXT, max_size=3)
BODIES: list[tuple[Any, Any]] = [
    (contracts.TOKEN, st.builds(contracts.TokenBody, FLOAT, st.none() | TEXT)),
    (contracts.LOG_OUT, st.builds(contracts.LogOutBody, st.booleans(), st.none() | TEXT)),
    (contracts.MODIFY, st.builds(contracts.ModifyBody, PROFILE, TEXT)),
    (contracts.DELETE, st.builds(contracts.DeleteBody, st.none() | TEXT, TEXT)),
    (contracts.PASSWORD, st.builds(contracts.PasswordBody, TEXT, st.none() | TEXT, TEXT)),
    (contracts.USER, st.builds(contracts.UserBody, TEXT)),
    (contracts.STATE, st.builds(contracts.StateBody, FLOAT, st.lists(INT, max_size=3), INT, PROFILE, INT)),
    (contracts.WHO_IS_ONLINE, st.builds(contracts.WhoIsOnlineBody, st.none() | TEXT, INT, TEXT)),
    (contracts.ONLINE, st.builds(contracts.OnlineBody, st.booleans(), st.lists(TEXT, max_size=3))),
    (contracts.ROLE, st.builds(contracts.RoleBody, INT, TEXT)),
    (contracts.UNLOCK, st.builds(contracts.UnlockBody, st.none() | TEXT, st.none() | TEXT)),
    (contracts.UNLOCKED, st.builds(contracts.UnlockedBody, st.booleans())),
]


@pytest.mark.parametrize(("codec", "bodies"), BODIES)
def test_what_was_written_is_read(codec: Any, bodies: Any) -> None:
    @given(bodies)
    def round_trip(body: Any) -> None:
        assert codec.decode(codec.encode(body)) == body

    round_trip()


@pytest.mark.parametrize(("codec", "bodies"), BODIES)
def test_any_bytes_are_a_body_or_malformed(codec: Any, bodies: Any) -> None:
    @given(st.binary(max_size=64))
    def read(data: bytes) -> None:
        try:
            codec.decode(data)
        except MalformedBody:
            return

    read()


@pytest.mark.parametrize(
    "body",
    [
        contracts.TokenBody(1.0, "hunter2"),
        contracts.LogOutBody(False, "hunter2"),
        contracts.DeleteBody("hunter2", "alice"),
        contracts.PasswordBody("hunter2", "hunter2", "alice"),
    ],
)
def test_a_body_shows_no_secret(body: Any) -> None:
    assert "hunter2" not in repr(body)


def test_the_bytes_of_a_body_stay_as_they_were_released() -> None:
    body = contracts.PASSWORD.encode(contracts.PasswordBody("new", "old", "alice"))
    assert body == b"\x17\0\0\0" + b"\x03\0\0\0new" + b"\x03\0\0\0old" + b"\x05\0\0\0alice"
