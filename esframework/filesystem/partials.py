"""What is half received, and may be gone on with: found again when it is offered again, listed, expired and removed.

Knows journals, and the temporary files and folders that they are about; writes none of these (`writing`).
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Lock
from typing import Final

from twisted.logger import Logger

from esframework import limits
from esframework.filesystem import parts
from esframework.filesystem.journals import (
    FolderJournals,
    Identity,
    MemoryJournals,
    Partial,
    from_json,
    journal_name,
    origin_prefix,
    sender_prefix,
    to_json,
)

__all__ = ["Identity", "Partial", "Partials"]

_log = Logger()
_HALF_WRITTEN_FOR: Final = 3600.0
"""Seconds after which nobody is still writing a journal."""
_BEGINNING_FOR: Final = 10.0
"""Seconds after which whoever has noted that it begins has begun."""


class Partials:
    """The registry of what is half received, one for each engine; its methods block, and may be called in any thread.

    With a folder it survives the process, and several processes may share it: what one is at work on, the others leave
    alone. Without one, what is left is removed by `close`, or at the latest when the process ends; only one that is
    killed leaves parts that nobody knows of.

    :param folder: where journals are kept; made when the first is written.
    :param now: seconds since 1970.
    """

    def __init__(self, folder: Path | None, now: Callable[[], float]) -> None:
        self.now = now
        self._journals = MemoryJournals() if folder is None else FolderJournals(folder)
        self._is_lasting = folder is not None
        self._folder = folder
        self._lock = Lock()
        self._in_use: set[str] = set()
        self._broken: dict[str, str] = {}
        if isinstance(self._journals, MemoryJournals):
            weakref.finalize(self, _remove_all, self._journals, os.getpid())

    # --- looking ------------------------------------------------------------------------------------------------------
    def find(self, identity: Identity) -> Partial | None:
        """What is here of something that is offered: not expired, nobody at work on it, and its part still there.

        The newest, if it was to be in several places. Raises OSError when the journals cannot be read.
        """
        found = [partial for partial in self._of_origin(identity) if partial.identity == identity]
        usable = [partial for partial in found if self._is_usable(partial)]
        return max(usable, key=lambda partial: partial.updated_at, default=None)

    def find_changed(self, identity: Identity) -> bool:
        """Whether something is here of the same sender and origin that had another size or time: it begins anew."""
        found = [partial for partial in self._of_origin(identity) if partial.identity != identity]
        return any(map(self._is_usable, found))

    def all(self, *, also_expired: bool = False) -> list[Partial]:
        """All that is still there, the newest first; also what somebody is at work on. Raises OSError as `find`."""
        now = self.now()
        found = [
            partial
            for partial in self._load(self._journals.names())
            if partial.is_in_use or (parts.is_there(partial) and (also_expired or partial.expires_at > now))
        ]
        return sorted(found, key=lambda partial: partial.updated_at, reverse=True)

    def broken(self) -> list[tuple[Path, str]]:
        """Journals that cannot be read, and why. They are ignored, and nothing is removed for them."""
        names = self._journals.names()
        list(self._load(names))
        folder = self._folder or Path()
        return [(folder / f"{name}.json", self._broken[name]) for name in sorted(names) if name in self._broken]

    # --- removing -----------------------------------------------------------------------------------------------------
    def expire(self) -> int:
        """Remove what has waited for too long, with what crashes have left; returns how many.

        What cannot be removed is logged, and tried again the next time.
        """
        now = self.now()
        self._journals.sweep(now - _HALF_WRITTEN_FOR)
        return self.purge(lambda partial: partial.expires_at <= now or partial.is_replacing)

    def purge(self, select: Callable[[Partial], bool]) -> int:
        """Remove those for which `select` is true, unless somebody is at work on them; returns how many.

        Notes of parts that are gone go too, and are not counted.
        """
        removed = 0
        begun = self.now() - _BEGINNING_FOR
        for partial in self._load(self._journals.names()):
            if partial.is_in_use:
                continue
            if select(partial):
                removed += self._remove_if_possible(partial)
            elif partial.updated_at < begun and parts.is_gone(partial):
                self._remove_if_possible(partial)
        return removed

    def remove(self, partial: Partial) -> bool:
        """Remove one; False when somebody is at work on it. Raises OSError, and then it is still noted."""
        with parts.held(partial) as is_free:
            if not is_free or self._is_used_here(partial):
                return False
            parts.remove(partial)
            self._journals.remove(journal_name(partial.identity, partial.id))
        return True

    def close(self) -> None:
        """Without a folder: remove everything that nobody is at work on. Harmless twice."""
        if not self._is_lasting:
            self.purge(lambda partial: True)

    # --- for those who write ------------------------------------------------------------------------------------------
    def begin(self, partial: Partial) -> None:
        """Somebody begins to write something: note it, and remove what is left of an earlier try to the same place.

        Raises OSError when the journal cannot be written.
        """
        self._supersede(partial)
        self._use(partial.id)
        try:
            self.keep(partial)
        except BaseException:
            self.leave(partial)
            raise

    def resume(self, partial: Partial) -> Partial | None:
        """Somebody goes on with something: the newest that is known of it, None when it is gone or in use."""
        name = journal_name(partial.identity, partial.id)
        with self._lock:
            if partial.id in self._in_use:
                return None
            self._in_use.add(partial.id)
        newest = next(self._load([name]), None)
        if newest is None or newest.is_replacing:
            self.leave(partial)
            return None
        return newest

    def keep(self, partial: Partial) -> None:
        """Note how far it is. Raises OSError; then the note before is still there."""
        self._journals.write(journal_name(partial.identity, partial.id), to_json(partial))

    def leave(self, partial: Partial) -> None:
        """Nobody here is at work on it any more."""
        with self._lock:
            self._in_use.discard(partial.id)

    def forget(self, partial: Partial) -> None:
        """There is nothing half received any more, and nobody at work. Raises OSError."""
        self.leave(partial)
        self._journals.remove(journal_name(partial.identity, partial.id))

    # --- within -------------------------------------------------------------------------------------------------------
    def _use(self, id: str) -> None:
        with self._lock:
            self._in_use.add(id)

    def _of_origin(self, identity: Identity) -> Iterator[Partial]:
        prefix = origin_prefix(identity)
        for partial in self._load([name for name in self._journals.names() if name.startswith(prefix)]):
            # The names are short digests: somebody else's may begin alike.
            if (partial.identity.sender, partial.identity.origin) == (identity.sender, identity.origin):
                yield partial

    def _is_usable(self, partial: Partial) -> bool:
        return (
            not partial.is_in_use
            and not partial.is_replacing
            and partial.expires_at > self.now()
            and parts.is_there(partial)
        )

    def _load(self, names: list[str]) -> Iterator[Partial]:
        for name in names:
            try:
                data = self._journals.read(name)
                if data is None:
                    continue
                partial = from_json(data)
                if journal_name(partial.identity, partial.id) != name:
                    raise ValueError("its name belongs to another one")
            except (ValueError, OSError) as error:
                self._report(name, str(error))
                continue
            self._broken.pop(name, None)
            yield replace(partial, is_in_use=self._is_in_use(partial))

    def _report(self, name: str, why: str) -> None:
        if self._broken.get(name) != why:
            self._broken[name] = why
            _log.warn(
                "the note {name}.json of something half received in {folder} is ignored: {why}",
                name=name,
                folder=self._folder,
                why=why,
            )

    def _is_in_use(self, partial: Partial) -> bool:
        if self._is_used_here(partial):
            return True
        try:
            with parts.held(partial) as is_free:
                return not is_free
        except OSError:
            # Whoever wants to go on with it, or to remove it, will be told why that is not possible.
            return False

    def _is_used_here(self, partial: Partial) -> bool:
        with self._lock:
            return partial.id in self._in_use

    def _supersede(self, newer: Partial) -> None:
        """Of one sender's: what was to be in the same place, and the oldest where there are too many."""
        prefix = sender_prefix(newer.identity)
        names = [name for name in self._journals.names() if name.startswith(prefix)]
        too_many = len(names) >= limits.MAX_PARTIALS_PER_SENDER
        if not too_many:
            prefix = origin_prefix(newer.identity)
            names = [name for name in names if name.startswith(prefix)]
        partials = [partial for partial in self._load(names) if not partial.is_in_use]
        partials.sort(key=lambda partial: partial.updated_at)
        for partial in partials:
            is_same = (partial.identity.origin, partial.destination) == (newer.identity.origin, newer.destination)
            if is_same or too_many:
                self._remove_if_possible(partial)
                too_many = False

    def _remove_if_possible(self, partial: Partial) -> bool:
        try:
            return self.remove(partial)
        except OSError as error:
            _log.warn("{part}, half received, could not be removed: {error}", part=partial.part, error=error)
            return False


def _remove_all(journals: MemoryJournals, process: int) -> None:
    """Nobody holds the registry any more. A process that was forked has only a copy of it."""
    if os.getpid() != process:
        return
    for name in journals.names():
        data = journals.read(name)
        if data is not None:
            partial = from_json(data)
            try:
                parts.remove(partial)
            except OSError as error:
                _log.warn("{part}, half received, could not be removed: {error}", part=partial.part, error=error)
