"""Every number of delivery at a server, with its default (docs: topics/delivery). Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from esframework import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """`window` is how many seconds a process that lost its connection may stay away and miss nothing; `messages` and
    `bytes` is what may wait for one user, `messages_in_all` and `bytes_in_all` for all users together.

    A single message that is longer than `bytes` is taken where nothing else waits.
    """

    window: float = limits.DELIVERY_WINDOW
    messages: int = limits.DELIVERY_WINDOW_MESSAGES
    bytes: int = limits.DELIVERY_WINDOW_BYTES
    messages_in_all: int = limits.DELIVERY_MESSAGES_IN_ALL
    bytes_in_all: int = limits.DELIVERY_BYTES_IN_ALL
