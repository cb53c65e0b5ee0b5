"""Writing a file or folder that is received, under a temporary name until all of it is here.

Blocking: its methods are called in a thread (`FileWorker`), one at a time. Knows no wire and no sender.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace as changed
from pathlib import Path

from esframework import limits
from esframework.errors import PathClash, UnsafePath, WrongTree
from esframework.filesystem import parts
from esframework.filesystem.beneath import OpenFolder
from esframework.filesystem.digests import TreeDigest
from esframework.filesystem.items import FileItem, FolderItem, Item, Position
from esframework.filesystem.journals import Identity, Partial, new_id
from esframework.filesystem.making import FileInMaking, FileMaker, FolderMaker, Maker
from esframework.filesystem.noting import Notes
from esframework.filesystem.partials import Partials
from esframework.filesystem.paths import shown
from esframework.filesystem.placing import place
from esframework.filesystem.reopening import reopened
from esframework.filesystem.room import NO_ROOM, check_room


class TreeWriter:
    """One file or folder that is received.

    `open` or `resume` comes first, then `write` any number of times, and at the end one of `finish`, `suspend` and
    `discard`. After an error of `write` only the last two; after one of `finish` all three. When one of them has
    returned, nothing else does anything.

    :param name: what the sender calls it; a text from a peer, which is shown and never made a path.
    :param destination: this program's own path; its folder must be there.
    :param lifetime: seconds for which an interrupted part is kept; <= 0: not at all.
    :param windows_paths: the sender is a foreign client: backslashes separate names, and its order is its own.
    :param sync: let all of it reach the disk before it gets its name.
    :param most_entries: files and folders that may come; more break it off, and nothing stays.
    """

    def __init__(
        self,
        partials: Partials,
        identity: Identity,
        destination: Path,
        *,
        name: str,
        lifetime: float,
        windows_paths: bool = False,
        sync: bool = False,
        most_entries: int | None = None,
    ) -> None:
        self._partials = partials
        self._notes = Notes(partials)
        self._sync = sync
        self._most_entries = limits.MAX_ENTRIES_OF_A_TREE if most_entries is None else most_entries
        self._partial = Partial(
            id=new_id(),
            identity=identity,
            name=name,
            destination=destination.absolute(),
            updated_at=partials.now(),
            lifetime=lifetime,
            is_ours=not windows_paths,
        )
        self._parent: OpenFolder | None = None
        self._maker: Maker | None = None
        self._file: FileInMaking | None = None
        self._digest: TreeDigest | None = None
        self._received = 0
        self._last = ""
        self._offset = 0
        self._files = 0
        self._entries = 0
        self._is_wrong = False

    # --- beginning ----------------------------------------------------------------------------------------------------
    def open(self, algorithm: str | None) -> None:
        """Begin anew; what is left of an earlier try to the same place is removed. None: without a digest.

        Raises OSError, also when the disk has less room than is needed, and what `TreeDigest` does; nothing stays then.
        """
        self._digest = TreeDigest(algorithm) if algorithm is not None else None
        with ExitStack() as undoing:
            parent = undoing.enter_context(OpenFolder.at(self._partial.destination.parent))
            check_room(parent, self._partial.identity.size)
            self._begin_partial(undoing)
            self._maker = FolderMaker(parent, self._partial) if self._is_folder else FileMaker(parent, self._partial)
            self._parent = parent
            undoing.pop_all()

    def resume(self, partial: Partial, algorithm: str | None, cancelled: Callable[[], bool]) -> bytes | None:
        """Go on with what is there; returns the digest of all of it, up to `position`; b"" without an algorithm.

        What came after that was noted goes. Folders after the position's file may come again.

        None when it cannot be gone on with (it is another one, has another destination, is in use, gone, or not as it
        was left), or when cancelled: then `open` comes next, or nothing. Raises what `TreeDigest` does, and OSError
        when the disk has less room than is needed.
        """
        mine = self._partial
        if (partial.identity, partial.destination) != (mine.identity, mine.destination):
            return None
        self._digest = TreeDigest(algorithm) if algorithm is not None else None
        known = self._partials.resume(partial)
        if known is None:
            return None
        with ExitStack() as undoing:
            undoing.callback(self._partials.leave, known)
            found = reopened(known, algorithm, cancelled) if known.position == partial.position else None
            if found is None:
                return None
            undoing.callback(self._close)
            self._parent, self._maker, self._file, self._digest, self._entries = found
            check_room(self._parent, mine.identity.size - known.position.received)
            self._take_over(known)
            if self._file is not None:
                # Its last byte had come when something failed.
                self._end_file_if_whole(self._file)
            undoing.pop_all()
        self._notes.try_to_keep(self._snapshot())
        return self.digest()

    # --- going on -----------------------------------------------------------------------------------------------------
    @property
    def position(self) -> Position:
        """How far it is."""
        return Position(self._received, self._last, self._offset if self._file is None else self._file.offset)

    @property
    def missing(self) -> int:
        """Bytes that are missing of the file that began last."""
        return 0 if self._file is None else self._file.item.size - self._file.offset

    @property
    def files(self) -> int:
        """Files that have begun."""
        return self._files

    def write(self, items: list[Item]) -> None:
        """Take the next items.

        Raises OSError with the path it is about; WrongTree, UnsafePath and PathClash for what the sender must not send:
        then there is nothing to go on with.
        """
        try:
            self._take(items)
        except (WrongTree, UnsafePath, PathClash):
            self._is_wrong = True
            raise
        if self._notes.are_due():
            self._notes.try_to_keep(self._snapshot())

    def _take(self, items: list[Item]) -> None:
        pieces: list[bytes | memoryview] = []
        for item in items:
            if isinstance(item, FileItem):
                self._add(pieces)
                self._begin_file(item)
            elif isinstance(item, FolderItem):
                self._add(pieces)
                self._begin_folder(item)
            else:
                pieces.append(item)
        self._add(pieces)

    def digest(self) -> bytes:
        """Of everything so far; b"" without one."""
        return b"" if self._digest is None else self._digest.digest()

    # --- the end ------------------------------------------------------------------------------------------------------
    def finish(self, *, replace: bool) -> Path:
        """All of it is here: give it its name, and return its path.

        Raises WrongTree when something is missing; DestinationExists when there is something of that name, and not
        `replace`, or a folder where a file comes, or the other way round; OSError. Nothing at the destination has
        changed then. When a new folder has taken an old one's place, the old one is removed; see `placing` for what a
        crash leaves meanwhile.
        """
        parent, maker = self._parent, self._maker
        if parent is None or maker is None:
            return self._partial.destination
        self._check_whole()
        if self._sync:
            maker.sync()
        if not maker.is_untouched():
            text = "it was removed or replaced while it was being received"
            raise FileNotFoundError(errno.ENOENT, text, str(self._partial.part))
        partial = self._snapshot()
        is_clean = place(parent, partial, self._partials.keep, replace=replace)
        if self._sync and parent.descriptor is not None:
            os.fsync(parent.descriptor)
        self._close()
        if is_clean:
            self._partials.forget(partial)
        else:
            self._partials.leave(partial)
        return partial.destination

    def suspend(self) -> None:
        """It is interrupted: keep what is there for its lifetime.

        It is forgotten where there is nothing, or no lifetime, or what came was wrong.

        Raises OSError only when it is to be forgotten and cannot be removed. On a disk so full that nothing can be
        noted, a little of it is given up for that.
        """
        maker = self._maker
        if maker is None:
            return
        is_worthless = self._partial.lifetime <= 0 or self._received == 0 or self._is_wrong
        if is_worthless or not maker.is_untouched():
            self.discard()
            return
        try:
            self._notes.keep(self._snapshot())
        except OSError as error:
            self._give_up_a_little(error)
            self._notes.try_to_keep(self._snapshot())
        self._close()
        self._partials.leave(self._partial)

    def discard(self) -> None:
        """Nothing of it stays. Raises OSError when something could not be removed; expiry then tries again."""
        if self._maker is None:
            return
        try:
            # While it is still locked: nobody else begins to go on with it.
            parts.remove(self._partial)
            self._partials.forget(self._partial)
        finally:
            self._partials.leave(self._partial)
            self._close()

    # --- within -------------------------------------------------------------------------------------------------------
    @property
    def _is_folder(self) -> bool:
        return self._partial.identity.is_folder

    def _begin_partial(self, undoing: ExitStack) -> None:
        self._partial = changed(self._partial, updated_at=self._partials.now())
        self._notes.begin(self._partial)
        undoing.callback(self._partials.forget, self._partial)
        undoing.callback(parts.remove, self._partial)

    def _take_over(self, known: Partial) -> None:
        mine = self._partial
        self._partial = changed(
            known, name=mine.name, lifetime=mine.lifetime, is_ours=mine.is_ours, is_in_use=False, is_replacing=False
        )
        self._received, self._last, self._offset = (
            known.position.received,
            known.position.path,
            known.position.offset,
        )
        self._files = known.files

    def _begin_folder(self, item: FolderItem) -> None:
        self._check_turn(item.path)
        self._made().begin_folder(item.path)
        if self._digest is not None:
            self._digest.folder(item.path)

    def _begin_file(self, item: FileItem) -> None:
        self._check_turn(item.path)
        if not 0 <= item.size <= self._partial.identity.size - self._received:
            raise WrongTree(
                f"'{shown(item.path)}' of {item.size} bytes came after {self._received};"
                f" {self._partial.identity.size} in all were offered"
            )
        self._file = self._made().begin_file(item)
        self._last, self._offset = item.path, 0
        self._files += 1
        if self._digest is not None:
            self._digest.file(item.path, item.size)
        self._end_file_if_whole(self._file)

    def _check_turn(self, path: str) -> None:
        self._made()
        if self._file is not None:
            item = self._file.item
            raise WrongTree(
                f"'{shown(path)}' came when {self._file.offset} of {item.size} bytes of '{shown(item.path)}' had"
            )
        self._entries += 1
        if self._entries > self._most_entries:
            raise WrongTree(f"more than {self._most_entries} files and folders came")

    def _add(self, pieces: list[bytes | memoryview]) -> None:
        size = sum(map(len, pieces))
        if not size:
            pieces.clear()
            return
        file = self._file
        if file is None or size > file.item.size - file.offset:
            left = 0 if file is None else file.item.size - file.offset
            raise WrongTree(f"{size} bytes came, and '{shown(self._last)}' has room for {left}")
        before = file.offset
        try:
            file.add(pieces)
        finally:
            self._received += file.offset - before
        if self._digest is not None:
            for piece in pieces:
                self._digest.content(piece)
        pieces.clear()
        self._end_file_if_whole(file)

    def _end_file_if_whole(self, file: FileInMaking) -> None:
        if file.offset == file.item.size:
            self._made().finish_file(file)
            self._offset = file.offset
            self._file = None

    def _made(self) -> Maker:
        if self._maker is None:
            raise ValueError("nothing is being written: open or resume comes first, and nothing after the end")
        return self._maker

    def _check_whole(self) -> None:
        expected = self._partial.identity.size
        if self._file is not None or self._received != expected:
            raise WrongTree(f"{self._received} bytes came, and {expected} were offered")

    def _snapshot(self) -> Partial:
        file = self._file
        self._partial = changed(
            self._partial,
            position=self.position,
            file=None if file is None else file.item,
            files=self._files,
            is_ordered=self._made().is_ordered,
            updated_at=self._partials.now(),
        )
        return self._partial

    def _give_up_a_little(self, full: OSError) -> None:
        """Make room for a note on a full disk, of what has come since the last one: that one must stay true."""
        file = self._file
        if file is not None and full.errno in NO_ROOM:
            noted = self._notes.last.offset if self._notes.last.path == self._last else 0
            given_up = min(limits.ROOM_FOR_A_JOURNAL, file.offset - noted)
            file.cut(file.offset - given_up)
            self._received -= given_up

    def _close(self) -> None:
        maker, self._maker = self._maker, None
        parent, self._parent = self._parent, None
        self._file = None
        if maker is not None:
            maker.close()
        if parent is not None:
            parent.close()
