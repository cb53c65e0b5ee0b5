"""Messages to those who are away, in a dictionary: target -> number -> message. Synced to no disk, as there is none."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from twisted.internet.defer import Deferred
from zope.interface import implementer

from esframework.errors import QuotaExceeded
from esframework.interfaces import IOfflineStore, Mailbox, MessageSummary, Quota, StoredMessage
from esframework.stores.memory.opening import Opening
from esframework.stores.rules import bounded, check_message, size_of


@implementer(IOfflineStore)
class MemoryOffline:
    """An `IOfflineStore` in memory."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._last_number = 0
        self._messages: dict[str, dict[int, StoredMessage]] = {}
        self._numbers: dict[tuple[str, str], int] = {}
        self._bytes: dict[str, int] = {}

    def keep(self, message: StoredMessage, quota: Quota) -> Deferred[int]:
        """As `IOfflineStore.keep`."""
        return self._opening.run(self._keep, message, quota)

    def waiting(
        self, target: str, after_number: int, max_messages: int, max_bytes: int
    ) -> Deferred[list[StoredMessage]]:
        """As `IOfflineStore.waiting`."""
        return self._opening.run(lambda: list(self._waiting(target, after_number, max_messages, max_bytes)))

    def summaries(self, target: str, after_number: int, limit: int) -> Deferred[list[MessageSummary]]:
        """As `IOfflineStore.summaries`."""
        return self._opening.run(
            lambda: [_summary(message) for message in list(self._after(target, after_number))[: bounded(limit)]]
        )

    def handed_out(self, target: str, numbers: Iterable[int]) -> Deferred[None]:
        """As `IOfflineStore.handed_out`."""
        return self._opening.run(self._handed_out, target, numbers)

    def acknowledge(self, target: str, numbers: Iterable[int]) -> Deferred[int]:
        """As `IOfflineStore.acknowledge`."""
        wanted = set(numbers)
        return self._opening.run(self._delete, lambda message: message.number in wanted, target)

    def usage(self, target: str) -> Deferred[tuple[int, int]]:
        """As `IOfflineStore.usage`."""
        return self._opening.run(self._usage, target)

    def totals(self) -> Deferred[tuple[int, int]]:
        """As `IOfflineStore.totals`."""
        return self._opening.run(lambda: (len(self._numbers), sum(self._bytes.values())))

    def mailboxes(self, after: str | None, limit: int) -> Deferred[list[Mailbox]]:
        """As `IOfflineStore.mailboxes`."""
        return self._opening.run(self._mailboxes, after, limit)

    def purge(self, target: str | None, older_than: float | None) -> Deferred[int]:
        """As `IOfflineStore.purge`."""
        return self._opening.run(
            self._delete, lambda message: older_than is None or message.received_at < older_than, target
        )

    def expire(self, now: float) -> Deferred[int]:
        """As `IOfflineStore.expire`."""
        return self._opening.run(self._delete, lambda message: message.expires_at <= now, None)

    def forget(self, user_id: str) -> None:
        """Drop what waits for the user."""
        self._delete(lambda message: True, user_id)

    def _keep(self, message: StoredMessage, quota: Quota) -> int:
        check_message(message)
        key = (message.target, message.id)
        if key in self._numbers:
            return self._numbers[key]
        messages, size = self._usage(message.target)
        larger = size + size_of(message.content)
        if 0 < quota.messages <= messages or 0 < quota.bytes < larger:
            raise QuotaExceeded(message.target, messages, size, quota.messages, quota.bytes)
        self._last_number += 1
        number = self._last_number
        self._messages.setdefault(message.target, {})[number] = replace(message, number=number)
        self._numbers[key] = number
        self._bytes[message.target] = larger
        return number

    def _mailboxes(self, after: str | None, limit: int) -> list[Mailbox]:
        targets = sorted(target for target in self._messages if after is None or target > after)
        return [
            Mailbox(target, *self._usage(target), min(one.received_at for one in self._messages[target].values()))
            for target in targets[: bounded(limit)]
        ]

    def _usage(self, target: str) -> tuple[int, int]:
        return len(self._messages.get(target, ())), self._bytes.get(target, 0)

    def _after(self, target: str, number: int) -> Iterator[StoredMessage]:
        return (message for message in self._messages.get(target, {}).values() if message.number > number)

    def _waiting(
        self, target: str, after_number: int, max_messages: int, max_bytes: int
    ) -> Iterator[StoredMessage]:
        size = 0
        for count, message in enumerate(self._after(target, after_number)):
            size += size_of(message.content)
            if count >= bounded(max_messages) or (count and size > max_bytes):
                return
            yield message

    def _handed_out(self, target: str, numbers: Iterable[int]) -> None:
        messages = self._messages.get(target, {})
        for number in set(numbers) & messages.keys():
            messages[number] = replace(messages[number], handed_out=messages[number].handed_out + 1)

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
