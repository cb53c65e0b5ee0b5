"""How the types that hold others become bytes: null, list, dictionary and class (protocol, section 2).

As in `compact_formats`, which these go with: no annotation is read here, and no length is believed.
"""

from __future__ import annotations

from collections.abc import Callable
from reprlib import repr as _short
from typing import Any, Final

from esframework import limits
from esframework.wire.compact_formats import Format, Misfit, pack_length, read_length, wrong_type

_NULL: Final = b"\xff\xff\xff\xff"
_NO_LENGTH: Final = bytes(4)


class NullableFormat(Format):
    """What has a length may be null instead: a length of -1, and nothing after it."""

    minimum = 4

    def __init__(self, inner: Format) -> None:
        self.name = f"{inner.name} or null"
        self.inner = inner

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if value is None:
            out += _NULL
        else:
            self.inner.write(value, out, depth)

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Any, int]:
        if offset + 4 <= end and data.startswith(_NULL, offset):
            return None, offset + 4
        return self.inner.read(data, offset, end, depth)


class ListFormat(Format):
    """int32 count, then the items; even as a whole body it has no outer length."""

    minimum = 4

    def __init__(self, item: Format) -> None:
        self.name = f"list of {item.name}"
        self.item = item

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, list):
            raise wrong_type("list", value)
        out += pack_length(len(value))
        write = self.item.write
        index = 0
        try:
            for item in value:
                write(item, out, depth)
                index += 1
        except Misfit as misfit:
            misfit.within(f"[{index}]")
            raise

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[list[Any], int]:
        count = read_length(data, offset, end, self.item.minimum, self.name)
        position = offset + 4
        items: list[Any] = []
        read = self.item.read
        try:
            for _ in range(count):
                item, position = read(data, position, end, depth)
                items.append(item)
        except Misfit as misfit:
            misfit.within(f"[{len(items)}]")
            raise
        return items, position


class DictFormat(Format):
    """int32 count of pairs, then key, value, key, value; a key that comes twice is refused, as .NET does."""

    minimum = 4

    def __init__(self, key: Format, value: Format) -> None:
        self.name = f"dictionary of {key.name} to {value.name}"
        self.key = key
        self.value = value

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, dict):
            raise wrong_type("dict", value)
        out += pack_length(len(value))
        key: Any = None
        number = 0
        known = False
        try:
            for key, item in value.items():
                known = False
                self.key.write(key, out, depth)
                known = True
                self.value.write(item, out, depth)
                number += 1
        except Misfit as misfit:
            misfit.within(_step(known, key, number))
            raise

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[dict[Any, Any], int]:
        count = read_length(data, offset, end, self.key.minimum + self.value.minimum, self.name)
        position = offset + 4
        pairs: dict[Any, Any] = {}
        key: Any = None
        known = False
        try:
            for _ in range(count):
                known = False
                start = position
                key, position = self.key.read(data, position, end, depth)
                if key in pairs:
                    raise Misfit(f"expected another key, found {_short(key)} again", start)
                known = True
                pairs[key], position = self.value.read(data, position, end, depth)
        except Misfit as misfit:
            misfit.within(_step(known, key, len(pairs)))
            raise
        return pairs, position


def _step(known: bool, key: Any, number: int) -> str:
    return f"[{_short(key)}]" if known else f"[key {number}]"


class ClassFormat(Format):
    """int32 length of what follows, then the fields in the order of their wire names.

    It is made empty and given its `fields` afterwards, so that a class may hold itself.
    """

    minimum = 4

    def __init__(self, contract: type) -> None:
        self.name = contract.__name__
        self.contract = contract
        self.fields: list[tuple[str, str, Format]] = []
        self._writes: list[tuple[str, Callable[[Any, bytearray, int], None]]] = []
        self._reads: list[tuple[str, Callable[[bytes, int, int, int], tuple[Any, int]]]] = []

    def fill(self, fields: list[tuple[str, str, Format]]) -> None:
        """Set the fields, each (name in Python, name on the wire, format), in their order on the wire."""
        self.fields = fields
        self._writes = [(name, field.write) for name, _, field in fields]
        self._reads = [(name, field.read) for name, _, field in fields]

    def write(self, value: Any, out: bytearray, depth: int) -> None:
        if not isinstance(value, self.contract):
            raise wrong_type(self.name, value)
        if depth == limits.MAX_BODY_DEPTH:
            raise Misfit(f"is nested deeper than {depth} classes; the wire carries no reference cycles")
        start = len(out)
        out += _NO_LENGTH
        depth += 1
        name = ""
        try:
            for name, write in self._writes:
                write(getattr(value, name), out, depth)
        except Misfit as misfit:
            misfit.within("." + name)
            raise
        out[start : start + 4] = pack_length(len(out) - start - 4)

    def read(self, data: bytes, offset: int, end: int, depth: int) -> tuple[Any, int]:
        length = read_length(data, offset, end, 1, self.name)
        if depth == limits.MAX_BODY_DEPTH:
            raise Misfit(f"expected at most {depth} classes inside each other, found more", offset)
        position = offset + 4
        after = position + length
        depth += 1
        values: dict[str, Any] = {}
        name = ""
        try:
            for name, read in self._reads:
                values[name], position = read(data, position, after, depth)
        except Misfit as misfit:
            misfit.within("." + name)
            raise
        if position != after:
            raise Misfit(f"expected the end of {self.name}, found {after - position} more bytes", position)
        return self._make(values, offset), after

    def _make(self, values: dict[str, Any], offset: int) -> Any:
        try:
            return self.contract(**values)
        except Exception as error:
            # A contract may check its values in any way; what it refuses here is what the other end sent.
            refusal = f"{type(error).__name__}: {error}"
            raise Misfit(f"expected values that {self.name} accepts; it raised {refusal}", offset) from error
