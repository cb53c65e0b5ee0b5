"""The SOCKS5 handshake: the bytes of both RFCs, each refusal by name, no surprise from hostile bytes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework.machines.socks import (
    REPLIES,
    SocksArgumentError,
    SocksAuthenticationFailed,
    SocksError,
    SocksHandshake,
    SocksProtocolError,
    SocksRefused,
    State,
)

ACCEPTED = bytes.fromhex("05000001 00000000 0000")


def waiting_for_reply() -> SocksHandshake:
    handshake = SocksHandshake("chat.example", 4530)
    handshake.start()
    handshake.receive(b"\x05\x00")
    return handshake


def test_without_credentials_only_no_authentication_is_offered() -> None:
    assert SocksHandshake("h", 1).start() == b"\x05\x01\x00"


def test_with_credentials_both_ways_are_offered() -> None:
    assert SocksHandshake("h", 1, "u", "p").start() == b"\x05\x02\x00\x02"


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("chat.example", b"\x03\x0cchat.example"),
        ("127.0.0.1", b"\x01\x7f\x00\x00\x01"),
        ("::1", b"\x04" + b"\x00" * 15 + b"\x01"),
        ("[2001:db8::1]", b"\x04" + bytes.fromhex("20010db8000000000000000000000001")),
        ("bücher.example", b"\x03\x15xn--bcher-kva.example"),
    ],
)
def test_the_request_carries_names_and_addresses_as_they_are(host: str, address: bytes) -> None:
    handshake = SocksHandshake(host, 4530)
    handshake.start()
    assert handshake.receive(b"\x05\x00") == b"\x05\x01\x00" + address + b"\x11\xb2"


def test_a_proxy_that_asks_for_the_password_gets_it_and_then_the_request() -> None:
    handshake = SocksHandshake("h", 1, "user", "pass")
    handshake.start()
    assert handshake.receive(b"\x05\x02") == b"\x01\x04user\x04pass"
    assert handshake.receive(b"\x01\x00") == b"\x05\x01\x00\x03\x01h\x00\x01"


@pytest.mark.parametrize(
    "reply",
    [
        ACCEPTED,
        bytes.fromhex("05000004") + bytes(16) + b"\x00\x50",
        b"\x05\x00\x00\x03\x05proxy\x00\x50",
        b"\x05\x00\x00\x03\x00\x00\x50",
        b"\x05\x00\x00\x03\xff" + b"x" * 255 + b"\x00\x50",
    ],
)
def test_any_bound_address_opens_the_way_and_the_rest_is_surplus(reply: bytes) -> None:
    handshake = waiting_for_reply()
    assert handshake.receive(reply + b"first words") == b""
    assert handshake.opened
    assert handshake.surplus == b"first words"


def test_bytes_that_come_one_by_one_give_the_same_conversation() -> None:
    handshake = SocksHandshake("h", 1, "u", "p")
    handshake.start()
    sent = [handshake.receive(bytes([byte])) for byte in b"\x05\x02" + b"\x01\x00" + ACCEPTED]
    assert [part for part in sent if part] == [b"\x01\x01u\x01p", b"\x05\x01\x00\x03\x01h\x00\x01"]
    assert handshake.opened


@pytest.mark.parametrize("code", sorted(REPLIES))
def test_each_reply_code_is_said_in_words_and_names_the_target(code: int) -> None:
    with pytest.raises(SocksRefused, match="chat.example:4530") as caught:
        waiting_for_reply().receive(bytes([5, code]) + ACCEPTED[2:])
    assert caught.value.code == code
    assert REPLIES[code] in str(caught.value)


def test_an_unknown_reply_code_is_refused_too() -> None:
    with pytest.raises(SocksRefused, match="code 99"):
        waiting_for_reply().receive(bytes([5, 99]))


@pytest.mark.parametrize("answer", [b"\x04\x00", b"HTTP/1.1 400", b"H", b"\x05\x01", b"\x05\x02"])
def test_a_wrong_choice_of_method_is_a_protocol_error(answer: bytes) -> None:
    handshake = SocksHandshake("h", 1)
    handshake.start()
    with pytest.raises(SocksProtocolError):
        handshake.receive(answer)
    assert handshake.state is State.FAILED


def test_a_proxy_that_wants_a_password_which_we_lack_says_so() -> None:
    handshake = SocksHandshake("h", 1)
    handshake.start()
    with pytest.raises(SocksAuthenticationFailed, match="wants a user name"):
        handshake.receive(b"\x05\xff")


def test_a_refused_password_is_told_apart() -> None:
    handshake = SocksHandshake("h", 1, "u", "p")
    handshake.start()
    handshake.receive(b"\x05\x02")
    with pytest.raises(SocksAuthenticationFailed, match="status 1"):
        handshake.receive(b"\x01\x01")


def test_a_proxy_that_answers_before_it_was_asked_is_refused() -> None:
    handshake = SocksHandshake("h", 1)
    handshake.start()
    with pytest.raises(SocksProtocolError, match="out of turn"):
        handshake.receive(b"\x05\x00" + ACCEPTED)


def test_an_unknown_type_of_address_is_refused() -> None:
    with pytest.raises(SocksProtocolError, match="type of address"):
        waiting_for_reply().receive(b"\x05\x00\x00\x02" + b"x" * 10)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", 1), "from 1 to 255"),
        (("x" * 256, 1), "256 bytes"),
        (("a b", 1), "blanks"),
        (("a\x00b", 1), "control"),
        (("fe80::1%eth0", 1), "scope"),
        (("ü" * 64, 1), "no host name"),
        (("h", 0), "port 0"),
        (("h", 65536), "port 65536"),
        (("h", 1, "u", None), "together"),
        (("h", 1, "", "p"), "user name has 0 bytes"),
        (("h", 1, "u", "p" * 256), "password has 256 bytes"),
    ],
)
def test_what_socks_cannot_carry_is_refused_at_once(
    arguments: tuple[str, int, str, str | None], words: str
) -> None:
    with pytest.raises(SocksArgumentError, match=words):
        SocksHandshake(*arguments)


def test_an_error_never_shows_the_password() -> None:
    with pytest.raises(SocksArgumentError) as caught:
        SocksHandshake("h", 1, "u", "secret" * 50)
    assert "secret" not in str(caught.value)


@given(st.lists(st.binary(max_size=40), max_size=12), st.booleans())
def test_hostile_bytes_raise_a_documented_error_or_nothing(chunks: list[bytes], with_password: bool) -> None:
    handshake = SocksHandshake("h", 1, "u", "p") if with_password else SocksHandshake("h", 1)
    handshake.start()
    for chunk in chunks:
        try:
            handshake.receive(chunk)
        except SocksError:
            assert handshake.state is State.FAILED
            return
        if handshake.opened:
            return
