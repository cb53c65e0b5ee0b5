"""What does not fit: values that a field cannot carry, bytes that are no value; each named by its field."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import IntEnum
from typing import Any

import pytest

from esframework import limits
from esframework.errors import EncodeError, LocalError, MalformedBody, RemoteError
from esframework.wire.compact import Byte, Color, Float32, Image, UInt64, codec, deserialize, serialize


@dataclass
class Address:
    ip: str
    port: int


@dataclass
class BeginSendFile:
    comment: str | None
    total_size: UInt64
    target: Address


@dataclass
class Node:
    name: str
    children: list[Node] = field(default_factory=list)


@dataclass
class Link:
    next: Link | None = None


class Result(IntEnum):
    SUCCEED = 0
    FAILED = 1


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


@pytest.mark.parametrize(
    ("declared", "value", "complaint"),
    [
        (int, 2**31, "int is 2147483648; out of range for int32"),
        pytest.param(int, 10**5000, "is a number of more than 128 bits; out of range", id="5000 digits"),
        (Byte, -1, "is -1; out of range for byte"),
        (UInt64, -1, "out of range for uint64"),
        (Float32, 1e39, r"is 1e\+39; out of range for float32"),
        pytest.param(float, 10**400, "out of range for float64", id="400 digits"),
        (int, "1", "is str; expected int32"),
        (int, 1.0, "is float; expected int32"),
        (int, True, "is bool; expected int32"),
        (bool, 1, "is int; expected bool"),
        (Result, 0, "is int; expected Result"),
        (str, b"", "is bytes; expected str"),
        (str, None, r"is None; expected str \(declare `\| None`"),
        (str, "a\ud800", "has a lone surrogate at character 1"),
        (bytes, "", "is str; expected bytes"),
        (list[str], "abc", "is str; expected list"),
        (list[str], ["a", 1], r"body\[1\] is int; expected str"),
        (dict[str, int], [], "is list; expected dict"),
        (dict[str, int], {"a": 1, "b": "c"}, r"body\['b'\] is str; expected int32"),
        (dict[str, int], {"a": 1, 2: 2}, r"body\[key 1\] is int; expected str"),
        (datetime, date(2026, 1, 1), "is date; expected datetime"),
        (datetime, datetime(2026, 1, 1, tzinfo=UTC), "has a time zone"),
        (Color, (1, 2, 3), "is tuple; expected Color"),
        (Image, b"", "is bytes; expected Image"),
        (Image, Image("text"), "an Image of other things"),  # type: ignore[arg-type]
        (Address, Node("a"), "Address is Node; expected Address"),
        (Address, Address("a", None), "Address.port is None; expected int32"),  # type: ignore[arg-type]
        (
            BeginSendFile,
            BeginSendFile(None, 1, Address("a", 2**40)),
            r"BeginSendFile\.target\.port is 1099511627776",
        ),
        (Node, Node("a", [Node("b"), Node(3)]), r"Node\.children\[1\]\.name is int"),  # type: ignore[arg-type]
    ],
)
def test_a_value_that_does_not_fit_is_an_error_of_ours_that_names_the_field(
    declared: Any, value: Any, complaint: str
) -> None:
    with pytest.raises(EncodeError, match=complaint) as caught:
        serialize(value, declared)
    assert isinstance(caught.value, LocalError)


def test_a_reference_cycle_is_refused_as_too_deep() -> None:
    link = Link()
    link.next = link
    with pytest.raises(EncodeError, match="deeper than 32 classes; the wire carries no reference cycles"):
        serialize(link)


def chain(length: int) -> Link | None:
    link = None
    for _ in range(length):
        link = Link(link)
    return link


def test_classes_may_be_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    deepest = chain(limits.MAX_BODY_DEPTH)
    written = serialize(deepest)
    assert deserialize(Link, written) == deepest
    with pytest.raises(EncodeError, match="deeper than 32"):
        serialize(chain(limits.MAX_BODY_DEPTH + 1))
    one_more = len(written).to_bytes(4, "little") + written
    with pytest.raises(MalformedBody, match="at most 32 classes inside each other"):
        deserialize(Link, one_more)


@pytest.mark.parametrize(
    ("declared", "body", "complaint"),
    [
        (int, "0000", "int at byte 0: expected the 4 bytes of int32, found 2 bytes"),
        (bool, "", "bool at byte 0: expected the byte of bool, found 0 bytes"),
        (Color, "0102", "expected the 3 bytes of a colour, found 2 bytes"),
        (Result, "00", "expected the 4 bytes of int32"),
        (Result, "07000000", "expected a value of Result, found 7"),
        (datetime, "00", "expected the 8 bytes of datetime"),
        (datetime, "ffffffffffffffff", "in the years 1 to 9999, found -1"),
        (datetime, "ffffffffffffff7f", "in the years 1 to 9999, found 9223372036854775807"),
        (str, "0000", "expected the 4 bytes of the length of text, found 2 bytes"),
        (str, "05000000 6162", "expected text of length 5, found 2 bytes after the length"),
        (str, "ffffffff", r"expected text, found null \(declare `\| None`"),
        (str | None, "feffffff", "expected the length of text, found -2"),
        (str | None, "ffff", "expected the 4 bytes of the length of text, found 2 bytes"),
        (str, "02000000 61ff", "str at byte 5: expected UTF-8, found byte 0xff"),
        (str, "03000000 eda080", "expected UTF-8, found byte 0xed"),
        (bytes, "ffffff7f", "expected bytes of length 2147483647, found 0 bytes"),
        (Image, "02000000 01 61", "expected 3 bytes of is-GIF and image, found 2 bytes"),
        (Image, "00000000", "expected 1 bytes of is-GIF and image, found 0 bytes"),
        (list[int], "00943577 000000", "expected list of int32 of length 2000000000, found 3 bytes"),
        (list[int], "02000000 00000000 0000", "length 2, found 6 bytes"),
        (list[str], "02000000 00000000 01000000", r"body\[1\] at byte 8: expected text of length 1, found 0"),
        (dict[Byte, Byte], "02000000 000000", "length 2, found 3 bytes"),
        (
            dict[Byte, Byte],
            "02000000 05 00 05 01",
            r"body\[key 1\] at byte 6: expected another key, found 5 again",
        ),
        (dict[str, str], "01000000 01000000 61 09000000", r"body\['a'\] at byte 9"),
        (Address, "", "Address at byte 0: expected the 4 bytes of the length of Address, found 0 bytes"),
        (Address, "ffffffff", "Address at byte 0: expected Address, found null"),
        (
            Address,
            "09000000 00000000 00000000",
            "Address at byte 0: expected Address of length 9, found 8 bytes",
        ),
        (
            Address,
            "07000000 00000000 00000000",
            "Address.port at byte 8: expected the 4 bytes of int32, found 3",
        ),
        (
            Address,
            "09000000 00000000 00000000 00",
            "Address at byte 12: expected the end of Address, found 1 more bytes",
        ),
        (
            Address,
            "08000000 00000000 00000000 00",
            "Address at byte 12: expected the end, found 1 more bytes",
        ),
        (BeginSendFile, "04000000 05000000", "BeginSendFile.comment at byte 4: expected text of length 5"),
        (
            BeginSendFile,
            "0c000000 ffffffff 04000000 05000000",
            r"BeginSendFile\.target\.ip at byte 12: expected text",
        ),
    ],
)
def test_bytes_that_are_no_value_name_the_field_and_the_offset(
    declared: Any, body: str, complaint: str
) -> None:
    with pytest.raises(MalformedBody, match=complaint) as caught:
        deserialize(declared, hexed(body))
    assert isinstance(caught.value, RemoteError)


def test_what_a_contract_itself_refuses_is_malformed_and_keeps_the_reason() -> None:
    @dataclass
    class Percent:
        value: Byte

        def __post_init__(self) -> None:
            if self.value > 100:
                raise ValueError(f"{self.value} is more than all")

    with pytest.raises(
        MalformedBody, match="that Percent accepts; it raised ValueError: 101 is more"
    ) as caught:
        deserialize(Percent, hexed("01000000 65"))
    assert isinstance(caught.value.__cause__, ValueError)


def test_a_long_key_from_a_peer_does_not_fill_the_log() -> None:
    body = serialize({"k" * 10_000: "v"}, dict[str, str])[:-1]
    with pytest.raises(MalformedBody) as caught:
        deserialize(dict[str, str], body)
    assert len(str(caught.value)) < 200


def test_offsets_count_from_the_beginning_of_what_was_given() -> None:
    with pytest.raises(
        MalformedBody, match="Address.port at byte 18: expected the 4 bytes of int32, found 3"
    ):
        codec(Address).decode_from(bytes(10) + hexed("07000000 00000000 00000000"), 10)
