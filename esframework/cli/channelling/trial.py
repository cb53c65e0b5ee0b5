"""What `esframework p2p test` and `p2p answer` say to each other: custom information of one type that no application
has by chance, behind a word that says what it is.

    who tests                                   who answers
    query  {"do": "hello"}                      {"version": 1, "most": BYTES}
    query  {"do": "ping"}                       {"do": "ping"}
    query  {"do": "begin", "id": I, "size": N}  {"id": I}, or {"refused": WHY}
    blobs  I and bytes, N together              information {"id": I, "got": BYTES}, with "digest" when all are there
    query  {"do": "nat"}                        {"kind": KIND}

Pure; sends nothing. What comes is checked here: a field that is not what it should be makes `Unintelligible`.
"""

from __future__ import annotations

import json
from hashlib import blake2b
from typing import Any, Final

INFORMATION_TYPE: Final = -1_163_087_922
VERSION: Final = 1

_SAYS: Final = b"esframework p2p trial: "
_CARRIES: Final = b"esframework p2p bytes: "
ID_SIZE: Final = 16

LONGEST_SAYING: Final = 4096
"""Bytes of something that is said; all together are shorter than a hundred."""

PIECE: Final = 1024 * 1024
"""Bytes that one blob carries: long enough to cost little, short enough for progress to be seen."""

MOST_BYTES: Final = 10_000_000_000
"""Bytes of one test: more than a minute's worth of a quick line."""


class Unintelligible(ValueError):
    """What came is nothing of this protocol; who sent it is another program."""


def say(**words: object) -> bytes:
    """Something that is said, as content."""
    return _SAYS + json.dumps(words).encode()


def said(content: bytes | None) -> dict[str, Any]:
    """What content says. Raises Unintelligible."""
    if content is None or not content.startswith(_SAYS) or len(content) > LONGEST_SAYING:
        raise Unintelligible("something else")
    try:
        words = json.loads(bytes(content[len(_SAYS) :]))
    except (ValueError, RecursionError):
        raise Unintelligible("no JSON") from None
    if not isinstance(words, dict):
        raise Unintelligible("no object")
    return words


def text(words: dict[str, Any], name: str, longest: int = 200) -> str:
    """A text that was said. Raises Unintelligible."""
    value = words.get(name)
    if not isinstance(value, str) or len(value) > longest:
        raise Unintelligible(f"no {name}")
    return value


def number(words: dict[str, Any], name: str, most: int = MOST_BYTES) -> int:
    """A number that was said, at least 0. Raises Unintelligible."""
    value = words.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise Unintelligible(f"no {name}")
    return value


def test_id(words: dict[str, Any]) -> bytes:
    """The id of a test that was said. Raises Unintelligible."""
    try:
        test = bytes.fromhex(text(words, "id"))
    except ValueError:
        raise Unintelligible("no id") from None
    if len(test) != ID_SIZE:
        raise Unintelligible("no id")
    return test


def carry(test: bytes, data: bytes) -> bytes:
    """Bytes of a test, as content."""
    return _CARRIES + test + data


def carried(content: bytes | None) -> tuple[bytes, memoryview] | None:
    """The test's id and the bytes; None of content that carries none."""
    start = len(_CARRIES)
    if content is None or not content.startswith(_CARRIES) or len(content) < start + ID_SIZE:
        return None
    return bytes(content[start : start + ID_SIZE]), memoryview(content)[start + ID_SIZE :]


class Count:
    """How much of a test has been sent, or has come, and the digest of that. Keeps none of the bytes."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.bytes = 0
        self._digest = blake2b(digest_size=32)

    def take(self, data: bytes | memoryview) -> None:
        """The next bytes."""
        self.bytes += len(data)
        self._digest.update(data)

    @property
    def is_whole(self) -> bool:
        """Whether that is all."""
        return self.bytes >= self.size

    @property
    def digest(self) -> str:
        """Of what there is so far."""
        return self._digest.hexdigest()
