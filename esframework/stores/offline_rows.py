"""What may become of messages to those who are away: kept within a quota, read in order, deleted when acknowledged.

The rules are here, once; where the rows lie is a subclass's. Blocking, as each runs within one transaction.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from esframework.errors import QuotaExceeded, StoreRefusal
from esframework.interfaces import Mailbox, MessageSummary, Quota, StoredMessage
from esframework.stores.rules import size_of

LARGEST_DELETION: Final = 1000
"""Messages that are deleted in one transaction: nothing can be kept meanwhile."""

LARGEST_DELETION_BYTES: Final = 16 * 1024 * 1024
"""The same in bytes of content: a database has to look at all of them to free their room."""

Keep = tuple[StoredMessage, Quota]
Key = tuple[str, str]
"""(target, id)"""


@dataclass(slots=True)
class Usage:
    """What waits for one target, counted on while a batch is written."""

    messages: int
    bytes: int


class OfflineRows(ABC):
    """All messages that wait."""

    @abstractmethod
    def numbers(self, keys: Sequence[Key]) -> dict[Key, int]:
        """The numbers of those that are there already."""

    @abstractmethod
    def usages(self, targets: Sequence[str]) -> dict[str, tuple[int, int]]:
        """(messages, bytes) of each target that has any."""

    @abstractmethod
    def take_numbers(self, count: int) -> int:
        """Set `count` numbers apart, never to be given again; returns the first."""

    @abstractmethod
    def insert(self, new: Sequence[StoredMessage]) -> None:
        """Write new messages, which have their numbers."""

    @abstractmethod
    def waiting(self, target: str, after_number: int, max_messages: int, max_bytes: int) -> list[StoredMessage]:
        """As `IOfflineStore.waiting`."""

    @abstractmethod
    def summaries(self, target: str, after_number: int, limit: int) -> list[MessageSummary]:
        """As `IOfflineStore.summaries`."""

    @abstractmethod
    def handed_out(self, target: str, numbers: Iterable[int]) -> None:
        """As `IOfflineStore.handed_out`."""

    @abstractmethod
    def acknowledge(self, target: str, numbers: Iterable[int]) -> int:
        """As `IOfflineStore.acknowledge`."""

    @abstractmethod
    def totals(self) -> tuple[int, int]:
        """As `IOfflineStore.totals`."""

    @abstractmethod
    def mailboxes(self, after: str | None, limit: int) -> list[Mailbox]:
        """As `IOfflineStore.mailboxes`."""

    @abstractmethod
    def purge(self, target: str | None, older_than: float | None) -> int:
        """As `IOfflineStore.purge`, but no more than takes a moment; 0 means that none is left."""

    @abstractmethod
    def expire(self, now: float) -> int:
        """As `IOfflineStore.expire`, but no more than takes a moment; 0 means that none is left."""

    def keep_all(self, keeps: Sequence[Keep]) -> list[int | StoreRefusal]:
        """Keep many at once: for each its number, or why not. One that is refused is no obstacle for the others."""
        known = self.numbers([(message.target, message.id) for message, _ in keeps])
        usages = self._usages(keeps)
        outcomes: list[int | StoreRefusal | Key] = []
        new: dict[Key, StoredMessage] = {}
        for message, quota in keeps:
            key = (message.target, message.id)
            if key in known or key in new:
                outcomes.append(key)
                continue
            refusal = _counted(message, quota, usages[message.target])
            if refusal is None:
                new[key] = message
            outcomes.append(refusal or key)
        if new:
            first = self.take_numbers(len(new))
            numbered = [replace(one, number=first + i) for i, one in enumerate(new.values())]
            self.insert(numbered)
            known |= {(one.target, one.id): one.number for one in numbered}
        return [known[outcome] if isinstance(outcome, tuple) else outcome for outcome in outcomes]

    def usage(self, target: str) -> tuple[int, int]:
        """As `IOfflineStore.usage`."""
        return self.usages([target]).get(target, (0, 0))

    def forget(self, user_id: str) -> None:
        """Drop all that waits for the user."""
        while self.purge(user_id, None):
            pass

    def _usages(self, keeps: Sequence[Keep]) -> dict[str, Usage]:
        targets = list({message.target for message, _ in keeps})
        found = self.usages(targets)
        return {target: Usage(*found.get(target, (0, 0))) for target in targets}


def _counted(message: StoredMessage, quota: Quota, usage: Usage) -> QuotaExceeded | None:
    """Count the message into the usage, unless it is too much."""
    larger = usage.bytes + size_of(message.content)
    if 0 < quota.messages <= usage.messages or 0 < quota.bytes < larger:
        return QuotaExceeded(message.target, usage.messages, usage.bytes, quota.messages, quota.bytes)
    usage.messages += 1
    usage.bytes = larger
    return None
