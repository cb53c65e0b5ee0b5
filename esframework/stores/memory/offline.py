"""Messages to those who are away, in dictionaries: target -> number -> message. Synced to no disk: there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace

from esframework.interfaces import Mailbox, MessageSummary, StoredMessage
from esframework.stores.offline_rows import Key, OfflineRows
from esframework.stores.rules import size_of


class MemoryOfflineRows(OfflineRows):
    """Messages by target and number; which ids are there, and how many bytes, is kept beside them."""

    def __init__(self) -> None:
        self._next_number = 1
        self._messages: dict[str, dict[int, StoredMessage]] = {}
        self._numbers: dict[Key, int] = {}
        self._bytes: dict[str, int] = {}

    def numbers(self, keys: Sequence[Key]) -> dict[Key, int]:
        """As `OfflineRows.numbers`."""
        return {key: self._numbers[key] for key in keys if key in self._numbers}

    def usages(self, targets: Sequence[str]) -> dict[str, tuple[int, int]]:
        """As `OfflineRows.usages`."""
        present = (target for target in targets if target in self._messages)
        return {target: (len(self._messages[target]), self._bytes[target]) for target in present}

    def take_numbers(self, count: int) -> int:
        """As `OfflineRows.take_numbers`."""
        first = self._next_number
        self._next_number += count
        return first

    def insert(self, new: Sequence[StoredMessage]) -> None:
        """As `OfflineRows.insert`."""
        for message in new:
            self._messages.setdefault(message.target, {})[message.number] = message
            self._numbers[message.target, message.id] = message.number
            self._bytes[message.target] = self._bytes.get(message.target, 0) + size_of(message.content)

    def waiting(self, target: str, after_number: int, max_messages: int, max_bytes: int) -> list[StoredMessage]:
        """As `OfflineRows.waiting`."""
        taken: list[StoredMessage] = []
        size = 0
        for message in self._after(target, after_number):
            size += size_of(message.content)
            if len(taken) >= max_messages or (taken and size > max_bytes):
                break
            taken.append(message)
        return taken

    def summaries(self, target: str, after_number: int, limit: int) -> list[MessageSummary]:
        """As `OfflineRows.summaries`."""
        return [_summary(message) for message in list(self._after(target, after_number))[:limit]]

    def handed_out(self, target: str, numbers: Iterable[int]) -> None:
        """As `OfflineRows.handed_out`."""
        messages = self._messages.get(target, {})
        for number in messages.keys() & set(numbers):
            messages[number] = replace(messages[number], handed_out=messages[number].handed_out + 1)

    def acknowledge(self, target: str, numbers: Iterable[int]) -> int:
        """As `OfflineRows.acknowledge`."""
        wanted = set(numbers)
        return self._delete(lambda message: message.number in wanted, target)

    def totals(self) -> tuple[int, int]:
        """As `OfflineRows.totals`."""
        return len(self._numbers), sum(self._bytes.values())

    def mailboxes(self, after: str | None, limit: int) -> list[Mailbox]:
        """As `OfflineRows.mailboxes`."""
        targets = sorted(target for target in self._messages if after is None or target > after)[:limit]
        return [self._mailbox(target) for target in targets]

    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `OfflineRows.purge`, all at once: that is as quick as looking for them."""
        return self._delete(lambda message: older_than is None or message.received_at < older_than, target)

    def expire(self, now: float) -> int:
        """As `OfflineRows.expire`, all at once."""
        return self._delete(lambda message: message.expires_at <= now, None)

    def _mailbox(self, target: str) -> Mailbox:
        messages = self._messages[target].values()
        return Mailbox(target, len(messages), self._bytes[target], min(message.received_at for message in messages))

    def _after(self, target: str, number: int) -> Iterator[StoredMessage]:
        return (message for message in self._messages.get(target, {}).values() if message.number > number)

    def _delete(self, condition: Callable[[StoredMessage], bool], target: str | None) -> int:
        """Delete what fulfils the condition, of one target or (None) of all."""
        deleted = 0
        for owner in list(self._messages) if target is None else [target]:
            messages = self._messages.get(owner, {})
            for message in [message for message in messages.values() if condition(message)]:
                del messages[message.number]
                del self._numbers[owner, message.id]
                self._bytes[owner] -= size_of(message.content)
                deleted += 1
            if not messages:
                self._messages.pop(owner, None)
                self._bytes.pop(owner, None)
        return deleted


def _summary(message: StoredMessage) -> MessageSummary:
    return MessageSummary(
        id=message.id,
        target=message.target,
        source=message.source,
        source_device=message.source_device,
        information_type=message.information_type,
        size=size_of(message.content),
        received_at=message.received_at,
        expires_at=message.expires_at,
        handed_out=message.handed_out,
        number=message.number,
    )
