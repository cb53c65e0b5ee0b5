"""A hello is for one session, from one role, and of somebody who has the keys."""

from __future__ import annotations

import pytest

from esframework.sealed.hello import HELLO_SIZE, Hello, is_authentic, may_become_hello, read_hello, say_hello

KEY = b"k" * 32
SESSION, NONCE = b"s" * 16, b"n" * 16


@pytest.mark.parametrize("is_leader", [True, False])
def test_a_hello_says_session_role_and_nonce(is_leader: bool) -> None:
    hello = say_hello(KEY, SESSION, is_leader, NONCE)
    assert len(hello) == HELLO_SIZE == 52
    assert read_hello(hello) == Hello(SESSION, is_leader, NONCE)
    assert is_authentic(KEY, hello)


def test_no_byte_of_a_hello_can_be_changed() -> None:
    hello = say_hello(KEY, SESSION, True, NONCE)
    for place in range(HELLO_SIZE):
        changed = bytearray(hello)
        changed[place] ^= 1
        assert not is_authentic(KEY, bytes(changed))
    assert not is_authentic(b"x" * 32, hello)


@pytest.mark.parametrize(("place", "value"), [(0, 0x40), (1, 2), (2, 0), (2, 3), (3, 1)])
def test_what_has_another_form_is_no_hello(place: int, value: int) -> None:
    changed = bytearray(say_hello(KEY, SESSION, True, NONCE))
    changed[place] = value
    assert read_hello(bytes(changed)) is None


def test_half_a_hello_is_none_yet() -> None:
    hello = say_hello(KEY, SESSION, True, NONCE)
    assert read_hello(hello[:-1]) is None
    assert all(may_become_hello(hello[:size]) for size in range(HELLO_SIZE))


@pytest.mark.parametrize("begin", [b"G", b"\x42\x00", b"\x40\x01"])
def test_a_stranger_is_known_by_the_first_two_bytes(begin: bytes) -> None:
    assert not may_become_hello(begin)
