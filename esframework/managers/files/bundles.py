"""Many small packages in one, between ours: what a folder of small files mostly consists of. Knows no transfer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from struct import Struct
from typing import TypeAlias

from esframework import limits
from esframework.errors import MalformedBody

Part: TypeAlias = "tuple[int, bytes | memoryview]"
"""(package type, data): what would be a package by itself."""

_HEAD = Struct("<BI")
PART_HEAD = _HEAD.size
"""Bytes of a part besides its data."""


def encode_bundle(parts: Iterable[Part]) -> bytes:
    """The data of a package of type BUNDLE."""
    return b"".join(_pieces(parts))


def decode_bundle(data: memoryview) -> list[tuple[int, memoryview]]:
    """The packages in a bundle; raises MalformedBody unless there is one at least, and not more than may be."""
    parts: list[tuple[int, memoryview]] = []
    start, size = 0, len(data)
    while start < size:
        if size - start < PART_HEAD:
            raise MalformedBody(f"a bundle of packages of {size} bytes ends within a part's head")
        package_type, length = _HEAD.unpack_from(data, start)
        start += PART_HEAD
        if length > size - start:
            raise MalformedBody(f"a part of a bundle declares {length} bytes where {size - start} are")
        parts.append((package_type, data[start : start + length]))
        start += length
    if not 0 < len(parts) <= limits.MAX_BUNDLE_PARTS:
        raise MalformedBody(f"a bundle has {len(parts)} packages; 1 to {limits.MAX_BUNDLE_PARTS} expected")
    return parts


def _pieces(parts: Iterable[Part]) -> Iterator[bytes | memoryview]:
    for package_type, data in parts:
        yield _HEAD.pack(package_type, len(data))
        yield data
