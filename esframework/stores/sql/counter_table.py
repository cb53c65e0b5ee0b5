"""Numbers that only grow, as rows of a table: the last one that was given, by the name of what is numbered.

They come from here instead of from the database, so that none is given twice, and many can be taken at once. Whoever
takes numbers holds the writers' lock of the store that uses them until the commit: no smaller number appears after a
larger one was seen.
"""

from __future__ import annotations

from sqlalchemy import Column, Connection, String, Table, insert, select, update

from esframework.stores.sql.schema import Number, metadata, whole

counters = Table(
    "counters",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Number, nullable=False),
)


def take_numbers(connection: Connection, name: str, count: int) -> int:
    """Set `count` numbers apart, never to be given again; returns the first."""
    this = counters.c.name == name
    last = whole(connection.execute(select(counters.c.value).where(this)).scalar_one_or_none())
    change = update(counters).where(this).values(value=last + count)
    if not connection.execute(change).rowcount:
        connection.execute(insert(counters).values(name=name, value=last + count))
    return last + 1
