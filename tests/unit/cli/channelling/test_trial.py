"""What two programs say to each other while a channel is tested; and what is no part of that."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.cli.channelling import trial

TEST = bytes(range(16))


def test_what_is_said_is_heard() -> None:
    assert trial.said(trial.say(do="begin", size=7)) == {"do": "begin", "size": 7}


@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"hello",
        b'{"do": "hello"}',
        trial.carry(TEST, b"x"),
        trial.say()[:-1],
        trial.say()[:-2] + b"[]",
        trial.say()[:-2] + b"[" * 4000,
        trial.say(text="x" * 5000),
    ],
)
def test_what_others_send_is_not_understood(content: bytes | None) -> None:
    with pytest.raises(trial.Unintelligible):
        trial.said(content)


@pytest.mark.parametrize("size", [-1, 1.5, "7", True, None, trial.MOST_BYTES + 1])
def test_a_size_is_a_number_within_bounds(size: Any) -> None:
    with pytest.raises(trial.Unintelligible, match="size"):
        trial.number({"size": size}, "size")


@pytest.mark.parametrize("test", ["", "ab", "zz" * 16, TEST.hex() + "00", 7, None])
def test_an_id_has_sixteen_bytes(test: Any) -> None:
    with pytest.raises(trial.Unintelligible, match="id"):
        trial.test_id({"id": test})
    assert trial.test_id({"id": TEST.hex()}) == TEST


def test_bytes_are_carried_with_the_id_of_their_test() -> None:
    carried = trial.carried(trial.carry(TEST, b"data"))
    assert carried is not None
    assert (carried[0], bytes(carried[1])) == (TEST, b"data")
    for other in (None, b"data", trial.say(do="ping"), trial.carry(TEST, b"")[:-1]):
        assert trial.carried(other) is None


def test_a_count_depends_on_every_byte_and_their_order() -> None:
    one, other, short = trial.Count(4), trial.Count(4), trial.Count(4)
    one.take(b"ab")
    assert not one.is_whole
    one.take(b"cd")
    other.take(memoryview(b"abcd"))
    short.take(b"abdc")
    assert one.is_whole and one.digest == other.digest != short.digest
