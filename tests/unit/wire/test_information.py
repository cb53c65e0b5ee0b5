"""The body of custom information, written and read by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from esframework.errors import EncodeError, MalformedBody
from esframework.wire.compact import codec
from esframework.wire.information import decode_information, encode_information


@dataclass(frozen=True, slots=True)
class Body:
    """The same body as the compact serializer sees it."""

    content: bytes | None
    information_type: int


@pytest.mark.parametrize("content", [None, b"", b"x", bytes(1000)])
@pytest.mark.parametrize("information_type", [0, 1, -1, 2**31 - 1, -(2**31)])
def test_the_bytes_are_those_of_the_compact_serializer(content: bytes | None, information_type: int) -> None:
    encoded = encode_information(information_type, content)
    assert encoded == codec(Body).encode(Body(content, information_type))
    assert decode_information(encoded) == (information_type, content)


def test_the_bytes_themselves() -> None:
    assert encode_information(5, b"ab").hex() == "0a000000" + "02000000" + "6162" + "05000000"
    assert encode_information(5, None).hex() == "08000000" + "ffffffff" + "05000000"


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_bytes_are_taken(kind: Any) -> None:
    assert encode_information(1, kind(b"ab")) == encode_information(1, b"ab")


@pytest.mark.parametrize(
    ("information_type", "content", "problem"),
    [(1, "text", "content is str"), (1, 5, "content is int"), ("1", b"", "'1'"), (2**31, b"", "2147483648")],
)
def test_what_does_not_fit_is_named(information_type: Any, content: Any, problem: str) -> None:
    with pytest.raises(EncodeError, match=problem):
        encode_information(information_type, content)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "08000000ffffffff",
        "08000000feffffff05000000",
        "09000000ffffffff0500000000",
        "0a000000030000006162" + "05000000",
        "0b000000020000006162" + "05000000",
        "08000000ffffff7f05000000",
    ],
)
def test_bodies_whose_lengths_do_not_match_are_malformed(body: str) -> None:
    with pytest.raises(MalformedBody):
        decode_information(bytes.fromhex(body))
