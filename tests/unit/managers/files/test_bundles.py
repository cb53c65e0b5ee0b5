"""Many small packages in one."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.errors import MalformedBody
from esframework.managers.files.bundles import PART_HEAD, decode_bundle, encode_bundle
from esframework.wire.types import PackageType

PARTS = [(PackageType.FOLDER, b""), (PackageType.FILE, b"about it"), (PackageType.CONTENT, memoryview(b"content"))]


def decoded(data: bytes) -> list[tuple[int, bytes]]:
    """What is in a bundle."""
    return [(package_type, bytes(part)) for package_type, part in decode_bundle(memoryview(data))]


def test_what_is_bundled_comes_out_again() -> None:
    data = encode_bundle(PARTS)
    assert len(data) == 3 * PART_HEAD + 15
    assert decoded(data) == [(package_type, bytes(part)) for package_type, part in PARTS]


def test_the_bytes_are_those_of_the_protocol() -> None:
    assert encode_bundle([(1, b"ab")]) == bytes.fromhex("01 02000000 6162")


def test_every_shorter_bundle_is_malformed_or_has_fewer_parts() -> None:
    data = encode_bundle(PARTS)
    whole = {PART_HEAD, 2 * PART_HEAD + 8}
    for size in range(len(data)):
        if size in whole:
            assert len(decoded(data[:size])) < 3
        else:
            with pytest.raises(MalformedBody):
                decoded(data[:size])


def test_no_bundle_holds_nothing_or_too_much() -> None:
    most = encode_bundle([(0, b"")] * limits.MAX_BUNDLE_PARTS)
    assert len(decoded(most)) == limits.MAX_BUNDLE_PARTS
    for data in (b"", most + encode_bundle([(0, b"")])):
        with pytest.raises(MalformedBody, match="1 to 256 expected"):
            decoded(data)
