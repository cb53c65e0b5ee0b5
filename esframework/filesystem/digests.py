"""One digest over a tree of files: paths, sizes and contents in their order, so that its beginning can be compared as
well as the whole. Times and permissions are not in it.

BLAKE3 where the extra `files` is installed, else BLAKE2b, which Python has; both ends agree on one.
"""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from struct import Struct
from typing import Any, Final

from esframework.errors import MissingExtra

BLAKE2B: Final = "blake2b"
BLAKE3: Final = "blake3"
DIGEST_SIZE: Final = 32
_FOLDER = Struct("<cI")
_FILE = Struct("<cIQ")


def algorithms() -> tuple[str, ...]:
    """Those that work here, the quickest first."""
    return (BLAKE3, BLAKE2B) if find_spec("blake3") is not None else (BLAKE2B,)


class TreeDigest:
    """Fed with what comes, in its order. Raises MissingExtra for BLAKE3 without its package, ValueError for an
    algorithm that nobody knows."""

    def __init__(self, algorithm: str) -> None:
        self.algorithm = algorithm
        self._state = plain_digest(algorithm)

    def folder(self, path: str) -> None:
        """A folder begins."""
        name = path.encode()
        self._state.update(_FOLDER.pack(b"D", len(name)) + name)

    def file(self, path: str, size: int) -> None:
        """A file begins."""
        name = path.encode()
        self._state.update(_FILE.pack(b"F", len(name), size) + name)

    def content(self, data: bytes | memoryview) -> None:
        """The next bytes of the file that began last."""
        self._state.update(data)

    def digest(self) -> bytes:
        """Of everything so far; more may follow."""
        return bytes(self._state.digest())


def plain_digest(algorithm: str) -> Any:
    """A digest of bytes alone, as Python's `hashlib` has them; raises as `TreeDigest`."""
    if algorithm == BLAKE2B:
        return hashlib.blake2b(digest_size=DIGEST_SIZE)
    if algorithm != BLAKE3:
        raise ValueError(f"{algorithm!r} is no digest; {BLAKE3} or {BLAKE2B} expected")
    try:
        from blake3 import blake3
    except ImportError:
        raise MissingExtra("the digest BLAKE3", "files") from None
    return blake3()
