"""The client's half of files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework.interfaces import IClientContext, Registrations
from esframework.managers.files.contracts import FILES
from esframework.managers.files.files import Files
from esframework.managers.files.sending import Way
from esframework.wire.login_id import Source


class ClientFiles(Files):
    """`client.files` (manual, chapter 03: IFileOutter)."""

    def __init__(self, client: IClientContext, wall_clock: Callable[[], float]) -> None:
        super().__init__(client, wall_clock)
        self._client = client

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(facade=self, handlers=self.handlers(), logged_off=self._connection_lost, sweep=self.sweep)

    def _ways(self, target: str | None) -> list[Way]:
        channel = self._client.channel(target)
        return [Way(channel, target, self._client.options.generation, self._serves_ours())]

    def _serves_ours(self) -> bool:
        return bool(self._client.manager("basic").server_has(FILES))

    def _generation_of(self, sender: Any) -> int:
        return int(self._client.options.generation)

    def _own_name(self) -> str | None:
        return self._client.current_user_id

    def _own_client_type(self) -> int:
        return int(self._client.options.client_type or 0)

    def _may_be_ours(self, sender: Any) -> bool:
        return self._serves_ours()

    def _refused(self, reason: str) -> None:
        """Clients count nothing."""

    def _connection_lost(self, _: Source | None) -> None:
        self._details.clear()
        for each in list(self._all()):
            each.connection_lost()
