"""What an application is told of a P2P channel. Knows no behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from esframework.net.channels import Address


@dataclass(frozen=True, slots=True)
class ChannelState:
    """A channel at one moment (manual, chapter 04: P2PChannelState).

    `user_id` is the account at the other end, `login_id` its device; `protocol` "tcp" or "udp". `round_trip` in
    seconds. `messages_sent` counts what this end sent to the device by channels, `last_sent_at` says when it did last;
    None: never. `facts` is for diagnostics: bytes, losses, what the path bears; see `net.channels.IP2PChannel.facts`.
    """

    user_id: str
    login_id: str
    protocol: str
    address: Address
    local_address: Address
    created_at: datetime
    round_trip: float
    messages_sent: int
    last_sent_at: datetime | None
    is_busy: bool
    facts: Mapping[str, Any] = field(repr=False)

    is_reliable = True
    """Every channel is: over UDP, lost datagrams are sent again."""
