"""The compact serializer: every type has the bytes of the protocol's table, and comes back from them."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, IntFlag
from pathlib import Path
from typing import Annotated, Any, List, Optional  # noqa: UP035

import pytest

from esframework.errors import ContractError
from esframework.wire.compact import (
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
    codec,
    deserialize,
    serialize,
)

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "compact.json").read_text(encoding="utf-8"))


@dataclass(frozen=True, slots=True)
class LogOn:
    system_token: str
    password: str
    authorized_user: str


@dataclass(frozen=True, slots=True)
class LogOnReply:
    logon_result: int
    failure_cause: str
    group_relation_enabled: bool
    p2p_enabled: bool
    use_as_p2p_server: bool


@dataclass
class Address:
    ip: str
    port: int


class Result(IntEnum):
    SUCCEED = 0
    FAILED = 1


class Rights(IntFlag):
    READ = 1
    WRITE = 2


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["name"])
def test_measured_bodies_are_written_and_read_byte_for_byte(vector: dict[str, Any]) -> None:
    contract = {"LogOn": LogOn, "LogOnReply": LogOnReply}[vector["contract"]]
    value = contract(**vector["value"])
    assert codec(contract).encode(value) == hexed(vector["hex"])
    assert codec(contract).decode(hexed(vector["hex"])) == value


@pytest.mark.parametrize(
    ("declared", "value", "expected"),
    [
        (bool, True, "01"),
        (bool, False, "00"),
        (int, -2, "feffffff"),
        (Byte, 255, "ff"),
        (SByte, -1, "ff"),
        (Int16, -2, "feff"),
        (UInt16, 65535, "ffff"),
        (Int32, 1, "01000000"),
        (UInt32, 2**32 - 1, "ffffffff"),
        (Int64, -1, "ffffffffffffffff"),
        (UInt64, 2**63, "0000000000000080"),
        (Float32, 1.5, "0000c03f"),
        (float, 1.5, "000000000000f83f"),
        (Float64, 1.5, "000000000000f83f"),
        (Result, Result.FAILED, "01000000"),
        (Rights, Rights.READ | Rights.WRITE, "03000000"),
        (str, "", "00000000"),
        (str, "鱼", "03000000 e9b1bc"),
        (str | None, None, "ffffffff"),
        (str | None, "", "00000000"),
        (Optional[str], "a", "01000000 61"),  # noqa: UP045
        (Annotated[str, "what a colleague notes beside it"], "a", "01000000 61"),
        (bytes, b"\0\xff", "02000000 00ff"),
        (bytes | None, None, "ffffffff"),
        (Color, Color(1, 2, 255), "0102ff"),
        (Image, Image(b"GIF", is_gif=True), "03000000 01 474946"),
        (Image | None, None, "ffffffff"),
        (list[int], [], "00000000"),
        (list[int], [1, 2], "02000000 01000000 02000000"),
        (List[int], [1], "01000000 01000000"),  # noqa: UP006
        (list[int] | None, None, "ffffffff"),
        (list[list[Byte]], [[1], []], "02000000 01000000 01 00000000"),
        (dict[str, bool], {"b": True, "a": False}, "02000000 01000000 62 01 01000000 61 00"),
        (dict[int, str] | None, None, "ffffffff"),
        (Address, Address("::1", 4530), "0b000000 03000000 3a3a31 b2110000"),
        (Address | None, None, "ffffffff"),
        (list[Address | None], [None, Address("", 0)], "02000000 ffffffff 08000000 00000000 00000000"),
    ],
)
def test_each_type_has_the_bytes_of_the_table(declared: Any, value: Any, expected: str) -> None:
    assert serialize(value, declared) == hexed(expected)
    assert deserialize(declared, hexed(expected)) == value


@pytest.mark.parametrize(
    ("dates", "moment", "count"),
    [
        (TICKS, datetime(1, 1, 1), 0),
        (TICKS, datetime(2000, 1, 1), 630_822_816_000_000_000),
        (TICKS, datetime(1970, 1, 1, 0, 0, 0, 1), 621_355_968_000_000_010),
        (TICKS, datetime.max, 3_155_378_975_999_999_990),
        (MILLISECONDS, datetime(1970, 1, 1), 0),
        (MILLISECONDS, datetime(2001, 9, 9, 1, 46, 40, 7000), 1_000_000_000_007),
        (MILLISECONDS, datetime(1969, 12, 31, 23, 59, 59, 999_000), -1),
        (MILLISECONDS, datetime(1, 1, 1), -62_135_596_800_000),
    ],
)
def test_a_date_is_counted_as_its_generation_counts(dates: DateFormat, moment: datetime, count: int) -> None:
    written = count.to_bytes(8, "little", signed=True)
    assert serialize(moment, dates=dates) == written
    assert deserialize(datetime, written, dates=dates) == moment


def test_parts_of_a_second_that_the_other_side_cannot_hold_are_dropped() -> None:
    assert serialize(datetime(1970, 1, 1, 0, 0, 0, 1999), dates=MILLISECONDS) == (1).to_bytes(8, "little")
    assert deserialize(datetime, (19).to_bytes(8, "little"), dates=TICKS) == datetime(1, 1, 1, 0, 0, 0, 1)


def test_a_codec_is_made_once_for_a_type_and_a_date_format() -> None:
    assert codec(LogOn) is codec(LogOn)
    assert codec(LogOn, MILLISECONDS) is not codec(LogOn)
    assert codec(list[int]) is codec(list[int])


def test_decode_from_gives_the_offset_behind_the_value() -> None:
    body = serialize(Address("a", 1)) + serialize(Address("b", 2))
    first, middle = codec(Address).decode_from(body)
    second, end = codec(Address).decode_from(body, middle)
    assert (first.ip, second.ip, end) == ("a", "b", len(body))
    with pytest.raises(ValueError, match="offset is -1; data has 26 bytes"):
        codec(Address).decode_from(body, -1)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_kind_of_bytes_is_read_and_the_value_keeps_none_of_it(kind: Callable[[bytes], Any]) -> None:
    value = deserialize(list[bytes], kind(serialize([b"ab"], list[bytes])))
    assert value == [b"ab"]
    assert type(value[0]) is bytes


def test_any_byte_but_zero_is_true() -> None:
    assert deserialize(list[bool], hexed("03000000 00 02 ff")) == [False, True, True]


def test_an_int_is_welcome_where_a_float_is_declared() -> None:
    assert deserialize(float, serialize(2, float)) == 2.0


def test_a_subclass_is_written_as_the_class_that_was_declared() -> None:
    @dataclass
    class Longer(Address):
        more: str = "not written"

    assert serialize(Longer("a", 1), Address) == serialize(Address("a", 1))


def test_a_list_or_null_needs_its_type_said() -> None:
    with pytest.raises(ContractError, match=r"list says too little: serialize\(value, list\[str\]\)"):
        serialize(["a"])
    with pytest.raises(ContractError, match="NoneType says too little"):
        serialize(None)
