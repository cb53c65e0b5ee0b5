"""Laws of the compact serializer: what is written comes back, and any bytes give a value or MalformedBody."""

from __future__ import annotations

import dataclasses
from datetime import datetime
from enum import IntEnum
from keyword import iskeyword
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from esframework.errors import MalformedBody
from esframework.wire.compact import (
    Byte,
    Color,
    DateFormat,
    Float32,
    Image,
    Int16,
    Int64,
    SByte,
    UInt16,
    UInt32,
    UInt64,
    codec,
    describe,
)


class Level(IntEnum):
    LOW = -1
    HIGH = 2**31 - 1


class Shape(NamedTuple):
    """A declared type and the values that it can carry."""

    declared: Any
    values: st.SearchStrategy[Any]


def whole(low: int, high: int) -> st.SearchStrategy[int]:
    return st.integers(low, high - 1)


TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
FINITE = st.floats(allow_nan=False)
DATES = st.datetimes().map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))
NUMBERS = [
    Shape(bool, st.booleans()),
    Shape(int, whole(-(2**31), 2**31)),
    Shape(Byte, whole(0, 2**8)),
    Shape(SByte, whole(-(2**7), 2**7)),
    Shape(Int16, whole(-(2**15), 2**15)),
    Shape(UInt16, whole(0, 2**16)),
    Shape(UInt32, whole(0, 2**32)),
    Shape(Int64, whole(-(2**63), 2**63)),
    Shape(UInt64, whole(0, 2**64)),
    Shape(Level, st.sampled_from(Level)),
]
KEYS = [*NUMBERS, Shape(str, TEXT), Shape(bytes, st.binary(max_size=12)), Shape(datetime, DATES)]
HAVE_NULL = [
    Shape(str, TEXT),
    Shape(bytes, st.binary(max_size=12)),
    Shape(Image, st.builds(Image, st.binary(max_size=12), st.booleans())),
]
LEAVES = [
    *KEYS,
    *HAVE_NULL,
    *(Shape(shape.declared | None, st.none() | shape.values) for shape in HAVE_NULL),
    Shape(float, FINITE),
    Shape(Float32, st.floats(allow_nan=False, width=32)),
    Shape(Color, st.builds(Color, *[whole(0, 256)] * 3)),
]
NAMES = st.lists(
    st.from_regex(r"[a-z][a-z0-9]{0,3}(_[a-z0-9]{1,3})?", fullmatch=True).filter(
        lambda name: not iskeyword(name)
    ),
    max_size=5,
    unique_by=lambda name: name.replace("_", ""),
)


@st.composite
def contracts(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    parts = {name: draw(inner) for name in draw(NAMES)}
    made = dataclasses.make_dataclass("Made", [(name, part.declared) for name, part in parts.items()])
    return Shape(made, st.builds(made, **{name: part.values for name, part in parts.items()}))


def lists(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return inner.map(
        lambda item: Shape(list.__class_getitem__(item.declared), st.lists(item.values, max_size=4))
    )


def dictionaries(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    def of(key: Shape, value: Shape) -> Shape:
        declared = dict.__class_getitem__((key.declared, value.declared))
        return Shape(declared, st.dictionaries(key.values, value.values, max_size=4))

    return st.builds(of, st.sampled_from(KEYS), inner)


def larger(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    made = contracts(inner) | lists(inner) | dictionaries(inner)
    return made | made.map(lambda shape: Shape(shape.declared | None, st.none() | shape.values))


SHAPES = st.recursive(st.sampled_from(LEAVES), larger, max_leaves=8)
GENERATIONS = st.sampled_from(DateFormat)


@given(SHAPES, GENERATIONS, st.data())
def test_what_is_written_comes_back(shape: Shape, dates: DateFormat, data: st.DataObject) -> None:
    value = data.draw(shape.values)
    made = codec(shape.declared, dates)
    written = made.encode(value)
    assert made.decode(written) == value
    assert made.decode_from(b"before" + written + b"after", 6) == (value, 6 + len(written))
    assert made.encode(made.decode(written)) == written


@given(SHAPES, st.binary(max_size=64))
def test_any_bytes_give_a_value_or_malformed_body(shape: Shape, body: bytes) -> None:
    try:
        codec(shape.declared).decode(body)
    except MalformedBody as error:
        assert "at byte" in str(error)


@given(SHAPES, st.data())
def test_a_damaged_body_gives_a_value_or_malformed_body(shape: Shape, data: st.DataObject) -> None:
    damaged = bytearray(codec(shape.declared).encode(data.draw(shape.values)))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFE, 0xFF]))
    try:
        codec(shape.declared).decode(damaged)
    except MalformedBody as error:
        assert "at byte" in str(error)


@given(SHAPES, st.data())
def test_a_body_that_ends_early_is_malformed(shape: Shape, data: st.DataObject) -> None:
    written = codec(shape.declared).encode(data.draw(shape.values))
    end = data.draw(st.integers(0, len(written) - 1))
    try:
        codec(shape.declared).decode(written[:end])
    except MalformedBody:
        return
    raise AssertionError(f"{end} of {len(written)} bytes were taken for a whole body")


@given(SHAPES)
def test_the_table_of_a_type_begins_at_zero_and_has_no_gap(shape: Shape) -> None:
    following: int | None = 0
    for row in describe(shape.declared):
        assert row.start_offset in (following, None)
        following = None if row.start_offset is None or row.length is None else row.start_offset + row.length
