"""The body of blob fragments, types 207, 208, 211, 221, 222 and 705 (protocol, section 3): cut and read by hand.

Knows one fragment; joining them is `machines.blobs`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct

from esframework import limits
from esframework.errors import EncodeError, MalformedBody

_HEAD = Struct("<iii")
_TAIL = Struct("<iiB")
OVERHEAD = _HEAD.size + _TAIL.size


@dataclass(frozen=True, slots=True)
class Fragment:
    """One piece of a blob: `index` counts from 0, `blob_id` from 1 per sender."""

    blob_id: int
    content: bytes
    index: int
    information_type: int
    is_last: bool


def decode_fragment(body: bytes) -> Fragment:
    """Raises MalformedBody unless the lengths match the body exactly."""
    size = len(body)
    if size < OVERHEAD:
        raise MalformedBody(f"blob fragment has {size} bytes, at least {OVERHEAD} expected")
    total, blob_id, length = _HEAD.unpack_from(body)
    if total != size - 4 or length != size - OVERHEAD:
        raise MalformedBody(f"blob fragment of {size} bytes declares {total} bytes in all and {length} of content")
    index, information_type, is_last = _TAIL.unpack_from(body, _HEAD.size + length)
    if index < 0 or is_last > 1:
        raise MalformedBody(f"blob fragment has index {index} and last flag {is_last}")
    return Fragment(blob_id, body[_HEAD.size : _HEAD.size + length], index, information_type, bool(is_last))


def fragment_place(body: bytes) -> tuple[int, int, bool]:
    """(blob id, index, whether it is the last) of a fragment whose content nobody reads. Raises MalformedBody."""
    size = len(body)
    total, blob_id, length = _HEAD.unpack_from(body) if size >= OVERHEAD else (0, 0, 0)
    if size < OVERHEAD or total != size - 4 or length != size - OVERHEAD:
        raise MalformedBody(f"blob fragment of {size} bytes declares {total} bytes in all and {length} of content")
    index, _, is_last = _TAIL.unpack_from(body, _HEAD.size + length)
    if index < 0 or is_last > 1:
        raise MalformedBody(f"blob fragment has index {index} and last flag {is_last}")
    return blob_id, index, bool(is_last)


def encode_fragments(blob_id: int, payload: bytes, size: int, information_type: int) -> Iterator[bytes]:
    """The bodies that carry `payload` in pieces of `size` bytes; an empty payload is one empty piece."""
    view = memoryview(payload)
    count = max(1, -(-len(payload) // size))
    for index in range(count):
        piece = view[index * size : (index + 1) * size]
        yield b"".join(
            (
                _HEAD.pack(OVERHEAD - 4 + len(piece), blob_id, len(piece)),
                piece,
                _TAIL.pack(index, information_type, index == count - 1),
            )
        )


def check_blob(content: object, fragment_size: int) -> None:
    """Raises EncodeError for what cannot be sent as a blob in fragments of that size."""
    if not isinstance(content, (bytes, bytearray, memoryview)):
        raise EncodeError(f"content is {type(content).__name__}; bytes expected")
    if len(content) > limits.MAX_BLOB_BYTES:
        raise EncodeError(f"a blob of {len(content)} bytes; at most {limits.MAX_BLOB_BYTES}: send it as a file")
    if not 0 < fragment_size <= limits.MAX_MESSAGE // 2:
        raise EncodeError(f"fragment_size is {fragment_size}; 1 to {limits.MAX_MESSAGE // 2} expected")
