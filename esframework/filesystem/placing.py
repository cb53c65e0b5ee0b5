"""Something that is whole gets its real name. Knows no content.

A file takes a file's place in one step. So does a folder, where the system lets two folders change names; elsewhere the
old one is moved away right before. A crash then leaves the old folder, the new one, or both under temporary names, and
always a note of that: the next look for what has expired gives the old folder its name back if there is no new one, and
removes what is left.
"""

from __future__ import annotations

import stat
from collections.abc import Callable
from dataclasses import replace as changed

from twisted.logger import Logger

from esframework.errors import DestinationExists
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.journals import Partial

_log = Logger()


def place(parent: OpenFolder, partial: Partial, note: Callable[[Partial], None], *, replace: bool) -> bool:
    """Give a part the name of its destination; False when an old folder whose place it took could not be removed.

    Raises DestinationExists, and OSError; then the part has its temporary name still. A link at the destination is
    replaced itself, by a file only; nothing that it leads to is touched.

    :param note: notes what a crash would have to be known.
    """
    part, name = partial.part.name, partial.destination.name
    if replace and not partial.identity.is_folder:
        _replace_file(parent, partial)
        return True
    try:
        parent.rename(part, parent, name)
    except FileExistsError:
        if not replace:
            reason = "is there already; choose another name, or allow that it is replaced"
            raise DestinationExists(str(partial.destination), reason) from None
        return _replace_folder(parent, partial, note)
    return True


def _replace_file(parent: OpenFolder, partial: Partial) -> None:
    try:
        parent.rename(partial.part.name, parent, partial.destination.name, replace=True)
    except (IsADirectoryError, PermissionError):
        if not _is_folder(parent, partial.destination.name):
            raise
        reason = "is a folder, whose place a file does not take; remove it first"
        raise DestinationExists(str(partial.destination), reason) from None


def _replace_folder(parent: OpenFolder, partial: Partial, note: Callable[[Partial], None]) -> bool:
    part, name, old = partial.part.name, partial.destination.name, partial.replaced.name
    if not _is_folder(parent, name):
        reason = "is no folder, and a folder takes only a folder's place; remove it first"
        raise DestinationExists(str(partial.destination), reason)
    note(changed(partial, is_replacing=True))
    try:
        if not parent.exchange(part, parent, name):
            parent.rename(name, parent, old)
            try:
                parent.rename(part, parent, name)
            except BaseException:
                parent.rename(old, parent, name)
                raise
            parent.rename(old, parent, part)
    except OSError:
        note(partial)
        raise
    return _remove(parent, part)


def _remove(parent: OpenFolder, name: str) -> bool:
    try:
        parent.remove_tree(name)
    except FileNotFoundError:
        # Another process has found the note, and was quicker.
        return True
    except OSError as error:
        path = parent.path / name
        _log.warn("{path}, which a newer folder has replaced, could not be removed: {error}", path=path, error=error)
        return False
    return True


def _is_folder(parent: OpenFolder, name: str) -> bool:
    try:
        return stat.S_ISDIR(parent.status(name).st_mode)
    except FileNotFoundError:
        return False
