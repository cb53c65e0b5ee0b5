"""Opening what is half received to go on with it: its part locked, cut back to what was noted, and digested."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import NamedTuple

from twisted.logger import Logger

from esframework.errors import UnsafePath
from esframework.filesystem import parts
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.cutting import CannotGoOn, Cutting
from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.journals import Partial
from esframework.filesystem.making import FileInMaking, FileMaker, FolderMaker, Maker
from esframework.filesystem.paths import local_parts

_log = Logger()
_UNAVAILABLE = "it is gone, or somebody is at work on it"


class Reopened(NamedTuple):
    """What is open now; whoever gets it closes it. `entries` files and folders are there: empty folders, too."""

    parent: OpenFolder
    maker: Maker
    file: FileInMaking | None
    digest: TreeDigest | None
    entries: int


def reopened(known: Partial, algorithm: str | None, cancelled: Callable[[], bool]) -> Reopened | None:
    """Everything up to the position that was noted; None when nobody can go on with it, which is logged.

    Raises what `TreeDigest` does.
    """
    cutting = Cutting(known.position, known.file, algorithm, cancelled)
    with ExitStack() as undoing:
        try:
            parent = OpenFolder.at(known.destination.parent)
            undoing.callback(parent.close)
            if known.position.received == 0:
                raise CannotGoOn("nothing of it is there")
            cut = _cut_folder if known.identity.is_folder else _cut_file
            maker = cut(parent, known, cutting, undoing)
            file = None if known.file is None else maker.reopen(known.file, known.position.offset)
            if file is None:
                maker.go_on_behind(known.position.path)
        except (CannotGoOn, UnsafePath, OSError) as error:
            _log.info("{part} cannot be gone on with: {error}", part=known.part, error=error)
            return None
        undoing.pop_all()
    return Reopened(parent, maker, file, cutting.digest, cutting.entries)


def _cut_file(parent: OpenFolder, known: Partial, cutting: Cutting, undoing: ExitStack) -> Maker:
    descriptor = parts.open_file(parent, known)
    if descriptor is None:
        raise CannotGoOn(_UNAVAILABLE)
    maker = FileMaker(parent, known, descriptor)
    undoing.callback(maker.close)
    cutting.cut_file(descriptor, "", known.identity.size)
    cutting.entries = 1
    return maker


def _cut_folder(parent: OpenFolder, known: Partial, cutting: Cutting, undoing: ExitStack) -> Maker:
    folder = parts.open_folder(parent, known)
    if folder is None:
        raise CannotGoOn(_UNAVAILABLE)
    maker = FolderMaker(parent, known, folder)
    undoing.callback(maker.close)
    if known.is_ordered:
        cutting.cut_folder(folder, local_parts(known.position.path, backslash_separates=not known.is_ours))
    elif cutting.digest is None:
        cutting.count_folder(folder)
    else:
        raise CannotGoOn("it did not come in order, so there is no digest of it")
    return maker
