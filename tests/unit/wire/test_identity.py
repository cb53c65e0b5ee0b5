"""Account names: what is allowed, and that a refusal names value and rule."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import InvalidUserId
from esframework.wire.identity import check_account_name, check_target, name_list


@pytest.mark.parametrize("name", ["a", "alice", "Zoë", "李雷", "a b", "a_b", "x" * 255, "é" * 127, "u@x.org"])
def test_ordinary_names_are_returned_unchanged(name: str) -> None:
    assert check_account_name(name) == name


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("", "empty"),
        ("_0", "begin with '_'"),
        ("9#u1", "'#'"),
        ("*", "'*'"),
        ("a*b", "'*'"),
        ("a\x00b", "control"),
        ("a\nb", "control"),
        ("a\x7f", "control"),
        ("a\x85b", "control"),
        (" a", "blanks"),
        ("a\u00a0", "blanks"),
        ("Zoe\u0308", "normalization"),
        ("\ud800", "UTF-8"),
        ("x" * 256, "256 bytes"),
        ("é" * 128, "256 bytes"),
    ],
)
def test_a_refusal_names_the_rule(name: str, rule: str) -> None:
    with pytest.raises(InvalidUserId, match=rule):
        check_account_name(name)


def test_a_refusal_names_the_value() -> None:
    with pytest.raises(InvalidUserId, match="9#u1"):
        check_account_name("9#u1")


def test_a_refusal_never_repeats_a_long_name_in_full() -> None:
    with pytest.raises(InvalidUserId) as caught:
        check_account_name("x" * 100_000)
    assert len(str(caught.value)) < 200


def test_a_shorter_limit_counts_bytes() -> None:
    assert check_account_name("é" * 5, longest=10)
    with pytest.raises(InvalidUserId, match="at most 10"):
        check_account_name("é" * 6, longest=10)


def test_what_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidUserId, match="bytes"):
        check_account_name(b"alice")  # type: ignore[arg-type]


@given(st.text())
def test_what_passes_survives_the_wire(name: str) -> None:
    try:
        check_account_name(name)
    except InvalidUserId:
        return
    assert 1 <= len(name.encode()) <= 255
    assert unicodedata.normalize("NFC", name) == name.encode().decode() == name.strip()
    assert not name.startswith("_")


def test_several_names_are_listed() -> None:
    for names in ["a", "b"], ("a", "b"), {"a": 1, "b": 2}, iter("ab"):
        assert name_list(names, "users") == ["a", "b"]


@pytest.mark.parametrize("names", ["bob", b"bob", "", None, 7, [None], ["bob", 7]])
def test_one_name_is_no_list_of_its_letters(names: Any) -> None:
    with pytest.raises(InvalidUserId, match="users (is|holds) .*names"):
        name_list(names, "users")


@pytest.mark.parametrize("target", ["bob", "9#bob", "10#bob", " bob", "a*b", "e\u0301", "_0", "x" * 255])
def test_a_target_may_be_what_some_server_knows(target: str) -> None:
    check_target(target)


@pytest.mark.parametrize(
    "target",
    ["", "4#", "_x", "4#_x", "__0", "*", "77#bob", "1234#bob", "a#b", "\ud800", "x" * 256, 7, b"bob", None, ["bob"]],
)
def test_a_target_that_is_impossible_everywhere_is_named(target: Any) -> None:
    for _ in "first", "again":
        with pytest.raises(InvalidUserId, match="^target .*: "):
            check_target(target)


def test_an_error_does_not_repeat_a_target_of_any_length() -> None:
    with pytest.raises(InvalidUserId) as raised:
        check_target("_" * 100_000)
    assert len(str(raised.value)) < 300
