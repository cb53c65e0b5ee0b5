"""The body of a blob's fragment."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from esframework.errors import MalformedBody
from esframework.wire.blob_fragments import Fragment, decode_fragment, encode_fragments
from esframework.wire.compact import codec


@dataclass(frozen=True, slots=True)
class Body:
    """The same body as the compact serializer sees it."""

    blob_id: int = field(metadata={"wire": "BlobID"})
    fragment: bytes
    fragment_index: int
    information_type: int
    is_last: bool


@pytest.mark.parametrize(("size", "pieces"), [(0, 1), (1, 1), (10, 1), (11, 2), (30, 3)])
def test_a_payload_is_cut_into_pieces_and_the_last_one_says_so(size: int, pieces: int) -> None:
    payload = bytes(range(size))
    fragments = [decode_fragment(body) for body in encode_fragments(7, payload, 10, 5)]
    assert [fragment.index for fragment in fragments] == list(range(pieces))
    assert [fragment.is_last for fragment in fragments] == [False] * (pieces - 1) + [True]
    assert {(fragment.blob_id, fragment.information_type) for fragment in fragments} == {(7, 5)}
    assert b"".join(fragment.content for fragment in fragments) == payload


def test_the_bytes_are_those_of_the_compact_serializer() -> None:
    (body,) = encode_fragments(3, b"abc", 10, 9)
    assert body == codec(Body).encode(Body(3, b"abc", 0, 9, True))
    assert decode_fragment(body) == Fragment(3, b"abc", 0, 9, True)


@pytest.mark.parametrize("position", [0, 8, -1, -9])
def test_a_fragment_whose_numbers_do_not_match_is_malformed(position: int) -> None:
    (body,) = encode_fragments(3, b"abc", 10, 9)
    wrong = bytearray(body)
    wrong[position] = 0xFF
    if position == -9:
        wrong[-6] = 0xFF
    with pytest.raises(MalformedBody):
        decode_fragment(bytes(wrong))


@pytest.mark.parametrize("length", [0, 5, 20])
def test_a_fragment_that_was_cut_off_is_malformed(length: int) -> None:
    (body,) = encode_fragments(3, b"abc", 10, 9)
    with pytest.raises(MalformedBody):
        decode_fragment(body[:length])
