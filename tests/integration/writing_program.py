"""A program that receives a folder, and says what it has written; for tests that kill it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from esframework.filesystem.items import FileItem, FolderItem
from esframework.filesystem.partials import Identity, Partials
from esframework.filesystem.writing import TreeWriter

PIECE = 64 * 1024
FILE = 10 * PIECE
FILES = 120
IDENTITY = Identity("alice", "origin", FILES * FILE, 1, True)


def piece(file: int, number: int) -> bytes:
    """What is sent: different everywhere."""
    return f"{file:04}{number:04}".encode() * (PIECE // 8)


def writer(state: Path, folder: Path) -> TreeWriter:
    """One that receives it."""
    return TreeWriter(Partials(state, time.time), IDENTITY, folder / "target", name="target", lifetime=3600)


def main() -> None:
    receiving = writer(Path(sys.argv[1]), Path(sys.argv[2]))
    receiving.open("blake2b")
    receiving.write([FolderItem("")])
    for file in range(FILES):
        receiving.write([FileItem(f"{file:04}", FILE, 10**18)])
        for number in range(FILE // PIECE):
            receiving.write([piece(file, number)])
            time.sleep(0.002)
        print(file, flush=True)


if __name__ == "__main__":
    main()
