"""The page on P2P says of each pair of NATs what the lab's tables say, which the tests beside this one hold to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.nat.places import BY_CHANCE, BY_TCP, BY_UDP, Place, Places

PAGE = Path(__file__).resolve().parents[2] / "docs" / "topics" / "p2p.md"
ROW = re.compile(r"^\| (?P<one>[^|]+) \| (?P<other>[^|]+) \| (?P<tcp>[^|]*) \| (?P<udp>[^|]*) \|$", re.MULTILINE)
NAMES = {place.value: place for place in Place}


def rows() -> dict[Places, tuple[str, str]]:
    """What the page says of pairs that it names as the lab does: (TCP, UDP)."""
    found = [row.groupdict() for row in ROW.finditer(PAGE.read_text(encoding="utf-8"))]
    return {
        (NAMES[row["one"]], NAMES[row["other"]]): (row["tcp"].strip(), row["udp"].strip())
        for row in found
        if row["one"] in NAMES and row["other"] in NAMES
    }


@pytest.mark.parametrize("places", list(BY_UDP)[:12], ids=" - ".join)
def test_a_pair_is_told_as_it_is(places: Places) -> None:
    told = rows()[places]
    for said, table in zip(told, (BY_TCP, BY_UDP), strict=True):
        assert (said == "**no**") is not table[places]
        assert said == "**no**" or re.fullmatch(r"\d+ ms", said)
    assert places not in BY_CHANCE
