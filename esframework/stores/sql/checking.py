"""Whether a store is sound: what the database says of itself, and what our tables must say of each other.

Changes nothing. Everything here blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Select, and_, exists, func, select, text

from esframework.interfaces import RelationState
from esframework.stores.contact_rows import ACCEPTED, ASKED, ASKED_BY
from esframework.stores.sql.account_table import accounts, tokens
from esframework.stores.sql.contact_table import relations
from esframework.stores.sql.counter_table import counters
from esframework.stores.sql.database import Database
from esframework.stores.sql.group_table import groups, members
from esframework.stores.sql.offline_file_table import LAST_NUMBER as LAST_FILE
from esframework.stores.sql.offline_file_table import files
from esframework.stores.sql.offline_table import LAST_NUMBER as LAST_MESSAGE
from esframework.stores.sql.offline_table import messages
from esframework.stores.sql.schema import whole

_COUNTED = {
    "accounts": accounts,
    "session tokens": tokens,
    "relations": relations,
    "groups": groups,
    "members": members,
    "offline messages": messages,
    "offline files": files,
}
_COUNTERPARTS = {ASKED: ASKED_BY, ASKED_BY: ASKED, ACCEPTED: ACCEPTED}


def counts(connection: Connection) -> dict[str, int]:
    """How many of each kind there are."""
    return {
        name: whole(connection.execute(select(func.count()).select_from(table)).scalar_one())
        for name, table in _COUNTED.items()
    }


def problems(database: Database, connection: Connection) -> Iterator[str]:
    """What is not as it should be, one line each."""
    if database.is_embedded:
        for (line,) in connection.execute(text("PRAGMA integrity_check(20)")):
            if line != "ok":
                yield f"the file is damaged: {line}"
    else:
        for setting in ("fsync", "full_page_writes"):
            if connection.execute(text(f"SHOW {setting}")).scalar_one() != "on":
                yield f"{setting} is off: after a crash of its machine the database may be damaged"
    for query, what in _contradictions():
        number = whole(connection.execute(query).scalar_one())
        if number:
            yield f"{number} {what}"


def _contradictions() -> Iterator[tuple[Select[Any], str]]:
    """A question for the number of rows that contradict others, and what they are."""
    counter = select(func.count()).select_from(groups)
    owner = and_(members.c.group_id == groups.c.group_id, members.c.user_id == groups.c.owner)
    yield counter.where(~exists().where(owner)), "groups whose owner is no member"
    stray = select(func.count()).select_from(members)
    yield stray.where(~exists().where(groups.c.group_id == members.c.group_id)), "members of groups that are not there"
    for state, expected in _COUNTERPARTS.items():
        yield _one_sided(state, expected), f"relations {state.name} without the other's {expected.name}"
    for table, counter_name, what in ((messages, LAST_MESSAGE, "messages"), (files, LAST_FILE, "files")):
        last = select(func.coalesce(func.max(counters.c.value), 0)).where(counters.c.name == counter_name)
        beyond = select(func.count()).select_from(table).where(table.c.number > last.scalar_subquery())
        yield beyond, f"{what} with numbers that may be given again"


def _one_sided(state: RelationState, expected: RelationState) -> Select[Any]:
    there = relations.alias()
    counterpart = and_(
        there.c.owner == relations.c.other, there.c.other == relations.c.owner, there.c.state == int(expected)
    )
    query = select(func.count()).select_from(relations)
    return query.where(relations.c.state == int(state), ~exists().where(counterpart))
