"""What is written down of something half received, so that another process can go on with it; and where it is kept.

A journal is a small file of JSON, replaced as a whole. What is read back is a stranger's until it has been checked:
from it follows the name of what may be cut, resumed or removed, and that name always has the form that only we give.
"""

from __future__ import annotations

import json
import os
import re
from contextlib import suppress
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from secrets import token_hex
from typing import Any, Final

from esframework import limits
from esframework.filesystem.items import FileItem, Position

_VERSION: Final = 1
_SUFFIX: Final = ".json"
_UNFINISHED: Final = ".json.new"
_TOKEN = re.compile("[0-9a-f]{16}")
_MAX_NUMBER: Final = 2**64
_MAX_SECONDS: Final = 100_000_000_000
"""Three thousand years: what calendars can show."""


@dataclass(frozen=True, slots=True)
class Identity:
    """By what a file or folder is known when it is offered again.

    :ivar sender: a bare user id, "" for the server.
    :ivar origin: where the sender has it, as the sender says.
    :ivar size: bytes of content in all.
    :ivar modified_at: nanoseconds UTC; of a folder, its newest file's.
    """

    sender: str
    origin: str
    size: int
    modified_at: int
    is_folder: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """Something half received. A snapshot: `Partials` has newer ones.

    :ivar id: sixteen hexadecimal digits.
    :ivar name: what the sender calls it; a text from a peer.
    :ivar destination: where it was to be.
    :ivar position: how far it is in.
    :ivar file: the file that began last, when its end is missing; its size is needed to go on with it.
    :ivar files: files that have begun.
    :ivar updated_at: seconds since 1970; so are all times here.
    :ivar lifetime: seconds for which it waits; <= 0: never.
    :ivar is_ours: the sender is a client of this framework, or its server.
    :ivar is_ordered: items came in the canonical order, so that a position says what is before it.
    :ivar is_replacing: it is whole, and about to take an old folder's place.
    :ivar is_in_use: somebody is at work on it.
    """

    id: str
    identity: Identity
    name: str
    destination: Path
    position: Position = Position()
    file: FileItem | None = None
    files: int = 0
    updated_at: float
    lifetime: float
    is_ours: bool
    is_ordered: bool = True
    is_replacing: bool = False
    is_in_use: bool = False

    @property
    def expires_at(self) -> float:
        """When it goes, unless somebody goes on with it."""
        return self.updated_at + max(0.0, self.lifetime)

    @property
    def part(self) -> Path:
        """The temporary name, beside the destination."""
        return self.destination.with_name(self._temporary(".part"))

    @property
    def replaced(self) -> Path:
        """The temporary name of an old folder that is about to go."""
        return self.destination.with_name(self._temporary(".old"))

    def _temporary(self, suffix: str) -> str:
        # A name that is as long as can be is cut, at a character's end.
        room = limits.MAX_NAME_BYTES - len(f"..{self.id}{suffix}")
        name = os.fsencode(self.destination.name)[:room].decode(errors="ignore")
        return f".{name}.{self.id}{suffix}"


def new_id() -> str:
    """For a new partial; nobody can guess it."""
    return token_hex(8)


def journal_name(identity: Identity, id: str) -> str:
    """Of the journal's file: those of one sender, and of one origin, are found by how they begin."""
    return f"{sender_prefix(identity)}{_short(identity.origin)}-{id}"


def sender_prefix(identity: Identity) -> str:
    """How the names of all journals of a sender begin."""
    return f"{_short(identity.sender)}-"


def origin_prefix(identity: Identity) -> str:
    """How the names of all journals of a sender's file or folder begin."""
    return f"{sender_prefix(identity)}{_short(identity.origin)}-"


def _short(text: str) -> str:
    return blake2b(text.encode(errors="surrogatepass"), digest_size=8).hexdigest()


# --- JSON -------------------------------------------------------------------------------------------------------------
def to_json(partial: Partial) -> bytes:
    """What `from_json` takes."""
    identity, position, file = partial.identity, partial.position, partial.file
    facts = {
        "version": _VERSION,
        "id": partial.id,
        "sender": identity.sender,
        "origin": identity.origin,
        "size": identity.size,
        "modified_at": identity.modified_at,
        "is_folder": identity.is_folder,
        "name": partial.name,
        "destination": str(partial.destination),
        "position": [position.received, position.path, position.offset],
        "file": None if file is None else [file.path, file.size, file.modified_at, file.is_executable],
        "files": partial.files,
        "updated_at": partial.updated_at,
        "lifetime": partial.lifetime,
        "is_ours": partial.is_ours,
        "is_ordered": partial.is_ordered,
        "is_replacing": partial.is_replacing,
    }
    return json.dumps(facts, indent=1).encode()


def from_json(data: bytes) -> Partial:
    """Raises ValueError, with a sentence, for whatever `to_json` cannot have written."""
    try:
        facts = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"no JSON: {error}") from None
    if not isinstance(facts, dict) or facts.get("version") != _VERSION:
        raise ValueError(f"no journal of version {_VERSION}")
    partial = Partial(
        id=_text(facts, "id"),
        identity=Identity(
            _text(facts, "sender"),
            _text(facts, "origin"),
            _number(facts, "size"),
            _number(facts, "modified_at", -_MAX_NUMBER),
            _flag(facts, "is_folder"),
        ),
        name=_text(facts, "name"),
        destination=Path(_text(facts, "destination")),
        position=Position(*_fields(facts, "position", int, str, int)),
        file=None if facts.get("file") is None else FileItem(*_fields(facts, "file", str, int, int, bool)),
        files=_number(facts, "files"),
        updated_at=_seconds(facts, "updated_at"),
        lifetime=_seconds(facts, "lifetime"),
        is_ours=_flag(facts, "is_ours"),
        is_ordered=_flag(facts, "is_ordered"),
        is_replacing=_flag(facts, "is_replacing"),
    )
    _check(partial)
    return partial


def _check(partial: Partial) -> None:
    """What no single field says."""
    position, file, destination = partial.position, partial.file, partial.destination
    if not _TOKEN.fullmatch(partial.id):
        raise ValueError(f"id: {partial.id!r} is none of ours")
    if not destination.is_absolute() or not destination.name or ".." in destination.parts or "\0" in str(destination):
        raise ValueError(f"destination: {str(destination)!r} is no absolute path to a file or folder")
    if partial.updated_at < 0:
        raise ValueError(f"updated_at: {partial.updated_at} is before there were computers")
    if not 0 <= position.offset <= position.received <= partial.identity.size:
        raise ValueError(f"position: {position} cannot be in {partial.identity.size} bytes")
    if file is not None and (file.path != position.path or not position.offset <= file.size < _MAX_NUMBER):
        raise ValueError(f"file: {file} is not where {position} is")


def _text(facts: dict[str, Any], name: str) -> str:
    value = facts.get(name)
    if not isinstance(value, str):
        raise ValueError(f"{name}: {value!r} is no text")
    return value


def _number(facts: dict[str, Any], name: str, least: int = 0) -> int:
    value = facts.get(name)
    if type(value) is not int or not least <= value < _MAX_NUMBER:
        raise ValueError(f"{name}: {value!r} is no number that can be")
    return value


def _seconds(facts: dict[str, Any], name: str) -> float:
    value: Any = facts.get(name)
    if type(value) not in (int, float) or not abs(value) < _MAX_SECONDS:
        raise ValueError(f"{name}: {value!r} is no time in seconds")
    return float(value)


def _flag(facts: dict[str, Any], name: str) -> bool:
    value = facts.get(name)
    if not isinstance(value, bool):
        raise ValueError(f"{name}: {value!r} is neither true nor false")
    return value


def _fields(facts: dict[str, Any], name: str, *kinds: type) -> list[Any]:
    values = facts.get(name)
    if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
        raise ValueError(f"{name}: {values!r} is not {', '.join(kind.__name__ for kind in kinds)}")
    return values


# --- where they are kept ----------------------------------------------------------------------------------------------
class MemoryJournals:
    """Journals that are forgotten with the process."""

    def __init__(self) -> None:
        self._journals: dict[str, bytes] = {}

    def names(self) -> list[str]:
        return list(self._journals)

    def read(self, name: str) -> bytes | None:
        return self._journals.get(name)

    def write(self, name: str, data: bytes) -> None:
        self._journals[name] = data

    def remove(self, name: str) -> None:
        self._journals.pop(name, None)

    def sweep(self, before: float) -> None:
        """Nothing is ever half written here."""


class FolderJournals:
    """Journals in a folder, which is made when the first is written; several processes may use it at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        """Of all journals; [] when there is no folder. Raises OSError for a folder that cannot be read."""
        try:
            found = os.listdir(self._folder)
        except FileNotFoundError:
            return []
        return [name.removesuffix(_SUFFIX) for name in found if name.endswith(_SUFFIX)]

    def read(self, name: str) -> bytes | None:
        """One journal, None when it is gone. Raises ValueError for one that is too long, OSError as it comes."""
        try:
            with open(self._folder / (name + _SUFFIX), "rb") as file:
                data = file.read(limits.MAX_JOURNAL + 1)
        except FileNotFoundError:
            return None
        if len(data) > limits.MAX_JOURNAL:
            raise ValueError(f"longer than {limits.MAX_JOURNAL} bytes")
        return data

    def write(self, name: str, data: bytes) -> None:
        """Replace a journal as a whole. Raises OSError; then the one that was there is still there."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        unfinished = self._folder / (name + _UNFINISHED)
        try:
            descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with open(descriptor, "wb") as file:
                file.write(data)
            os.replace(unfinished, self._folder / (name + _SUFFIX))
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise

    def remove(self, name: str) -> None:
        """Harmless when it is gone. Raises OSError."""
        for suffix in (_SUFFIX, _UNFINISHED):
            with suppress(FileNotFoundError):
                os.unlink(self._folder / (name + suffix))

    def sweep(self, before: float) -> None:
        """Remove what processes that were killed have half written before a time. Raises OSError."""
        with suppress(FileNotFoundError), os.scandir(self._folder) as entries:
            for entry in entries:
                if entry.name.endswith(_UNFINISHED) and entry.stat(follow_symlinks=False).st_mtime < before:
                    os.unlink(entry.path)
