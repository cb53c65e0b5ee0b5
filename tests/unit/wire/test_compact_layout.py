"""The table that tells how a contract travels."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import pytest

from esframework.errors import ContractError
from esframework.wire.compact import MILLISECONDS, Byte, Image, Int16, describe


@dataclass
class ChangePasswordContract:
    old_password: str = field(metadata={"wire": "OldPasswordMD5"})
    new_password: str = field(metadata={"wire": "NewPasswordMD5"})


@dataclass
class Size:
    height: Int16
    width: Int16


@dataclass
class Picture:
    size: Size
    thumbnail: Image | None
    a: Byte


@dataclass
class Tree:
    branches: list[Tree]
    marks: dict[str, Size | None]


def table(declared: object) -> list[tuple[str, str, int | None, int | None]]:
    return [(row.field_name, row.type, row.start_offset, row.length) for row in describe(declared)]


def test_lengths_are_rows_and_offsets_end_where_the_first_variable_part_begins() -> None:
    assert table(ChangePasswordContract) == [
        ("ChangePasswordContractLen", "int32", 0, 4),
        ("NewPasswordMD5Len", "int32", 4, 4),
        ("NewPasswordMD5", "utf-8 text", 8, None),
        ("OldPasswordMD5Len", "int32", None, 4),
        ("OldPasswordMD5", "utf-8 text", None, None),
    ]


def test_a_nested_class_of_fixed_parts_keeps_the_offsets_and_null_is_told() -> None:
    assert table(Picture) == [
        ("PictureLen", "int32", 0, 4),
        ("A", "byte", 4, 1),
        ("SizeLen", "int32", 5, 4),
        ("Size.Height", "int16", 9, 2),
        ("Size.Width", "int16", 11, 2),
        ("ThumbnailLen", "int32, -1 = null", 13, 4),
        ("ThumbnailIsGif", "bool", 17, 1),
        ("Thumbnail", "image", 18, None),
    ]


def test_items_and_pairs_are_told_once_and_a_class_inside_itself_is_not_unfolded() -> None:
    assert table(Tree) == [
        ("TreeLen", "int32", 0, 4),
        ("BranchesCount", "int32", 4, 4),
        ("Branches[]", "Tree, as above", None, None),
        ("MarksCount", "int32", None, 4),
        ("Marks{key}Len", "int32", None, 4),
        ("Marks{key}", "utf-8 text", None, None),
        ("Marks{value}Len", "int32, -1 = null", None, 4),
        ("Marks{value}.Height", "int16", None, 2),
        ("Marks{value}.Width", "int16", None, 2),
    ]


def test_a_whole_list_begins_with_its_count() -> None:
    assert table(list[int]) == [("bodyCount", "int32", 0, 4), ("body[]", "int32", None, 4)]


def test_a_date_is_told_as_its_generation_counts_it() -> None:
    assert describe(datetime, dates=MILLISECONDS)[0].type == "datetime as int64, ms since 1970-01-01"


def test_a_class_that_cannot_be_carried_has_no_table() -> None:
    with pytest.raises(ContractError, match="complex"):
        describe(complex)
