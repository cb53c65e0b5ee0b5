"""Remote paths, and which part of the disk they mean. Knows no local path.

Everybody sees a tree of his own: `/` is the user's folder; `/shared/OWNER/NAME` is what others share with him, and
`/public/NAME` what the operator offers to all. A path is always absolute where a server reads it, and has no `.`, `..`
or empty name in it: clients, which know the current folder, make it so (`joined`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from esframework import limits
from esframework.managers.disk.machine.refusals import InvalidPath

SHARED: Final = "shared"
PUBLIC: Final = "public"
RESERVED: Final = frozenset({SHARED, PUBLIC})
"""Names in a user's folder that mean something else than a file of his."""

_PLAIN: Final = frozenset(b"abcdefghijklmnopqrstuvwxyz0123456789-")
_LONGEST_FOLDER: Final = 200
"""Bytes of a folder's name up to which it is the user's id spelled out: file systems take 255."""

_SHOWN: Final = 80


class Area(Enum):
    """The parts of the tree."""

    OWN = "own"
    SHARED = "shared"
    PUBLIC = "public"


@dataclass(frozen=True, slots=True)
class Location:
    """What a path means. `owner` is whose share it is (None: the list of owners), `name` the share's or the public
    folder's (None: the list of them), `rest` the names below: below the user's folder, the share, the public folder."""

    area: Area
    owner: str | None = None
    name: str | None = None
    rest: tuple[str, ...] = ()


def joined(folder: str, path: str) -> str:
    """A path as its user writes it, relative to the current folder or absolute, as a server wants it.

    `..` above the root is the root. Raises `InvalidPath` for what is no path.
    """
    if not isinstance(path, str):
        raise InvalidPath(f"path {path!r}: a text is expected, such as /documents/letter.txt")
    steps = path.split("/") if path.startswith("/") else [*folder.split("/"), *path.split("/")]
    names: list[str] = []
    for step in steps:
        if step == "..":
            del names[-1:]
        elif step not in ("", "."):
            names.append(step)
    return text_of(tuple(names))


def text_of(names: tuple[str, ...]) -> str:
    """The path of these names."""
    return "/" + "/".join(names)


def names_of(path: str) -> tuple[str, ...]:
    """The names of an absolute path; raises `InvalidPath` for any other.

    Whether a file may have such a name is the path rule's to say.
    """
    if len(path) > limits.MAX_PATH_BYTES:
        raise InvalidPath(f"a path of {len(path)} characters: at most {limits.MAX_PATH_BYTES} are allowed")
    if not path.startswith("/"):
        raise InvalidPath(f"path {_shown(path)}: must begin with /")
    names = tuple(path[1:].split("/")) if path != "/" else ()
    for name in names:
        if name in ("", ".", ".."):
            raise InvalidPath(f"path {_shown(path)}: must have no empty name, no . and no .. in it")
        if "\0" in name:
            raise InvalidPath(f"path {_shown(path)}: must have no NUL in it")
    if len(names) > limits.MAX_PATH_DEPTH:
        raise InvalidPath(f"path {_shown(path)}: at most {limits.MAX_PATH_DEPTH} folders may be within each other")
    return names


def locate(names: tuple[str, ...]) -> Location:
    """What a path means."""
    if not names or names[0] not in RESERVED:
        return Location(Area.OWN, rest=names)
    if names[0] == PUBLIC:
        return Location(Area.PUBLIC, None, names[1] if len(names) > 1 else None, names[2:])
    owner = owner_of(names[1]) if len(names) > 1 else None
    return Location(Area.SHARED, owner, names[2] if len(names) > 2 else None, names[3:])


def owner_name(user_id: str) -> str:
    """A user's id as a name in a path: `%`, `/` and what would be a step are written as `%25`, `%2F`, `%2E`."""
    escaped = user_id.replace("%", "%25").replace("/", "%2F")
    return escaped.replace(".", "%2E") if escaped in (".", "..") else escaped


def owner_of(name: str) -> str:
    """The user's id of such a name."""
    return name.replace("%2E", ".").replace("%2F", "/").replace("%25", "%")


def folder_name(user_id: str, digest: str) -> str:
    """What a user's folder is called on the server's disk: safe on every file system, and no other user's.

    Small letters, digits and `-` are written as they are, every other byte as `%` and two digits; so ids that differ in
    case are two folders on any file system. `digest` is one of the id, for ids that would be too long.
    """
    name = "".join(chr(byte) if byte in _PLAIN else f"%{byte:02x}" for byte in user_id.encode())
    return name if len(name) <= _LONGEST_FOLDER else f"{name[: _LONGEST_FOLDER - len(digest) - 2]}%_{digest}"


def is_within(names: tuple[str, ...], folder: tuple[str, ...]) -> bool:
    """Whether a path is that folder, or somewhere in it."""
    return names[: len(folder)] == folder


def _shown(path: str) -> str:
    return ascii(path if len(path) <= _SHOWN else f"{path[:_SHOWN]}…")
