"""The compact property serializer (protocol, section 2; manual, technique 00): plain dataclasses as bytes.

A contract is a plain dataclass, no mark on it. Names of fields never travel: they give the order, each in
PascalCase (`user_id` is `UserId`; `field(metadata={"wire": "UserID"})` says otherwise) and compared without
regard to case, so both ends must spell them alike. A field with `init=False` is like a read-only property
of .NET: it does not travel. The exact order is `compact_compiler.wire_order`'s.

====================================  =======================================================================
annotation                            bytes (little-endian)
====================================  =======================================================================
`int`, `IntEnum`, `IntFlag`           int32
`Byte` to `UInt64`                    1, 2, 4 or 8 bytes
`float`, `Float32`                    8 bytes, 4 bytes
`bool`                                1 byte; every byte but 0 is read as True
`str`, `bytes`                        int32 count of bytes, then they
`datetime`                            int64, see `DateFormat`
`Color`, `Image`                      3 bytes; int32 length, 1 byte is-GIF, the picture
`list[T]`, `dict[K, V]`               int32 count, then items, or key, value, key, value
a dataclass                           int32 length of what follows, then its fields
`T | None`, where T has a length      the same; a length of -1 is null
====================================  =======================================================================

The bytes of a font were never published: declare a dataclass of what your peers' class holds. A whole body
may be of any of these types; lists and dictionaries have no outer length there.

Dates are the one thing that depends on the generation of the other end: a codec is made for one
`DateFormat`, and every function here takes it as `dates`. Knows nothing of frames and message types.
"""

from __future__ import annotations

import struct
from typing import Any, Generic, TypeVar, overload

from esframework.errors import ContractError, EncodeError, MalformedBody
from esframework.wire.compact_compiler import Compiler
from esframework.wire.compact_formats import Format, Misfit
from esframework.wire.compact_layout import FieldFormat, rows_of
from esframework.wire.compact_types import (
    MILLISECONDS,
    TICKS,
    Byte,
    Color,
    DateFormat,
    Float32,
    Float64,
    Image,
    Int16,
    Int32,
    Int64,
    SByte,
    UInt16,
    UInt32,
    UInt64,
)

__all__ = [
    "MILLISECONDS",
    "TICKS",
    "Byte",
    "Codec",
    "Color",
    "DateFormat",
    "FieldFormat",
    "Float32",
    "Float64",
    "Image",
    "Int16",
    "Int32",
    "Int64",
    "SByte",
    "UInt16",
    "UInt32",
    "UInt64",
    "codec",
    "describe",
    "deserialize",
    "serialize",
]

T = TypeVar("T")


class Codec(Generic[T]):
    """Writes and reads the values of one type; made once by `codec`, then shared, between threads too."""

    __slots__ = ("_format", "_read", "_root", "_write")

    def __init__(self, declared: Any, dates: DateFormat) -> None:
        self._format: Format = Compiler(dates).format_of(declared)
        self._write, self._read = self._format.write, self._format.read
        self._root = getattr(declared, "__name__", "body") if isinstance(declared, type) else "body"

    def encode(self, value: T) -> bytes:
        """The bytes of `value`. Raises EncodeError, naming the field that cannot be carried."""
        out = bytearray()
        try:
            self._write(value, out, 0)
        except Misfit as misfit:
            raise EncodeError(f"{self._root}{misfit.path} {misfit.reason}") from None
        except struct.error:
            # Only a length can still fail to be packed; its message would speak of format characters.
            raise EncodeError(f"{self._root} is longer than the 2 GiB that a length can say") from None
        return bytes(out)

    def decode(self, data: bytes | bytearray | memoryview) -> T:
        """The value that all of `data` is. Raises MalformedBody, naming field and offset; nothing else."""
        if not isinstance(data, bytes):
            data = memoryview(data).tobytes()
        value, end = self.decode_from(data)
        if end != len(data):
            raise MalformedBody(
                f"{self._root} at byte {end}: expected the end, found {len(data) - end} more bytes"
            )
        return value

    def decode_from(self, data: bytes | bytearray | memoryview, offset: int = 0) -> tuple[T, int]:
        """The value that begins at `offset`, and the offset after it; for bodies that carry more than one.

        Raises MalformedBody, whose offset counts from the beginning of `data`; ValueError for an offset
        outside it. Anything but bytes is copied first.
        """
        if not isinstance(data, bytes):
            data = memoryview(data).tobytes()
        if not 0 <= offset <= len(data):
            raise ValueError(f"offset is {offset}; data has {len(data)} bytes")
        try:
            return self._read(data, offset, len(data), 0)
        except Misfit as misfit:
            text = f"{self._root}{misfit.path} at byte {misfit.offset}: {misfit.reason}"
            raise MalformedBody(text) from misfit.__cause__

    def describe(self) -> list[FieldFormat]:
        """See `describe`."""
        return rows_of(self._format, self._root)


_codecs: dict[tuple[Any, DateFormat], Codec[Any]] = {}


@overload
def codec(declared: type[T], dates: DateFormat = ...) -> Codec[T]: ...
@overload
def codec(declared: Any, dates: DateFormat = ...) -> Codec[Any]: ...
def codec(declared: Any, dates: DateFormat = TICKS) -> Codec[Any]:
    """The codec of a dataclass, `list[T]`, `dict[K, V]` or any other declared type: the fast way, keep it.

    Compiled at the first call for a type and kept for good. Raises ContractError for a type that has no form.
    """
    key = declared, dates
    found = _codecs.get(key)
    if found is None:
        found = _codecs[key] = Codec(declared, dates)
    return found


def serialize(value: Any, declared_type: Any = None, *, dates: DateFormat = TICKS) -> bytes:
    """The body that carries `value`; lists, dictionaries and null need to be told their type.

    Raises ContractError for a type that has no form, EncodeError for a value that does not fit its field.
    """
    if declared_type is None:
        if value is None or isinstance(value, (list, dict)):
            example = "dict[str, bool]" if isinstance(value, dict) else "list[str]"
            raise ContractError(f"{type(value).__name__} says too little: serialize(value, {example})")
        declared_type = type(value)
    return codec(declared_type, dates).encode(value)


@overload
def deserialize(
    declared_type: type[T], data: bytes | bytearray | memoryview, *, dates: DateFormat = ...
) -> T: ...
@overload
def deserialize(
    declared_type: Any, data: bytes | bytearray | memoryview, *, dates: DateFormat = ...
) -> Any: ...
def deserialize(
    declared_type: Any, data: bytes | bytearray | memoryview, *, dates: DateFormat = TICKS
) -> Any:
    """The value of `declared_type` that all of `data` is.

    Raises ContractError for a type that has no form, MalformedBody for any bytes that are no such value.
    """
    return codec(declared_type, dates).decode(data)


def describe(declared_type: Any, *, dates: DateFormat = TICKS) -> list[FieldFormat]:
    """What a body consists of, a row for each part in its order on the wire (manual, technique 08).

    Lengths and counts are rows of their own. Behind the first part of variable length offsets are None.
    Raises ContractError.
    """
    return codec(declared_type, dates).describe()
