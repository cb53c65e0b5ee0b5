"""One digest over a tree."""

from __future__ import annotations

import hashlib
import sys

import pytest

from esframework.errors import MissingExtra
from esframework.filesystem import digests
from esframework.filesystem.digests import BLAKE2B, BLAKE3, DIGEST_SIZE, TreeDigest, algorithms


def digest_of(*contents: bytes, path: str = "a", size: int = 3, algorithm: str = BLAKE2B) -> bytes:
    """Of a folder with one file."""
    digest = TreeDigest(algorithm)
    digest.folder("")
    digest.file(path, size)
    for content in contents:
        digest.content(content)
    return digest.digest()


@pytest.mark.parametrize("algorithm", algorithms())
def test_a_digest_depends_on_paths_sizes_and_contents_and_not_on_how_these_are_cut(algorithm: str) -> None:
    whole = digest_of(b"abc", algorithm=algorithm)
    assert len(whole) == DIGEST_SIZE
    assert whole == digest_of(b"a", b"", b"bc", algorithm=algorithm)
    others = {
        digest_of(b"abd", algorithm=algorithm),
        digest_of(b"abc", path="b", algorithm=algorithm),
        digest_of(b"abc", size=4, algorithm=algorithm),
        digest_of(b"ab", algorithm=algorithm),
    }
    assert len(others) == 4
    assert whole not in others


def test_a_folder_is_no_file_and_a_name_is_no_content() -> None:
    folder, file, longer, shorter = (TreeDigest(BLAKE2B) for _ in range(4))
    folder.folder("a")
    file.file("a", 0)
    longer.file("ab", 1)
    shorter.file("a", 1)
    shorter.content(b"b")
    assert len({digest.digest() for digest in (folder, file, longer, shorter)}) == 4


def test_what_is_hashed_is_told_in_the_protocol() -> None:
    digest = TreeDigest(BLAKE2B)
    digest.folder("é")
    digest.file("é/b", 5)
    digest.content(memoryview(b"hello"))
    text = b"D" + b"\x02\0\0\0" + "é".encode() + b"F" + b"\x04\0\0\0" + b"\x05" + bytes(7) + "é/b".encode() + b"hello"
    assert digest.digest() == hashlib.blake2b(text, digest_size=32).digest()


def test_more_may_follow_after_a_digest() -> None:
    digest = TreeDigest(BLAKE2B)
    digest.file("a", 2)
    digest.content(b"x")
    beginning = digest.digest()
    digest.content(b"y")
    assert digest.digest() != beginning


def test_the_quicker_algorithm_comes_first_where_its_package_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digests, "find_spec", lambda name: object())
    assert algorithms() == (BLAKE3, BLAKE2B)
    monkeypatch.setattr(digests, "find_spec", lambda name: None)
    assert algorithms() == (BLAKE2B,)


def test_blake3_without_its_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "blake3", None)
    with pytest.raises(MissingExtra, match="'files'"):
        TreeDigest(BLAKE3)


def test_an_algorithm_that_nobody_knows_is_named() -> None:
    with pytest.raises(ValueError, match="'md5' is no digest"):
        TreeDigest("md5")
