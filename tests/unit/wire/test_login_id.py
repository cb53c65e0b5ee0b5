"""Names of devices, and whoever spoke as handlers get it."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Callable

import pytest

from esframework.wire.login_id import Source, bare_id, split_login_id
from esframework.wire.profile import ClientType7

PHONE = Source("bob", ClientType7.IOS, "4#bob")


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


def test_a_source_is_its_bare_id_wherever_a_text_is_wanted() -> None:
    assert PHONE == "bob"
    named: dict[str, int] = {PHONE: 1}
    assert named["bob"] == 1
    assert json.dumps({PHONE: [PHONE]}) == '{"bob": ["bob"]}'


def test_the_text_of_a_source_is_the_plain_bare_id_and_always_the_same_object() -> None:
    assert type(str(PHONE)) is str
    assert str(PHONE) is str(PHONE)
    assert f"{PHONE} {PHONE!r}" == "bob 'bob'"


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, lambda source: pickle.loads(pickle.dumps(source))])
def test_a_source_keeps_its_device_when_it_is_copied_or_goes_to_another_process(
    again: Callable[[Source], Source],
) -> None:
    source = again(PHONE)
    assert (source, source.device, source.login_id) == ("bob", ClientType7.IOS, "4#bob")
