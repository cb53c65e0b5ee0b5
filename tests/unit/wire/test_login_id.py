"""Names of devices."""

from __future__ import annotations

import pytest

from esframework.wire.login_id import bare_id, split_login_id


@pytest.mark.parametrize(
    ("login_id", "device", "user_id"),
    [
        ("alice", None, "alice"),
        ("4#alice", 4, "alice"),
        ("10#alice", 10, "alice"),
        ("4#", 4, ""),
        ("#alice", None, "#alice"),
        ("x#alice", None, "x#alice"),
        ("1234#alice", None, "1234#alice"),
        ("\u0664#alice", None, "\u0664#alice"),
        ("4#a#b", 4, "a#b"),
        ("", None, ""),
    ],
)
def test_a_login_id_is_a_device_and_a_user(login_id: str, device: int | None, user_id: str) -> None:
    assert split_login_id(login_id) == (device, user_id)
    assert bare_id(login_id) == user_id
