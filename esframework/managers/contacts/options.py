"""Every number and switch of contacts and broadcasts, with its default. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from esframework import limits
from esframework.errors import InvalidOption

SOURCES: Final = ("stored", "everybody", None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsOptions:
    """`ServerOptions.contacts`. Rates are per second and 0 is no limit; times are seconds.

    `source` says who keeps contacts when the application has no `IContacts`: "stored" (users make them), "everybody"
    (all who are online, for demos), or None: everybody on an open server, else stored. The two `notify` switches can
    be changed at run time on `server.contacts`. `remember` is for how long an application's answers are kept, 0 not at
    all.
    """

    source: Literal["stored", "everybody"] | None = None
    connected_notify: bool = True
    disconnected_notify: bool = True
    remember: float = limits.CONTACTS_REMEMBER_TIME
    broadcasts_per_sender: int = limits.MAX_BROADCASTS_PER_SECOND
    deliveries_per_sender: int = limits.MAX_DELIVERIES_PER_SENDER
    deliveries_per_second: int = limits.MAX_DELIVERIES_PER_SECOND

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise InvalidOption(f"source of contacts is {self.source!r}; one of {SOURCES} is expected")
