"""Every number of delivery at a server, with its default (docs: topics/delivery). Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass

from esframework import limits


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryOptions:
    """`window` is how many seconds a process that lost its connection may stay away and miss nothing; `messages` and
    `bytes` is what may wait for one user, `messages_in_all` and `bytes_in_all` for all users together;
    `messages_from_one` and `bytes_from_one` what one user, by all its processes, may have sent that nobody has handled;
    `messages_in_hand` and `bytes_in_hand` what one process may have been handed and not finished.

    A single message that is longer than `bytes`, `bytes_from_one` or `bytes_in_hand` goes alone.
    """

    window: float = limits.DELIVERY_WINDOW
    messages: int = limits.DELIVERY_WINDOW_MESSAGES
    bytes: int = limits.DELIVERY_WINDOW_BYTES
    messages_in_all: int = limits.DELIVERY_MESSAGES_IN_ALL
    bytes_in_all: int = limits.DELIVERY_BYTES_IN_ALL
    messages_from_one: int = limits.DELIVERY_MESSAGES_FROM_ONE
    bytes_from_one: int = limits.DELIVERY_BYTES_FROM_ONE
    messages_in_hand: int = limits.DELIVERY_CREDIT_MESSAGES
    bytes_in_hand: int = limits.DELIVERY_CREDIT_BYTES
