"""Where the contents lie: one folder for each, within the folder of the options. Everything here blocks.

Knows neither what is in them nor to whom they belong.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

from esframework import limits
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.locks import lock

CONTENT: Final = "content"
"""The name of every content in its folder: what its sender calls it is not a name for this machine's disk."""

_MODE: Final = 0o700


class Blobs:
    """Contents by the names of their blobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self._held: OpenFolder | None = None

    def place(self, blob: str) -> Path:
        """Where a content is, or is to be."""
        return self.folder / blob / CONTENT

    def blob_of(self, place: Path) -> str | None:
        """Whose place this is; None for one elsewhere."""
        is_here = place.name == CONTENT and place.parent.parent == self.folder
        return place.parent.name if is_here else None

    def make(self, blob: str) -> None:
        """Make room for a content, so that it will still be found after a loss of power. Raises OSError."""
        if not self.folder.is_dir():
            self.folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
            _sync(self.folder.parent)
        (self.folder / blob).mkdir(mode=_MODE, exist_ok=True)
        _sync(self.folder)

    @property
    def free(self) -> int:
        """Bytes that the file system has for contents. Raises OSError."""
        return max(0, shutil.disk_usage(self.folder).free - limits.ROOM_OF_THE_SERVER)

    def hold(self) -> bool:
        """Hold the folder for this server until `let_go`; False when another has it. Raises OSError."""
        if self._held is None and self.folder.is_dir():
            folder = OpenFolder.at(self.folder)
            if not lock(folder.descriptor):
                folder.close()
                return False
            self._held = folder
        return True

    def let_go(self) -> None:
        """Another server may have the folder; harmless twice."""
        held, self._held = self._held, None
        if held is not None:
            held.close()

    def names(self) -> list[str]:
        """All that there are. Raises OSError."""
        try:
            return [entry.name for entry in os.scandir(self.folder) if entry.is_dir(follow_symlinks=False)]
        except FileNotFoundError:
            return []

    def remove(self, blob: str) -> None:
        """Delete a content, whole or half, and its folder; harmless when it is gone. Raises OSError."""
        try:
            shutil.rmtree(self.folder / blob)
        except FileNotFoundError:
            return

    def remove_if_empty(self, blob: str) -> None:
        """Delete the folder of a content of which nothing came. Raises OSError."""
        folder = self.folder / blob
        if folder.exists() and not any(folder.iterdir()):
            folder.rmdir()


def _sync(folder: Path) -> None:
    if os.name == "nt":
        # Folders cannot be opened there.
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
