"""Files for those who are away as a table, without their contents."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import asdict
from typing import Any, Final

from sqlalchemy import (
    Boolean,
    Column,
    ColumnElement,
    Connection,
    Index,
    Integer,
    Row,
    Select,
    String,
    Table,
    Text,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from esframework.interfaces import FileMailbox, FileUsage, StoredFile
from esframework.limits import MAX_MESSAGE_KEY
from esframework.stores.offline_file_rows import OfflineFileRows
from esframework.stores.sql.counter_table import take_numbers
from esframework.stores.sql.schema import Name, Number, Seconds, database_text, metadata, portions, whole
from esframework.wire.identity import is_possible

LARGEST_DELETION: Final = 1000
"""Files that are deleted in one transaction: nothing can be kept meanwhile."""

files = Table(
    "offline_files",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("id", String(MAX_MESSAGE_KEY), nullable=False),
    Column("target", Name, nullable=False),
    Column("source", Name, index=True),
    Column("source_device", Integer),
    Column("name", Text, nullable=False),
    Column("is_folder", Boolean, nullable=False),
    Column("size", Number, nullable=False),
    Column("files", Number, nullable=False),
    Column("modified_at", Number, nullable=False),
    Column("comment", Text),
    Column("blob", String(MAX_MESSAGE_KEY), nullable=False, unique=True),
    Column("received_at", Seconds, nullable=False),
    Column("expires_at", Seconds, nullable=False, index=True),
    Column("handed_out", Integer, nullable=False),
    # A source that is NULL, the server, equals no other; looking before writing sees to those.
    UniqueConstraint("id", "target", "source", name="offline_files_once"),
    # With the size: what is kept is added up without looking at the rows.
    Index("offline_files_in_order", "target", "number", "size"),
)
LAST_NUMBER: Final = "last offline file"

_USAGE = select(func.count(), func.sum(files.c.size)).select_from(files)


class SqlOfflineFileRows(OfflineFileRows):
    """The table within one transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, target: str, source: str | None, id: str) -> StoredFile | None:
        """As `OfflineFileRows.find`."""
        if not is_possible(target) or not (source is None or is_possible(source)) or database_text(id) != id:
            return None
        this = select(files).where(files.c.target == target, files.c.source == source, files.c.id == id)
        row = self._connection.execute(this).one_or_none()
        return None if row is None else _file(row)

    def take_number(self) -> int:
        """As `OfflineFileRows.take_number`."""
        return take_numbers(self._connection, LAST_NUMBER, 1)

    def insert(self, file: StoredFile) -> None:
        """As `OfflineFileRows.insert`."""
        self._connection.execute(insert(files).values(**asdict(file)))

    def waiting(self, target: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `OfflineFileRows.waiting`."""
        return self._in_order(files.c.target, target, after_number, limit)

    def left_by(self, source: str, after_number: int, limit: int) -> list[StoredFile]:
        """As `OfflineFileRows.left_by`."""
        return self._in_order(files.c.source, source, after_number, limit)

    def handed_out(self, target: str, number: int) -> None:
        """As `OfflineFileRows.handed_out`."""
        if is_possible(target):
            change = update(files).where(files.c.target == target, files.c.number == number)
            self._connection.execute(change.values(handed_out=files.c.handed_out + 1))

    def remove(self, target: str, numbers: Iterable[int]) -> int:
        """As `OfflineFileRows.remove`."""
        if not is_possible(target):
            return 0
        deleted = 0
        for portion in portions(sorted(numbers)):
            theirs = delete(files).where(files.c.target == target, files.c.number.in_(portion))
            deleted += self._connection.execute(theirs).rowcount
        return deleted

    def known(self, blobs: Collection[str]) -> set[str]:
        """As `OfflineFileRows.known`."""
        found: set[str] = set()
        for portion in portions(sorted(blob for blob in blobs if database_text(blob) == blob)):
            query = select(files.c.blob).where(files.c.blob.in_(portion))
            found.update(self._connection.execute(query).scalars())
        return found

    def usage(self, target: str, source: str | None) -> FileUsage:
        """As `OfflineFileRows.usage`."""
        return FileUsage(*self._kept(files.c.target, target), *self._kept(files.c.source, source), self.totals()[1])

    def totals(self) -> tuple[int, int]:
        """As `OfflineFileRows.totals`."""
        count, size = self._connection.execute(_USAGE).one()
        return whole(count), whole(size)

    def mailboxes(self, after: str | None, limit: int) -> list[FileMailbox]:
        """As `OfflineFileRows.mailboxes`."""
        if limit <= 0:
            return []
        query = (
            select(files.c.target, func.count(), func.sum(files.c.size), func.min(files.c.received_at))
            .where(files.c.target > database_text(after or ""))
            .group_by(files.c.target)
            .order_by(files.c.target)
            .limit(limit)
        )
        rows = self._connection.execute(query)
        return [FileMailbox(target, whole(count), whole(size), oldest) for target, count, size, oldest in rows]

    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `OfflineFileRows.purge`."""
        which = select(files.c.number)
        if target is not None:
            if not is_possible(target):
                return 0
            which = which.where(files.c.target == target)
        if older_than is not None:
            which = which.where(files.c.received_at < older_than)
        return self._delete(which)

    def expire(self, now: float) -> int:
        """As `OfflineFileRows.expire`."""
        return self._delete(select(files.c.number).where(files.c.expires_at <= now))

    def _in_order(self, column: ColumnElement[str], user_id: str, after_number: int, limit: int) -> list[StoredFile]:
        if not is_possible(user_id) or limit <= 0:
            return []
        theirs = select(files).where(column == user_id, files.c.number > after_number)
        return [_file(row) for row in self._connection.execute(theirs.order_by(files.c.number).limit(limit))]

    def _kept(self, column: ColumnElement[str], user_id: str | None) -> tuple[int, int]:
        if user_id is None or not is_possible(user_id):
            return 0, 0
        count, size = self._connection.execute(_USAGE.where(column == user_id)).one()
        return whole(count), whole(size)

    def _delete(self, which: Select[Any]) -> int:
        numbers = list(self._connection.execute(which.limit(LARGEST_DELETION)).scalars())
        for portion in portions(numbers):
            self._connection.execute(delete(files).where(files.c.number.in_(portion)))
        return len(numbers)


def _file(row: Row[Any]) -> StoredFile:
    return StoredFile(**row._mapping)
