"""Values of the wire's own types are checked when they are made."""

from __future__ import annotations

import pytest

from esframework.wire.compact import Color


@pytest.mark.parametrize("part", [256, -1, 1.5])
def test_a_colour_outside_its_bytes_cannot_be_made(part: int) -> None:
    with pytest.raises(ValueError, match=f"green is {part}"):
        Color(0, part, 0)
