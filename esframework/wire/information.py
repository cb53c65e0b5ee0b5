"""The body {Content, InformationType} of types 201 to 205, by hand: it is on every message's way (protocol, section 3).

Gives and takes exactly the bytes that the compact serializer would; a test holds the two together.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from esframework.errors import EncodeError, MalformedBody

_LENGTHS = Struct("<ii")
_TYPE = Struct("<i")
OVERHEAD: Final = 12
"""Bytes that the body adds to its content."""


def encode_information(information_type: int, content: bytes | None) -> bytes:
    """The body for `content`; None travels as null, which is not the same as empty."""
    try:
        if content is None:
            return _LENGTHS.pack(8, -1) + _TYPE.pack(information_type)
        size = len(content)
        return _LENGTHS.pack(size + 8, size) + content + _TYPE.pack(information_type)
    except Exception:
        raise _explain(information_type, content) from None


def decode_information(body: bytes) -> tuple[int, bytes | None]:
    """(information type, content); raises MalformedBody unless the lengths match the body exactly."""
    size = len(body)
    if size < OVERHEAD:
        raise MalformedBody(f"information body has {size} bytes, at least {OVERHEAD} expected")
    total, length = _LENGTHS.unpack_from(body)
    if length < -1 or total != size - 4 or size != (OVERHEAD + length if length >= 0 else OVERHEAD):
        raise MalformedBody(f"information body of {size} bytes declares {total} and {length} bytes at offset 0")
    return _TYPE.unpack_from(body, size - 4)[0], body[8 : size - 4] if length >= 0 else None


def _explain(information_type: object, content: object) -> EncodeError:
    if content is not None and not isinstance(content, (bytes, bytearray, memoryview)):
        return EncodeError(f"content is {type(content).__name__}; bytes or None expected")
    return EncodeError(f"information type is {information_type!r}; an integer of 32 bits expected")
