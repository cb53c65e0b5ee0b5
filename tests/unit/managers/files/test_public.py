"""What the other end reads of an error says why, and not where."""

from __future__ import annotations

import errno

import pytest

from esframework.errors import DestinationExists, SourceChanged, WrongTree
from esframework.managers.files.public import public_text

PATH = "/home/alice/secret plans/file"


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (OSError(errno.ENOSPC, "No space left on device", PATH), "No space"),
        (DestinationExists(PATH, "is there already"), "is there already"),
        (SourceChanged(PATH, 10, 3), "offered with 10 bytes has only 3"),
        (WrongTree("the digests of the whole differ"), "digests"),
        (RuntimeError(PATH), "error of the other end"),
    ],
)
def test_it_says_why_and_not_where(error: Exception, text: str) -> None:
    assert text in public_text(error)
    assert "alice" not in public_text(error)
