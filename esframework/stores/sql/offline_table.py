"""Messages to those who are away as a table. A batch of them goes in with one statement."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Index,
    Integer,
    LargeBinary,
    Row,
    Select,
    String,
    Table,
    UniqueConstraint,
    delete,
    func,
    insert,
    select,
    update,
)

from esframework.interfaces import Mailbox, MessageSummary, StoredMessage
from esframework.limits import MAX_MESSAGE_KEY
from esframework.stores.offline_rows import LARGEST_DELETION, LARGEST_DELETION_BYTES, Key, OfflineRows
from esframework.stores.rules import size_of
from esframework.stores.sql.counter_table import take_numbers
from esframework.stores.sql.schema import Name, Number, Seconds, database_text, metadata, portions, whole
from esframework.wire.identity import is_possible

messages = Table(
    "offline_messages",
    metadata,
    Column("number", Number, primary_key=True, autoincrement=False),
    Column("id", String(MAX_MESSAGE_KEY), nullable=False),
    Column("target", Name, nullable=False),
    Column("source", Name),
    Column("source_device", Integer),
    Column("information_type", Number, nullable=False),
    Column("size", Integer, nullable=False),
    Column("received_at", Seconds, nullable=False),
    Column("expires_at", Seconds, nullable=False, index=True),
    Column("handed_out", Integer, nullable=False),
    # Last: SQLite reads a whole content to reach what lies behind it.
    Column("content", LargeBinary),
    # The id first: whether a batch of messages is there already is one question.
    UniqueConstraint("id", "target", name="offline_messages_once"),
    # With the size, so that a target's usage is counted without looking at any content.
    Index("offline_messages_in_order", "target", "number", "size"),
)
LAST_NUMBER = "last offline message"

_SIZES = select(messages.c.number, messages.c.size)
_SUMMARY = [column for column in messages.c if column.name != "content"]


class SqlOfflineRows(OfflineRows):
    """The tables within one transaction of `connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def numbers(self, keys: Sequence[Key]) -> dict[Key, int]:
        """As `OfflineRows.numbers`."""
        wanted, found = set(keys), {}
        for portion in portions(sorted({key for _, key in wanted})):
            query = select(messages.c.target, messages.c.id, messages.c.number).where(messages.c.id.in_(portion))
            for target, key, number in self._connection.execute(query):
                if (target, key) in wanted:
                    found[target, key] = number
        return found

    def usages(self, targets: Sequence[str]) -> dict[str, tuple[int, int]]:
        """As `OfflineRows.usages`."""
        found = {}
        for portion in portions(filter(is_possible, targets)):
            query = (
                select(messages.c.target, func.count(), func.sum(messages.c.size))
                .where(messages.c.target.in_(portion))
                .group_by(messages.c.target)
            )
            for target, count, size in self._connection.execute(query):
                found[target] = (whole(count), whole(size))
        return found

    def take_numbers(self, count: int) -> int:
        """As `OfflineRows.take_numbers`."""
        return take_numbers(self._connection, LAST_NUMBER, count)

    def insert(self, new: Sequence[StoredMessage]) -> None:
        """As `OfflineRows.insert`."""
        self._connection.execute(insert(messages), [_values(message) for message in new])

    def waiting(self, target: str, after_number: int, max_messages: int, max_bytes: int) -> list[StoredMessage]:
        """As `OfflineRows.waiting`."""
        # First how far the bytes reach, so that no more than that is brought into memory.
        last, size = None, 0
        for one in self.summaries(target, after_number, max_messages):
            size += one.size
            if last is not None and size > max_bytes:
                break
            last = one.number
        if last is None:
            return []
        query = select(messages).where(messages.c.number <= last)
        return [_message(row) for row in self._connection.execute(_in_order(query, target, after_number))]

    def summaries(self, target: str, after_number: int, limit: int) -> list[MessageSummary]:
        """As `OfflineRows.summaries`."""
        if not is_possible(target) or limit <= 0:
            return []
        query = _in_order(select(*_SUMMARY), target, after_number).limit(limit)
        return [MessageSummary(**row._mapping) for row in self._connection.execute(query)]

    def handed_out(self, target: str, numbers: Iterable[int]) -> None:
        """As `OfflineRows.handed_out`."""
        if is_possible(target):
            for portion in portions(sorted(numbers)):
                change = update(messages).where(messages.c.target == target, messages.c.number.in_(portion))
                self._connection.execute(change.values(handed_out=messages.c.handed_out + 1))

    def acknowledge(self, target: str, numbers: Iterable[int]) -> int:
        """As `OfflineRows.acknowledge`."""
        if not is_possible(target):
            return 0
        deleted = 0
        for portion in portions(sorted(numbers)):
            theirs = delete(messages).where(messages.c.target == target, messages.c.number.in_(portion))
            deleted += self._connection.execute(theirs).rowcount
        return deleted

    def totals(self) -> tuple[int, int]:
        """As `OfflineRows.totals`."""
        row = self._connection.execute(select(func.count(), func.sum(messages.c.size)).select_from(messages)).one()
        return whole(row[0]), whole(row[1])

    def mailboxes(self, after: str | None, limit: int) -> list[Mailbox]:
        """As `OfflineRows.mailboxes`."""
        if limit <= 0:
            return []
        query = (
            select(messages.c.target, func.count(), func.sum(messages.c.size), func.min(messages.c.received_at))
            .where(messages.c.target > database_text(after or ""))
            .group_by(messages.c.target)
            .order_by(messages.c.target)
            .limit(limit)
        )
        rows = self._connection.execute(query)
        return [Mailbox(target, whole(count), whole(size), oldest) for target, count, size, oldest in rows]

    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `OfflineRows.purge`."""
        which = _SIZES
        if target is not None:
            if not is_possible(target):
                return 0
            which = which.where(messages.c.target == target)
        if older_than is not None:
            which = which.where(messages.c.received_at < older_than)
        return self._delete(which)

    def expire(self, now: float) -> int:
        """As `OfflineRows.expire`."""
        return self._delete(_SIZES.where(messages.c.expires_at <= now))

    def _delete(self, which: Select[Any]) -> int:
        numbers: list[int] = []
        left = LARGEST_DELETION_BYTES
        for number, size in self._connection.execute(which.limit(LARGEST_DELETION)):
            left -= size
            if numbers and left < 0:
                break
            numbers.append(number)
        for portion in portions(numbers):
            self._connection.execute(delete(messages).where(messages.c.number.in_(portion)))
        return len(numbers)


def _in_order(query: Select[Any], target: str, after_number: int) -> Select[Any]:
    theirs = query.where(messages.c.target == target, messages.c.number > after_number)
    return theirs.order_by(messages.c.number)


def _values(message: StoredMessage) -> dict[str, object]:
    return {
        "number": message.number,
        "id": message.id,
        "target": message.target,
        "source": message.source,
        "source_device": message.source_device,
        "information_type": message.information_type,
        "size": size_of(message.content),
        "received_at": message.received_at,
        "expires_at": message.expires_at,
        "handed_out": message.handed_out,
        "content": message.content,
    }


def _message(row: Row[Any]) -> StoredMessage:
    values = dict(row._mapping)
    del values["size"]
    return StoredMessage(**values)
