"""What PostgreSQL's errors mean: which go away by themselves, and who has to do something about the others."""

from __future__ import annotations

import pytest

from esframework.errors import StoreAway, StoreBusy, StoreError, StoreFull, StoreReadOnly
from esframework.stores.sql.postgresql import postgresql_error


class DriverError(Exception):
    """What the driver raises: words, and the standard's code of the reason."""

    def __init__(self, sqlstate: str | None) -> None:
        super().__init__("first line\n  second line")
        self.sqlstate = sqlstate


@pytest.mark.parametrize(
    ("sqlstate", "kind", "words"),
    [
        (None, StoreAway, "cannot be reached"),
        ("57P01", StoreAway, "shutting down"),
        ("57P03", StoreAway, "starting"),
        ("08006", StoreAway, "connection was lost"),
        ("55P03", StoreBusy, "locked"),
        ("57014", StoreBusy, "took too long"),
        ("40P01", StoreBusy, "try again"),
        ("53300", StoreBusy, "no more connections"),
        ("53100", StoreFull, "full"),
        ("25006", StoreReadOnly, "not be written"),
        ("28P01", StoreError, "does not admit"),
        ("3D000", StoreError, "no such database"),
        ("42501", StoreError, "may not do that"),
        ("42P07", StoreError, "a database of its own"),
        ("XX000", StoreError, "cannot be used"),
    ],
)
def test_each_error_names_the_database_and_the_reason_in_one_line(
    sqlstate: str | None, kind: type[StoreError], words: str
) -> None:
    error = postgresql_error("postgresql://es@host/es", DriverError(sqlstate))
    assert type(error) is kind
    assert str(error).startswith("postgresql://es@host/es: ")
    assert words in str(error)
    assert str(error).endswith("(first line second line)")
