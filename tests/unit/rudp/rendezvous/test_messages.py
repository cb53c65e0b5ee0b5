"""Requests to a P2P server and its answers are bytes that cannot be mistaken."""

from __future__ import annotations

import pytest

from esframework.errors import RendezvousRefused
from esframework.rudp.rendezvous.messages import (
    ANSWER_SIZE,
    FROM_SECOND_ADDRESS,
    NOWHERE,
    REQUEST_SIZE,
    Answer,
    Request,
    decode_answer,
    decode_request,
    packed_host,
)

TRANSACTION = bytes(range(12))
TOKEN = bytes(range(32))


def test_a_request_is_padded_to_more_than_its_answer() -> None:
    request = Request(TRANSACTION, TOKEN, FROM_SECOND_ADDRESS)
    assert request.encode() == b"\0\1\0\2" + TRANSACTION + TOKEN + bytes(48)
    assert decode_request(request.encode()) == request
    assert ANSWER_SIZE < REQUEST_SIZE == 96


def test_a_token_is_shown_nowhere() -> None:
    assert "secret" not in repr(Request(bytes(12), b"secret".ljust(32)))


@pytest.mark.parametrize("seen", [("203.0.113.9", 40000), ("2001:db8::7", 1)])
@pytest.mark.parametrize("second", [NOWHERE, ("203.0.113.2", 9901), ("2001:db8::2", 9901)])
def test_an_answer_carries_addresses_of_both_families(seen: tuple[str, int], second: tuple[str, int]) -> None:
    answer = Answer(TRANSACTION, seen, 9902, second)
    assert len(answer.encode()) == ANSWER_SIZE
    assert decode_answer(answer.encode()) == answer


def test_the_bytes_of_an_answer() -> None:
    answer = Answer(TRANSACTION, ("203.0.113.9", 0x1234), 0x2223)
    assert answer.encode() == (
        b"\1\1\0\0" + TRANSACTION + b"\x12\x34\4\xcb\0\x71\x09" + bytes(12) + b"\x22\x23" + bytes(19)
    )


def test_an_address_mapped_from_ipv4_is_that() -> None:
    assert packed_host("::ffff:203.0.113.9") == packed_host("203.0.113.9") == b"\xcb\0\x71\x09"
    assert decode_answer(Answer(TRANSACTION, ("::ffff:10.0.0.1", 5)).encode()).seen == ("10.0.0.1", 5)


def test_a_scope_is_nobody_elses_business() -> None:
    assert packed_host("fe80::1%eth0") == packed_host("fe80::1")


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"", "short"),
        (Request(TRANSACTION, TOKEN).encode()[:-1], "short"),
        (Request(TRANSACTION, TOKEN).encode() + bytes(417), "long"),
        (b"\1\1" + bytes(94), "kind"),
        (b"\0\2" + bytes(94), "version"),
        (b"\0\1\0\3" + bytes(92), "flags"),
    ],
)
def test_what_is_no_request_says_why(datagram: bytes, reason: str) -> None:
    with pytest.raises(RendezvousRefused) as refused:
        decode_request(datagram)
    assert refused.value.args == (reason,)


def test_a_longer_request_is_one() -> None:
    assert decode_request(Request(TRANSACTION, TOKEN).encode() + bytes(416)).token == TOKEN


def seen_as(port: bytes, size: int, host: bytes) -> bytes:
    return b"\1\1\0\0" + TRANSACTION + port + bytes([size]) + host.ljust(16, b"\0") + bytes(21)


@pytest.mark.parametrize(
    ("datagram", "reason"),
    [
        (b"\1\1", "size"),
        (seen_as(b"\0\1", 4, b"\1\2\3\4") + b"\0", "size"),
        (b"\0" + seen_as(b"\0\1", 4, b"\1\2\3\4")[1:], "kind"),
        (b"\1\2" + seen_as(b"\0\1", 4, b"\1\2\3\4")[2:], "version"),
        (seen_as(b"\0\0", 4, b"\1\2\3\4"), "address"),
        (seen_as(b"\0\1", 5, b"\1\2\3\4"), "address"),
        (seen_as(b"\0\1", 4, b"\1\2\3\4\5"), "address"),
        (seen_as(b"\0\0", 0, b""), "address"),
    ],
)
def test_what_is_no_answer_says_why(datagram: bytes, reason: str) -> None:
    with pytest.raises(RendezvousRefused) as refused:
        decode_answer(datagram)
    assert refused.value.args == (reason,)
