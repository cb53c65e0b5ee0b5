"""The temporary files and folders of what is half received, at their places: opened, locked, removed.

Every name here comes from `Partial.part` or `Partial.replaced`; nothing else is ever touched.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.journals import Partial
from esframework.filesystem.locks import lock


def is_there(partial: Partial) -> bool:
    """Whether there is a part that can be reached, a file or a folder as it should be."""
    try:
        mode = os.lstat(partial.part).st_mode
    except OSError:
        return False
    return stat.S_ISDIR(mode) if partial.identity.is_folder else stat.S_ISREG(mode)


def is_gone(partial: Partial) -> bool:
    """Whether the part has vanished; nobody knows that while its folder is away, as on a disk that is unplugged."""
    return partial.destination.parent.is_dir() and not os.path.lexists(partial.part)


def open_file(parent: OpenFolder, partial: Partial) -> int | None:
    """The descriptor of a part that is a file, locked; None when it is not there, or somebody else has it.

    Raises OSError, also for what is no file.
    """
    name = partial.part.name
    try:
        descriptor = parent.open_file(name, os.O_RDWR)
    except FileNotFoundError:
        return None
    if lock(descriptor) and is_same(parent, name, descriptor):
        return descriptor
    os.close(descriptor)
    return None


def open_folder(parent: OpenFolder, partial: Partial) -> OpenFolder | None:
    """The same for a part that is a folder."""
    name = partial.part.name
    try:
        folder = parent.folder([name])
    except FileNotFoundError:
        return None
    if lock(folder.descriptor) and is_same(parent, name, folder.descriptor):
        return folder
    folder.close()
    return None


def is_same(parent: OpenFolder, name: str, descriptor: int | None) -> bool:
    """Whether a name still is that of what is open: it may have been renamed, replaced or removed meanwhile."""
    if descriptor is None:
        return parent.has(name)
    try:
        return os.path.samestat(parent.status(name), os.fstat(descriptor))
    except FileNotFoundError:
        return False


@contextmanager
def held(partial: Partial) -> Iterator[bool]:
    """Nobody else goes on with it meanwhile; False when somebody else is at work on it already.

    Raises OSError where the part cannot be looked at.
    """
    with ExitStack() as opened:
        try:
            parent = opened.enter_context(OpenFolder.at(partial.destination.parent))
        except (FileNotFoundError, NotADirectoryError):
            yield True
            return
        if not is_there(partial):
            yield True
        elif partial.identity.is_folder:
            folder = open_folder(parent, partial)
            if folder is not None:
                opened.callback(folder.close)
            yield folder is not None
        else:
            descriptor = open_file(parent, partial)
            if descriptor is not None:
                opened.callback(os.close, descriptor)
            yield descriptor is not None


def remove(partial: Partial) -> None:
    """Remove what is there under the temporary names, if anything is. Raises OSError.

    An old folder that was moved away for a new one, which then did not come, gets its name back.
    """
    try:
        parent = OpenFolder.at(partial.destination.parent)
    except (FileNotFoundError, NotADirectoryError):
        return
    with parent:
        old, destination = partial.replaced.name, partial.destination.name
        if partial.is_replacing and parent.has(old) and not parent.has(destination):
            parent.rename(old, parent, destination)
        for name in (partial.part.name, old):
            if parent.has(name):
                parent.remove_tree(name)
