"""How each simple type becomes bytes and comes back (protocol, section 2): one small class a type.

Knows nothing of annotations: `compact_compiler` reads those and puts these together, once per class.
Nothing here trusts a length: it is compared with the bytes at hand before anything is made of it. A value
or bytes that do not fit raise `Misfit`, which collects its way through the fields as it passes them;
`compact` turns it into a public error.
"""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Final

from esframework.wire.compact_types import Color, DateFormat, Image, Number

_LENGTH: Final = struct.Struct("<i")
_INT64: Final = struct.Struct("<q")
pack_length = _LENGTH.pack
_unpack_length = _LENGTH.unpack_from


class Misfit(Exception):
    """A value that a field cannot carry, or bytes (at `offset`) that are none of its type."""

    def __init__(self, reason: str, offset: int = 0) -> None:
        super().__init__(reason)
        self.reason = reason
        self.offset = offset
        self.path = ""

    def within(self, step: str) -> None:
        """Note that the trouble lies inside the field or item `step`."""
        self.path = step + self.path


class Format(ABC):
    """One type's bytes.

    `name` is for people; `minimum` is the fewest bytes that a value takes, never 0, so that no count can
    promise more values than there are bytes; `size` is the exact number where every value takes the same,
    else None.
    """

    name: str
    minimum: int
    size: int | None = None

    @abstractmethod
    def write(self, value: Any, out: bytearray, depth: int) -> None:
        """Append `value`; `depth` counts the classes around it. Raises Misfit."""

    @abstractmethod
    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Any, int]:
        """The value at `offset` and the offset after it, never beyond `end`. Raises Misfit."""


def wrong_type(expected: str, value: object) -> Misfit:
    """The Misfit for a value of another Python type, with the way out where the value is None."""
    if value is None:
        return Misfit(
            f"is None; expected {expected} (declare `| None` for a text, list or class that may be null)"
        )
    return Misfit(f"is {type(value).__name__}; expected {expected}")


def too_short(offset: int, end: int, expected: str) -> Misfit:
    """The Misfit for bytes that end too early."""
    return Misfit(f"expected {expected}, found {max(0, end - offset)} bytes", offset)


def read_length(data: bytes, offset: int, end: int, unit: int, name: str) -> int:
    """The length or count at `offset`, once `unit` times as many bytes are known to follow it."""
    left = end - offset - 4
    if left < 0:
        raise too_short(offset, end, f"the 4 bytes of the length of {name}")
    length: int = _unpack_length(data, offset)[0]
    if length < 0:
        if length == -1:
            raise Misfit(f"expected {name}, found null (declare `| None` if it may be null)", offset)
        raise Misfit(f"expected the length of {name}, found {length}", offset)
    if length * unit > left:
        raise Misfit(f"expected {name} of length {length}, found {left} bytes after the length", offset)
    return length


class NumberFormat(Format):
    """Whole and fractional numbers of a fixed width."""

    def __init__(self, number: Number) -> None:
        layout = struct.Struct("<" + number.code)
        self.name = number.name
        self.minimum = self.size = self._size = layout.size
        self._kind: type = float if number.code in "fd" else int
        self._pack, self._unpack = layout.pack, layout.unpack_from

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if type(value) is not self._kind:
            # An int is welcome where a float is declared; a bool is a number only by Python's history.
            if not isinstance(value, (self._kind, int)) or isinstance(value, bool):
                raise wrong_type(self.name, value)
        try:
            out += self._pack(value)
        except (struct.error, OverflowError):
            # Python refuses to spell out whole numbers of thousands of digits.
            huge = isinstance(value, int) and value.bit_length() > 128
            shown = "a number of more than 128 bits" if huge else str(value)
            raise Misfit(f"is {shown}; out of range for {self.name}") from None

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Any, int]:
        after = offset + self._size
        if after > end:
            raise too_short(offset, end, f"the {self._size} bytes of {self.name}")
        return self._unpack(data, offset)[0], after


class BoolFormat(Format):
    """One byte: 1 is written for True; any byte but 0 is read as True, as .NET does."""

    name = "bool"
    minimum = size = 1

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if value is True:
            out.append(1)
        elif value is False:
            out.append(0)
        else:
            raise wrong_type("bool", value)

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[bool, int]:
        if offset >= end:
            raise too_short(offset, end, "the byte of bool")
        return data[offset] != 0, offset + 1


class EnumFormat(Format):
    """An enumeration: its number as int32; a number without a member is refused."""

    minimum = size = 4

    def __init__(self, enumeration: type[Enum]) -> None:
        self.name = f"int32 ({enumeration.__name__})"
        self._enumeration = enumeration

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, self._enumeration):
            raise wrong_type(self._enumeration.__name__, value)
        out += pack_length(value)

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Enum, int]:
        if offset + 4 > end:
            raise too_short(offset, end, f"the 4 bytes of {self.name}")
        number = _unpack_length(data, offset)[0]
        try:
            return self._enumeration(number), offset + 4
        except ValueError:
            raise Misfit(
                f"expected a value of {self._enumeration.__name__}, found {number}", offset
            ) from None


class TextFormat(Format):
    """A str: int32 count of bytes, then UTF-8."""

    name = "utf-8 text"
    minimum = 4

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, str):
            raise wrong_type("str", value)
        try:
            raw = value.encode()
        except UnicodeEncodeError as error:
            raise Misfit(f"has a lone surrogate at character {error.start}; UTF-8 cannot carry it") from None
        out += pack_length(len(raw))
        out += raw

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[str, int]:
        length = read_length(data, offset, end, 1, "text")
        start = offset + 4
        after = start + length
        try:
            return data[start:after].decode(), after
        except UnicodeDecodeError as error:
            found = f"byte 0x{data[start + error.start]:02x}"
            raise Misfit(f"expected UTF-8, found {found} ({error.reason})", start + error.start) from None


class BytesFormat(Format):
    """Bytes: int32 count, then they themselves."""

    name = "bytes"
    minimum = 4

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, (bytes, bytearray)):
            raise wrong_type("bytes", value)
        out += pack_length(len(value))
        out += value

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[bytes, int]:
        start = offset + 4
        after = start + read_length(data, offset, end, 1, "bytes")
        return data[start:after], after


class DatetimeFormat(Format):
    """A naive local wall-clock time as int64, counted as its generation does."""

    minimum = size = 8

    def __init__(self, dates: DateFormat) -> None:
        self.name = f"datetime as int64, {dates.value}"
        ticks = dates is DateFormat.TICKS
        self._epoch = datetime(1, 1, 1) if ticks else datetime(1970, 1, 1)
        # Whole numbers throughout: a float of seconds cannot hold a date of this century to the microsecond.
        self._units, self._microseconds = (10, 1) if ticks else (1, 1000)

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, datetime):
            raise wrong_type("datetime", value)
        if value.tzinfo is not None:
            raise Misfit(
                "has a time zone; the wire carries local time without one: .astimezone().replace(tzinfo=None)"
            )
        since = (value - self._epoch) // timedelta(microseconds=1)
        out += _INT64.pack(since * self._units // self._microseconds)

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[datetime, int]:
        if offset + 8 > end:
            raise too_short(offset, end, "the 8 bytes of datetime")
        count = _INT64.unpack_from(data, offset)[0]
        try:
            since = timedelta(microseconds=count * self._microseconds // self._units)
            return self._epoch + since, offset + 8
        except OverflowError:
            raise Misfit(f"expected {self.name} in the years 1 to 9999, found {count}", offset) from None


class ColorFormat(Format):
    """Three bytes: red, green, blue."""

    name = "color (red, green, blue)"
    minimum = size = 3

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, Color):
            raise wrong_type("Color", value)
        out += bytes((value.red, value.green, value.blue))

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Color, int]:
        if offset + 3 > end:
            raise too_short(offset, end, "the 3 bytes of a colour")
        return Color(*data[offset : offset + 3]), offset + 3


class ImageFormat(Format):
    """int32 count of the picture's bytes, one byte is-GIF (not counted), the picture.

    Null is written and read as -1 with nothing after it, as for bytes; nobody has measured that one.
    """

    name = "image"
    minimum = 5

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, Image):
            raise wrong_type("Image", value)
        if not isinstance(value.data, bytes) or not isinstance(value.is_gif, bool):
            raise Misfit("is an Image of other things than bytes and a bool")
        out += pack_length(len(value.data))
        out.append(value.is_gif)
        out += value.data

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Image, int]:
        start = offset + 5
        after = start + read_length(data, offset, end, 1, "image")
        if after > end:
            raise too_short(offset + 4, end, f"{after - offset - 4} bytes of is-GIF and image")
        return Image(data[start:after], data[offset + 4] != 0), after
