"""What the tests of offline messages share: a server that keeps them on the network's clock, a store that can fail."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred, fail

from esframework import ServerEngine
from esframework.errors import StoreAway
from esframework.managers.basic.manager import BasicManager
from esframework.managers.custom.manager import CustomManager
from esframework.managers.offline.contracts import OfflineMessage
from esframework.managers.offline.manager import OfflineManager
from esframework.managers.offline.options import OfflineOptions
from esframework.server.options import ServerOptions
from esframework.stores.memory import MemoryStores
from esframework.testing import MemoryNetwork
from tests.peers import Recorder

EPOCH = 1_800_000_000.0
"""Seconds UTC when the network's clock begins."""


class FailingStore:
    """An `IOfflineStore` in front of another; while `is_away`, it fails. `asked` are the names of its calls."""

    def __init__(self, store: Any) -> None:
        self._store = store
        self.is_away = False
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any) -> Deferred[Any]:
            self.asked.append(name)
            if self.is_away:
                return fail(StoreAway("the database at /secret/place cannot be reached"))
            answer: Deferred[Any] = getattr(self._store, name)(*arguments)
            return answer

        return call


def now(network: MemoryNetwork) -> float:
    """The time in seconds UTC."""
    return EPOCH + network.seconds()


def keeping_server(network: MemoryNetwork, **options: Any) -> ServerEngine:
    """A server that keeps messages for everybody but "nobody", if `options` do not say otherwise."""
    settings = {"has_user": lambda user_id: user_id != "nobody", **options}
    stores = MemoryStores()
    stores.offline = FailingStore(stores.offline)  # type: ignore[assignment]  # it stands for an IOfflineStore
    managers = [BasicManager(), CustomManager(), OfflineManager(lambda: now(network))]
    server_options = ServerOptions(offline=OfflineOptions(**settings))
    return network.server(options=server_options, stores=stores, managers=managers)


class OfflineRecorder(Recorder):
    """A handler that knows messages that waited; it raises for contents in `poison`."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[OfflineMessage] = []
        self.poison: set[bytes | None] = set()

    def handle_offline(self, message: OfflineMessage) -> Any:
        self.waited.append(message)
        if message.content in self.poison:
            raise ValueError("poison")
        return None

    @property
    def waited_contents(self) -> list[bytes | None]:
        """The contents of the messages that waited, in order."""
        return [message.content for message in self.waited]
