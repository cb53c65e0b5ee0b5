"""Files and folders in the messenger: offered to others, taken from them or refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from esframework import ClientEngine
from esframework.errors import EsError


class FileDesk:
    """What others offer waits here until the user has decided."""

    def __init__(self, client: ClientEngine, show: Callable[[str], None]) -> None:
        self.files = client.files
        self.show = show
        self.offers: dict[str, Any] = {}
        self.files.offered.subscribe(self.offered)
        for events in (self.files.sending, self.files.receiving):
            events.started.subscribe(lambda transfer: self.tell(transfer, "begins"))
            events.resumed.subscribe(lambda transfer: self.tell(transfer, "goes on where it was"))
            events.completed.subscribe(lambda transfer: self.tell(transfer, "is through"))
            events.interrupted.subscribe(self.interrupted)

    def offered(self, offer: Any) -> None:
        name = str(offer.transfer.sender)
        self.offers[name] = offer
        self.show(f"> {name} offers {offer.name!r}, {offer.size} bytes: /take {name} or /refuse {name}")

    async def send(self, name: str, path: str) -> None:
        try:
            await self.files.send(name, Path(path))
        except (OSError, EsError) as error:
            self.show(f"! {error}")

    def take(self, name: str, folder: str) -> None:
        offer = self.offers.pop(name, None)
        if offer is None:
            self.show(f"! {name} offers nothing")
            return
        try:
            offer.accept_into(Path(folder))
        except EsError as error:
            offer.refuse(str(error))

    def refuse(self, name: str) -> None:
        offer = self.offers.pop(name, None)
        if offer is not None:
            offer.refuse("not now")

    def stop(self, name: str) -> None:
        """What a messenger does when the window of a chat is closed."""
        self.files.cancel_with(name, "the window was closed")

    def interrupted(self, transfer: Any, disruption: Any) -> None:
        self.offers = {name: offer for name, offer in self.offers.items() if offer.transfer is not transfer}
        self.tell(transfer, f"was interrupted ({disruption.name}): {transfer.cause}")

    def tell(self, transfer: Any, what: str) -> None:
        way = f"to {transfer.receiver}" if transfer.is_sending else f"from {transfer.sender}"
        self.show(f"> {transfer.name!r} {way} {what}")
