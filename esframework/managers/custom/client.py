"""The client's half of custom information."""

from __future__ import annotations

from esframework.interfaces import Registrations
from esframework.machines.blobs import BlobAssembler
from esframework.managers.custom.receiving import Custom


class ClientCustom(Custom):
    """`client.custom` (manual, chapter 01: ICustomizeOutter)."""

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(facade=self, handlers=self.handlers(), logged_off=self._connection_lost, sweep=self.sweep)

    def _connection_lost(self, _: str | None) -> None:
        # What was unfinished will not be finished on the next connection: its fragments are gone.
        self._blobs = BlobAssembler()
        self._messages = BlobAssembler()
