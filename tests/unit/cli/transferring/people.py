"""Alice who sends, and bob who receives, by real engines in memory and real folders; what they are told is noted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from esframework import ServerOptions
from esframework.cli.transferring.looks import Look
from esframework.cli.transferring.receiving import Receiver, Wants
from esframework.cli.transferring.sending import Sender, Shipment
from esframework.client.engine import ClientEngine
from esframework.client.options import ClientOptions
from esframework.managers.files.options import FilesOptions, SendingParameters
from esframework.managers.offline.options import OfflineOptions
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork


class Diary(Look):
    """What somebody is told: (kind, text or name)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str]] = []
        self.facts: list[dict[str, object]] = []

    def start(self, transfer: Any) -> None:
        self.entries.append(("resumed" if transfer.is_resumed else "started", transfer.name))

    def complete(self, transfer: Any, seconds: float) -> None:
        self.entries.append(("completed", transfer.name))

    def note(self, text: str, /, **facts: object) -> None:
        self.entries.append(("note", text))
        self.facts.append(facts)

    def complain(self, text: str, /, **facts: object) -> None:
        self.entries.append(("complaint", text))
        self.facts.append(facts)

    def texts(self, kind: str) -> list[str]:
        """What was said of one kind."""
        return [text for entry, text in self.entries if entry == kind]


class Bob:
    """Receives; `enough` is what came of it."""

    def __init__(self, client: ClientEngine, wants: Wants) -> None:
        self.client = client
        self.diary = Diary()
        self.receiver = Receiver(client, self.diary, wants)
        self.codes: list[int] = []
        self.receiver.enough.addCallback(self.codes.append)

    @classmethod
    async def there(cls, network: MemoryNetwork, folder: Path, state: Path | None = None, **wants: Any) -> Bob:
        """Logged on, and ready."""
        options = ClientOptions(files=FilesOptions(state_folder=state))
        return cls(await network.client("bob", options=options), Wants(folder, **wants))


class Alice:
    """Sends; `codes` is what came of each."""

    def __init__(self, client: ClientEngine) -> None:
        self.client = client
        self.diary = Diary()
        self.codes: list[int] = []

    @classmethod
    async def there(cls, network: MemoryNetwork) -> Alice:
        """Logged on."""
        return cls(await network.client("alice"))

    def sends(self, *paths: Path, **shipment: Any) -> Deferred[None]:
        """To bob; fires when nothing more comes of it."""
        sender = Sender(self.client, self.diary, Shipment(**{"target": "bob", **shipment}))
        return Deferred.fromCoroutine(sender.send_all(paths)).addCallback(self.codes.append)


def in_the_middle(network: MemoryNetwork, what: Callable[[], object]) -> SendingParameters:
    """Have something happen in a second; what is sent by these parameters is under way then."""
    network.reactor.callLater(1.0, what)
    return SendingParameters(rate_limit=1_000_000)


def keeping_server(network: MemoryNetwork, folder: Path) -> None:
    """A server that keeps files for bob while he is away."""
    options = ServerOptions(
        offline=OfflineOptions(has_user=lambda user_id: user_id == "bob"),
        offline_files=OfflineFilesOptions(folder=folder / "kept"),
    )
    network.server(options=options, stores=MemoryStores())
