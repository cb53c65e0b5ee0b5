"""What the tests of offline files share: a server that keeps them, and people who come and go."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from esframework import ClientEngine, ClientOptions, ServerEngine, ServerOptions
from esframework.managers.files.offer import Offer
from esframework.managers.files.options import FilesOptions
from esframework.managers.offline.options import OfflineOptions
from esframework.managers.offline_files.manager import OfflineFilesManager
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.plugins.loader import discovered
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork

EPOCH = 1_800_000_000.0
"""Seconds UTC when the network's clock begins."""


class PostOffice:
    """A server that keeps files for everybody but "nobody"; `alice` is there, others come by `comes`."""

    def __init__(
        self,
        network: MemoryNetwork,
        root: Path,
        *,
        permit: Any = None,
        rate_limit: int = 0,
        stores: Any = None,
        **options: Any,
    ) -> None:
        self.network = network
        self.root = root
        self.kept_in = root / "offline-files"
        self.received = root / "received"
        self.received.mkdir(exist_ok=True)
        self.offers: list[Offer] = []
        self.decide: Callable[[Offer], Any] = lambda offer: offer.accept_into(self.received)
        settings = {"folder": self.kept_in, **options}
        self.stores = stores or MemoryStores()
        self.server: ServerEngine = network.server(
            options=ServerOptions(
                open=permit is None,
                files=FilesOptions(state_folder=root / "state of the server", rate_limit=rate_limit),
                offline=OfflineOptions(has_user=lambda user_id: user_id != "nobody"),
                offline_files=OfflineFilesOptions(**settings),
            ),
            stores=self.stores,
            permit=permit,
            managers=[self._dated(manager) for manager in discovered()],
        )
        self.alice: ClientEngine = network.run(network.client("alice", options=self._options("alice")))

    def _dated(self, manager: Any) -> Any:
        """The same manager, but one whose time is the network's."""
        if manager.name != "offline_files":
            return manager
        return OfflineFilesManager(lambda: EPOCH + self.network.seconds())

    def _options(self, name: str, ready: bool = False) -> ClientOptions:
        files = FilesOptions(state_folder=self.root / f"state of {name}")
        return ClientOptions(offline_ready=ready, auto_reconnect=False, files=files)

    def comes(self, name: str, *, ready: bool = True, listens: bool = True) -> ClientEngine:
        """Somebody logs on, who takes what is offered as `decide` says."""
        client = self.network.new_client(options=self._options(name, ready))
        if listens:
            client.files.offered.subscribe(self._offered)
        self.network.run(client.log_on(name, "", self.network.endpoint_of(client)))
        self.network.settle()
        return client

    def _offered(self, offer: Offer) -> None:
        self.offers.append(offer)
        self.decide(offer)

    def file(self, name: str = "报告.pdf", content: bytes = b"hello") -> Path:
        """A file to be sent."""
        path = self.root / name
        path.write_bytes(content)
        return path

    def leave(self, target: str = "bob", name: str = "报告.pdf", content: bytes = b"hello", **more: Any) -> Any:
        """Alice leaves a file; when that is done."""
        transfer = self.network.run(self.alice.offline_files.send(target, self.file(name, content), **more))
        return self.network.run(transfer.done())

    def waiting(self, name: str = "bob") -> list[Any]:
        """What is recorded for somebody."""
        found: list[Any] = self.network.run(self.stores.offline_files.waiting(name, 0, 1000))
        return found

    def contents(self) -> list[bytes]:
        """The contents of all files that lie in the folder."""
        return [path.read_bytes() for path in sorted(self.kept_in.glob("*/content"))]

    def litter(self) -> list[str]:
        """What lies in the folder."""
        return sorted(path.name for path in self.kept_in.glob("*")) if self.kept_in.exists() else []

    def taken(self) -> dict[str, bytes]:
        """What was received."""
        return {path.name: path.read_bytes() for path in self.received.iterdir() if not path.name.endswith(".part")}
