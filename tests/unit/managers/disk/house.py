"""What tests of the disk share: a server with a folder, people, files to send, and what happened written down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from esframework import ClientEngine, ServerEngine, ServerOptions, limits
from esframework.errors import NotDelivered, NotPermitted, RequestError
from esframework.managers.disk.events import DiskChange, DiskTask
from esframework.managers.disk.options import DiskOptions
from esframework.stores.verifier import AccountVerifier
from esframework.testing import MemoryNetwork
from esframework.wire.types import RequestFailure


class House:
    """A guarded server with a network disk in `folder`; what applications are told is in `told`.

    With `stores` it keeps accounts, each with its name as its password."""

    def __init__(
        self,
        network: MemoryNetwork,
        folder: Path,
        *,
        permit: Any = None,
        contacts: Any = None,
        max_message: int = limits.MAX_MESSAGE,
        stores: Any = None,
        **options: Any,
    ) -> None:
        self.network = network
        self.folder = folder / "disk"
        choice = DiskOptions(folder=self.folder, **options)
        self.server: ServerEngine = network.server(
            verifier=None if stores is None else AccountVerifier(stores.accounts),
            stores=stores,
            options=ServerOptions(open=False, max_message=max_message, disk=choice),
            permit=permit,
            contacts=contacts,
        )
        self.local = folder / "local"
        self.local.mkdir(exist_ok=True)
        self.told: list[Any] = []
        disk = self.server.disk
        disk.changed.subscribe(self._changed)
        disk.after_upload.subscribe(lambda task: self._over("uploaded", task))
        disk.after_download.subscribe(lambda task: self._over("downloaded", task))

    def tree(self, user: str) -> Path:
        """Where a user's files are."""
        return self.folder / "users" / user / "files"

    def uploads(self, user: str) -> list[Path]:
        """What is half received."""
        return list((self.folder / "users" / user / "uploads").iterdir())

    def file(self, name: str, content: bytes = b"hello") -> Path:
        """A file to be uploaded."""
        path = self.local / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    async def put(self, client: ClientEngine, path: str, content: bytes = b"hello", **more: Any) -> Any:
        """Upload some bytes; done when they are there."""
        transfer = await client.disk.upload(self.file(path.rpartition("/")[2], content), path, **more)
        return await transfer.done()

    async def people(self, *names: str) -> list[ClientEngine]:
        """Clients that are logged on."""
        return [await self.network.client(name, name) for name in names]

    def _changed(self, change: DiskChange) -> None:
        self.told.append((str(change.operation), change.user_id, change.path, *filter(None, [change.target])))

    def _over(self, what: str, task: DiskTask) -> None:
        self.told.append((what, task.user_id, task.path, None if task.error is None else type(task.error).__name__))


async def refusal(asked: Any) -> RequestFailure:
    """Why a request was not done."""
    with pytest.raises(RequestError) as caught:
        await asked
    if isinstance(caught.value, NotPermitted):
        return RequestFailure.NOT_ALLOWED
    assert isinstance(caught.value, NotDelivered), caught.value
    return RequestFailure(caught.value.reason)


async def names(client: ClientEngine, path: str = "/") -> list[str]:
    """What is in a folder."""
    return [entry.name for entry in await client.disk.list_all(path)]
