"""A message as a mailbox keeps it. Pure; knows no mailbox and no reader."""

from __future__ import annotations

from typing import Any

from esframework.managers.delivery.contracts import MessageKey
from esframework.wire.types import Level


class Entry:
    """A message in a mailbox. `missing` readers have not received it, `busy` ones not finished with it.

    `dialogue` is the sender's, for its receipts; `device` the one that it is for, None for all; `passed_to` those that
    got it as ordinary information; `failure` why a handler did not handle it, 0 when none said so.
    """

    __slots__ = (
        "number",
        "key",
        "source",
        "source_device",
        "target",
        "device",
        "information_type",
        "content",
        "sent_at",
        "received_at",
        "may_have_been_handed",
        "dialogue",
        "passed_to",
        "level",
        "was_handed",
        "is_handled",
        "failure",
        "missing",
        "busy",
        "is_gone",
    )

    def __init__(
        self,
        key: MessageKey,
        source: str | None,
        source_device: int | None,
        target: str | None,
        device: int | None,
        information_type: int,
        content: bytes | None,
        sent_at: int,
        received_at: int,
        may_have_been_handed: bool = False,
    ) -> None:
        self.number = 0
        self.key = key
        self.source = source
        self.source_device = source_device
        self.target = target
        self.device = device
        self.information_type = information_type
        self.content = content
        self.sent_at = sent_at
        self.received_at = received_at
        self.may_have_been_handed = may_have_been_handed
        self.dialogue: Any = None
        self.passed_to: list[object] = []
        self.level = Level.SENT
        self.was_handed = False
        self.is_handled = False
        self.failure = 0
        self.missing = 0
        self.busy = 0
        self.is_gone = False

    @property
    def size(self) -> int:
        """Bytes that count for the limits."""
        return len(self.content or b"")
