"""The words in which a contract's fields are declared where Python has none: widths, colours, images, dates.

Says what a field is; how its bytes are written is `compact_formats`' business.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Annotated, Final


@dataclass(frozen=True, slots=True)
class Number:
    """Mark inside an `Annotated` number: its name on the format page and its `struct` character."""

    name: str
    code: str


Byte = Annotated[int, Number("byte", "B")]
SByte = Annotated[int, Number("sbyte", "b")]
Int16 = Annotated[int, Number("int16", "h")]
UInt16 = Annotated[int, Number("uint16", "H")]
Int32 = Annotated[int, Number("int32", "i")]
UInt32 = Annotated[int, Number("uint32", "I")]
Int64 = Annotated[int, Number("int64", "q")]
UInt64 = Annotated[int, Number("uint64", "Q")]
Float32 = Annotated[float, Number("float32", "f")]
Float64 = Annotated[float, Number("float64", "d")]

PLAIN_NUMBERS: Final[dict[type, Number]] = {int: Number("int32", "i"), float: Number("float64", "d")}
"""What the bare Python types mean on the wire."""


class DateFormat(Enum):
    """How a `datetime` travels; the two generations of the protocol differ in it (protocol, section 1).

    Both carry a naive local wall-clock time as an int64, and neither carries a zone or .NET's kind bits.
    """

    TICKS = "100 ns since 0001-01-01"
    MILLISECONDS = "ms since 1970-01-01"


TICKS: Final = DateFormat.TICKS
"""Generation 6. Python keeps microseconds: the last digit of a peer's ticks is dropped."""

MILLISECONDS: Final = DateFormat.MILLISECONDS
"""Generation 7. Smaller parts of a second are dropped when a date is written."""


@dataclass(frozen=True, slots=True)
class Color:
    """An opaque colour, three bytes on the wire. Raises ValueError for a part outside 0 to 255."""

    red: int
    green: int
    blue: int

    def __post_init__(self) -> None:
        for name in ("red", "green", "blue"):
            part = getattr(self, name)
            if not isinstance(part, int) or not 0 <= part <= 255:
                raise ValueError(f"{name} is {part!r}; a colour's parts are whole numbers from 0 to 255")


@dataclass(frozen=True, slots=True)
class Image:
    """A picture as its file's bytes, and whether that file is a GIF; the bytes are not looked into."""

    data: bytes
    is_gif: bool = False
