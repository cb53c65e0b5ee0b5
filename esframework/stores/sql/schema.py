"""What all tables share: where they are gathered, how names and times lie, and how long lists go into statements.

Knows no single table. A change of any table is a new file in `migrations/versions` and a higher `SCHEMA_VERSION`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, Final, TypeVar

from sqlalchemy import BigInteger, Double, Integer, MetaData, String

from esframework.wire.identity import LONGEST_NAME

T = TypeVar("T")

SCHEMA_VERSION: Final = 3
"""What this release reads and writes: the last of the migrations."""

metadata = MetaData()

# Sorted and compared by code points, whatever the database was made for; SQLite does so by itself.
Name: Final = String(LONGEST_NAME).with_variant(String(LONGEST_NAME, collation="C"), "postgresql")
Seconds: Final[Double[float]] = Double()
Number: Final = BigInteger().with_variant(Integer(), "sqlite")
"""64 bits; SQLite's own name for them, under which a primary key costs nothing."""

PORTION: Final = 500
"""Values in one statement: every database takes as many."""


def portions(values: Iterable[T], size: int = PORTION) -> Iterator[list[T]]:
    """The values in lists short enough for one statement."""
    iterator = iter(values)
    while portion := list(islice(iterator, size)):
        yield portion


def database_text(name: str) -> str:
    """`name` as far as a database may be asked about it. What comes behind a name with NUL or half a character in it
    comes behind this part of it, too: no name that is stored has either."""
    return re.split("[\0\ud800-\udfff]", name, maxsplit=1)[0]


def whole(value: Any) -> int:
    """A database's sum or count as a number; databases give sums of nothing as NULL, and large ones as decimals."""
    return int(value or 0)
