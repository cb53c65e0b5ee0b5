"""Laws of reading trees: items come in the canonical order, and reading can go on from any position."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from esframework.filesystem.digests import BLAKE2B
from esframework.filesystem.items import FileItem, FolderItem, Item, Position
from esframework.filesystem.reading import TreeReader
from tests.unit.filesystem.trees import digest_of, make, read_all

NAMES = st.text(st.sampled_from("ab.é🎉 \\"), min_size=1, max_size=3).filter(lambda name: name not in (".", ".."))
CONTENTS = st.binary(max_size=12)
TREES = st.recursive(
    st.dictionaries(NAMES, CONTENTS, max_size=4),
    lambda inner: st.dictionaries(NAMES, st.one_of(CONTENTS, inner), max_size=4),
    max_leaves=12,
)


def made(folder: str, tree: Any) -> Path:
    """A file or a folder."""
    place = Path(folder) / "source"
    if isinstance(tree, bytes):
        place.write_bytes(tree)
        return place
    return make(place, tree)


def positions(items: list[Item]) -> list[Position]:
    """Every position in a tree."""
    found, received, path = [Position()], 0, ""
    for item in items:
        if isinstance(item, FileItem):
            path = item.path
            found.append(Position(received, path, 0))
        elif isinstance(item, bytes):
            found += [Position(received + more, path, more) for more in range(1, len(item) + 1)]
            received += len(item)
    return found


def cut(items: list[Item], position: Position) -> tuple[list[Item], list[Item]]:
    """What is before a position and what behind it, by looking at one item after the other."""
    if position == Position():
        return [], items
    for index, item in enumerate(items):
        if isinstance(item, FileItem) and item.path == position.path:
            content = items[index + 1] if item.size else b""
            assert isinstance(content, bytes)
            behind: list[Item] = [content[position.offset :]] if position.offset < len(content) else []
            behind += items[index + (2 if item.size else 1) :]
            return [*items[: index + 1], content[: position.offset]], behind
    raise AssertionError(position)


@given(st.one_of(CONTENTS, TREES), st.integers(1, 20), st.data())
@settings(max_examples=60)
def test_reading_goes_on_from_any_position(tree: Any, budget: int, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = TreeReader(made(folder, tree))
        survey = reader.survey()
        reader.start(BLAKE2B)
        items = read_all(reader, budget)
        whole = reader.digest()
        assert whole == digest_of(items, BLAKE2B)
        assert survey.size == sum(len(item) for item in items if isinstance(item, bytes))
        position = data.draw(st.sampled_from(positions(items)))
        before, behind = cut(items, position)
        assert reader.resume(position, BLAKE2B, lambda: False) == digest_of(before, BLAKE2B)
        assert read_all(reader, budget) == behind
        assert reader.digest() == whole
        assert reader.resume(position, None, lambda: False) == b""
        assert read_all(reader, budget) == behind
        reader.close()


@given(TREES, st.integers(1, 20))
@settings(max_examples=40)
def test_the_order_is_the_canonical_one_and_a_file_is_cut_only_when_it_must(tree: Any, budget: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        reader = TreeReader(made(folder, tree))
        reader.survey()
        reader.start(None)
        found: list[Item] = []
        while items := reader.read(budget):
            contents = [item for item in items if isinstance(item, bytes)]
            assert sum(map(len, contents)) <= budget
            sizes = [item.size for item in items if isinstance(item, FileItem)]
            assert all(size in map(len, contents) or size > budget for size in sizes[:-1] if size)
            found += items
        reader.close()
    assert [named(item) for item in found if not isinstance(item, bytes)] == expected(tree, "")


def named(item: Item) -> Item:
    """An item without its times, which no tree of a test decides."""
    return FileItem(item.path, item.size) if isinstance(item, FileItem) else item


def expected(tree: Any, path: str) -> list[Item]:
    """The canonical order, by its definition."""
    prefix = f"{path}/" if path else ""
    items: list[Item] = [FolderItem(path)]
    items += [FileItem(prefix + name, len(tree[name])) for name in sorted(tree) if isinstance(tree[name], bytes)]
    for name in sorted(tree):
        if not isinstance(tree[name], bytes):
            items += expected(tree[name], prefix + name)
    return items
