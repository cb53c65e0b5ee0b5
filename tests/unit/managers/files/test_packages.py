"""Items of a tree as packages; what is written by hand is what the contracts say."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework import limits
from esframework.errors import MalformedBody
from esframework.filesystem.items import FileItem, FolderItem, Item
from esframework.managers.files.contracts import OUR_FILE, PACKAGE, OurFileBody, PackageBody
from esframework.managers.files.machine.states import PACKAGE_CHARGE
from esframework.managers.files.packages import decode_package, encode_package, item_of, parts_of
from esframework.wire.types import PackageType

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
FILES = st.builds(FileItem, TEXTS, st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1), st.booleans())
ITEMS = st.one_of(st.builds(FolderItem, TEXTS), FILES, st.binary(min_size=1, max_size=30))


def single(item: Item, is_ours: bool) -> tuple[int, memoryview]:
    """The one package of an item."""
    ((package_type, data),) = parts_of(item, is_ours, lambda: 1000)
    return package_type, memoryview(data)


@given(ITEMS)
def test_an_item_comes_back_from_its_package(item: Item) -> None:
    assert item_of(*single(item, True), True) == item


@given(FILES)
def test_a_file_of_ours_is_told_as_its_contract_says(item: FileItem) -> None:
    body = OUR_FILE.encode(OurFileBody(item.size, item.is_executable, item.modified_at, item.path))
    assert single(item, True) == (PackageType.FILE, body)


@given(st.one_of(st.none(), st.binary(max_size=20)), st.integers(0, 3), st.integers(0, 255))
def test_a_package_is_as_its_contract_says(data: bytes | None, package_type: int, index: int) -> None:
    body = encode_package(b"id", package_type, index, data)
    assert body == PACKAGE.encode(PackageBody(data, index, package_type, "id"))
    package = decode_package(memoryview(body))
    assert (package.project_id, package.package_type) == ("id", package_type)
    assert package.data == data


@given(st.binary(max_size=60), st.integers(0, 4), st.booleans())
def test_any_bytes_give_an_item_or_are_malformed(data: bytes, package_type: int, is_ours: bool) -> None:
    try:
        item_of(package_type, memoryview(data), is_ours)
    except MalformedBody as error:
        assert str(error)


def test_every_other_length_of_a_file_of_ours_is_malformed() -> None:
    _, data = single(FileItem("a/b", 7, 8, True), True)
    for wrong in (data[:-1], bytes(data) + b"x", data[:10], b""):
        with pytest.raises(MalformedBody):
            item_of(PackageType.FILE, memoryview(wrong), True)


def test_paths_have_a_longest_length_and_are_utf8() -> None:
    longest = "é" * (limits.MAX_FILE_TEXT // 2)
    assert item_of(*single(FolderItem(longest), True), True) == FolderItem(longest)
    for item in (FolderItem(longest + "a"), FileItem(longest + "a", 0)):
        with pytest.raises(MalformedBody, match="4097 bytes"):
            item_of(*single(item, True), True)
    with pytest.raises(MalformedBody, match="no UTF-8"):
        item_of(PackageType.FOLDER, memoryview(b"\xff"), True)


def test_another_make_separates_names_with_backslashes() -> None:
    assert single(FolderItem("a/b"), False) == (PackageType.FOLDER, b"a\\b")
    assert item_of(*single(FileItem("a/b", 5), False), False) == FileItem("a\\b", 5)


@pytest.mark.parametrize("size", [0, 1, 100, 1023, 1024, 4096])
def test_what_waits_for_the_disk_takes_little_more_memory_than_it_counts(size: int) -> None:
    body = encode_package(b"9f1c7c2e-0000-4000-8000-000000000000", PackageType.CONTENT, 1, b"x" * size)
    count = 500
    tracemalloc.start()
    try:
        data = [decode_package(memoryview(bytes(bytearray(body)))).data for _ in range(count)]
        held = [item_of(PackageType.CONTENT, each, True) for each in data if each is not None]
        del data
        taken = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert len(held) == count
    assert taken < 2 * count * (size + PACKAGE_CHARGE)


def test_content_is_cut() -> None:
    assert [bytes(data) for _, data in parts_of(b"12345", True, lambda: 2)] == [b"12", b"34", b"5"]
    sizes = iter([1, 3, 9])
    assert [bytes(data) for _, data in parts_of(b"12345", True, lambda: next(sizes))] == [b"1", b"234", b"5"]
