"""What a server keeps for users who are away, for how long, and how much of it. Knows no behaviour."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from esframework import limits
from esframework.errors import InvalidOption


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineOptions:
    """Options of `server.offline`.

    `enabled` None means: exactly when the engine was given `stores`. `types` are the information types that are kept,
    None all of them; `keeps(information)` decides besides, in code. `has_user(user_id)` says whether there is such a
    user (may be awaited), instead of the account store: nothing is kept for anybody else. `messages` and `bytes` may
    wait for one user, for `expiry` seconds (<= 0: for ever).

    Clients of other makes ask for theirs with information of `request_type`. They get each message as if its sender
    had sent it now, or, with a `delivery_type`, as information of that type from the server, wrapped as in the manual.
    """

    enabled: bool | None = None
    types: tuple[range, ...] | None = None
    keeps: Callable[[Any], bool] | None = None
    has_user: Callable[[str], Any] | None = None
    messages: int = limits.OFFLINE_MESSAGES
    bytes: int = limits.OFFLINE_BYTES
    expiry: float = limits.OFFLINE_EXPIRY
    request_type: int | None = None
    delivery_type: int | None = None

    def __post_init__(self) -> None:
        types = self.types
        if types is not None and not (isinstance(types, tuple) and all(isinstance(each, range) for each in types)):
            raise InvalidOption(f"types of offline messages are {types!r}; a tuple of ranges is expected, or None")
