"""The bodies of attachments as bytes."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from esframework import limits
from esframework.errors import MalformedBody
from esframework.managers.custom.attachments.contracts import (
    OFFER,
    OfferBody,
    decode_offer,
    decode_piece,
    encode_piece,
)
from esframework.wire.compact import Int64, codec


@dataclass
class Piece:
    """1062, as the protocol's page declares it."""

    offset: Int64
    piece: bytes


@pytest.mark.parametrize(("offset", "content"), [(0, b""), (2**40, b"content")])
def test_a_piece_has_the_bytes_of_its_class(offset: int, content: bytes) -> None:
    body = encode_piece(offset, content)
    assert body == codec(Piece).encode(Piece(offset, content))
    assert decode_piece(body) == (offset, content)


@pytest.mark.parametrize(
    "body",
    [b"", encode_piece(0, b"x")[:-1], encode_piece(0, b"x") + b"y", encode_piece(-1, b"x"), b"\xff" * 20],
)
def test_a_body_that_is_no_piece_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_piece(body)


def offer(size: int = 5, name: str = "name") -> bytes:
    return OFFER.encode(OfferBody(b"content", 0, 7, name, size))


@pytest.mark.parametrize("size", [-1, 0, 2**63 - 1])
def test_any_size_may_be_offered_and_none(size: int) -> None:
    assert decode_offer(offer(size)).size == size


@pytest.mark.parametrize("body", [offer(-2), offer(name="n" * (limits.MAX_ATTACHMENT_NAME + 1)), b"\xff" * 40])
def test_a_size_or_a_name_that_cannot_be_is_refused(body: bytes) -> None:
    with pytest.raises(MalformedBody):
        decode_offer(body)
