"""Which fields travel, in which order, and which classes cannot be carried, with a way out for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import InitVar, dataclass, field
from datetime import date
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, ClassVar, Generic, List, Literal, TypeVar  # noqa: UP035

import pytest

from esframework.errors import ContractError, LocalError
from esframework.wire.compact import Byte, Color, codec, deserialize, serialize
from esframework.wire.compact_compiler import wire_order

T = TypeVar("T")


def hexed(text: str) -> bytes:
    return bytes.fromhex(text)


def contract_of(declared: Any) -> type:
    """A contract `Sample` whose one field `part` is declared so."""
    return dataclasses.make_dataclass("Sample", [("part", declared)])


def test_fields_are_written_in_the_order_of_their_wire_names() -> None:
    @dataclass
    class Mixed:
        banana: Byte = 1
        a2: Byte = 2
        apple: Byte = 3
        a_second: Byte = field(default=4, metadata={"wire": "A_b"})
        a: Byte = 5
        first: Byte = field(default=6, metadata={"wire": "AAA"})

    # A, A_b, A2, AAA, Apple, Banana: the shorter first, then '_', digits, letters.
    assert serialize(Mixed()) == hexed("06000000 05 04 02 06 03 01")


def test_of_names_that_differ_in_case_alone_the_lowercase_is_first() -> None:
    @dataclass
    class Cases:
        upper: Byte = field(default=1, metadata={"wire": "NAME"})
        title: Byte = field(default=2, metadata={"wire": "Name"})
        lower: Byte = field(default=3, metadata={"wire": "name"})

    assert serialize(Cases()) == hexed("03000000 03 02 01")


def test_a_name_given_as_metadata_takes_the_place_of_the_fields_own() -> None:
    @dataclass
    class Renamed:
        alpha: Byte = field(default=1, metadata={"wire": "Zulu"})
        bravo: Byte = 2

    assert serialize(Renamed()) == hexed("02000000 02 01")


def test_inherited_fields_travel_and_fields_without_init_do_not() -> None:
    @dataclass
    class Base:
        b: Byte

    @dataclass
    class Derived(Base):
        a: Byte
        total: int = field(init=False, default=9)

    assert serialize(Derived(b=2, a=1)) == hexed("02000000 01 02")
    assert deserialize(Derived, hexed("02000000 01 02")) == Derived(b=2, a=1)


def test_names_come_in_the_culture_order_of_the_other_end() -> None:
    # As measured bodies and the protocol's lists of fields have them.
    ordered = [
        "ip",
        "IP",
        "P_2",
        "P2P",
        "P2PAddress",
        "ProjectID",
        "PublicIP",
        "PublicTcpPort",
        "SHORT",
        "ShortName",
    ]
    turned = ordered[::-1]
    assert sorted(turned, key=wire_order) == ordered


def test_a_class_variable_does_not_travel_and_an_optional_init_argument_does_not_either() -> None:
    @dataclass
    class Small:
        version: ClassVar[int] = 7
        part: Byte = 1
        seed: InitVar[int] = 0

    assert deserialize(Small, serialize(Small(5))) == Small(5)
    assert serialize(Small(5)) == hexed("01000000 05")


def test_a_class_inside_a_function_may_hold_itself() -> None:
    @dataclass
    class Folder:
        folders: list[Folder]

    tree = Folder([Folder([]), Folder([])])
    assert deserialize(Folder, serialize(tree)) == tree


class Plain:
    pass


class Shade(Enum):
    DARK = 1


class Wide(IntEnum):
    BEYOND = 2**31


@dataclass
class Box(Generic[T]):
    content: T


@dataclass
class Point:
    x: int


@pytest.mark.parametrize(
    ("declared", "complaint"),
    [
        (
            set[str],
            r"Sample\.part: set\[str\] cannot be carried by the compact serializer: declare list\[T\]",
        ),
        (frozenset, r"Sample\.part: frozenset cannot be carried .*: declare list\[T\]"),
        (tuple[int, ...], "or a dataclass where the parts differ"),
        (list, r"list cannot be carried .*: say of what: list\[T\]"),
        (List, r"say of what: list\[T\]"),  # noqa: UP006
        (dict, r"say of what: dict\[K, V\]"),
        (dict[str], r"say of what: dict\[K, V\]"),  # type: ignore[misc]
        (bytearray, "declare bytes"),
        (complex, "declare two floats"),
        (Decimal, "declare str or float"),
        (date, "declare datetime"),
        (Any, "declare the type that travels"),
        (object, "declare the type that travels"),
        (Plain, "make it a dataclass"),
        (Callable[[], None], "no type of the wire corresponds"),
        (Literal["a"], "no type of the wire corresponds"),
        (Box[int], "no type of the wire corresponds"),
        (Shade, "derive it from IntEnum"),
        (Wide, "a member lies outside"),
        (int | str, "a field has one type"),
        (int | str | None, "a field has one type"),
        (int | None, "the wire has no null for int32: choose a value that means none"),
        (bool | None, "the wire has no null for bool"),
        (Color | None, "the wire has no null for color"),
        (dict[str | None, int], "a dictionary's keys are"),
        (dict[Point, int], r"Sample\.part: Point cannot be carried .*: a dictionary's keys are"),
        (list[dict[str, set[int]]], r"Sample\.part: set\[int\] cannot"),
        (contract_of(complex), r"Sample\.part: complex"),
        ("Nowhere", r"Sample: an annotation cannot be resolved \(name 'Nowhere' is not defined\)"),
    ],
)
def test_a_field_that_cannot_be_carried_is_refused_with_a_way_out(declared: Any, complaint: str) -> None:
    with pytest.raises(ContractError, match=complaint) as caught:
        codec(contract_of(declared))
    assert isinstance(caught.value, LocalError)


def test_a_type_that_is_no_contract_at_all_is_refused() -> None:
    with pytest.raises(ContractError, match="^Plain cannot be carried"):
        serialize(Plain())


@pytest.mark.parametrize("name", ["Größe", "a b", "", "1st", 7])
def test_a_wire_name_whose_place_is_uncertain_is_refused(name: Any) -> None:
    contract = dataclasses.make_dataclass("Sample", [("part", int, field(metadata={"wire": name}))])
    with pytest.raises(ContractError, match=r"Sample\.part: .* is no name of ASCII letters"):
        codec(contract)


def test_two_fields_of_one_wire_name_are_refused() -> None:
    contract = dataclasses.make_dataclass("Sample", [("user_id", int), ("userId", int)])
    with pytest.raises(ContractError, match=r"Sample\.userId: has the wire name 'UserId' of 'user_id' too"):
        codec(contract)


def test_a_class_that_cannot_be_made_from_its_fields_is_refused() -> None:
    @dataclass
    class Needs:
        part: int
        key: InitVar[str]

    @dataclass(init=False)
    class Own:
        part: int

        def __init__(self, whole: int = 0) -> None:
            self.part = whole

    with pytest.raises(ContractError, match="Needs: it needs 'key' to be made"):
        codec(Needs)
    with pytest.raises(ContractError, match="Own: its own __init__ does not take the field 'part'"):
        codec(Own)
