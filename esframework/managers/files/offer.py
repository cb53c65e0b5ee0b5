"""An offer of a file or folder, as the application that is to decide sees it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from esframework.errors import UnsafePath
from esframework.filesystem.partials import Partial
from esframework.filesystem.paths import local_name
from esframework.managers.files.transfer import Transfer
from esframework.net.threads import hops_to_reactor
from esframework.wire.login_id import Source

BeforeKept = Callable[[Path], Any]
"""Called when a transfer has its name, before the sender is told; may be awaited, and interrupts it by raising."""


class Decides(Protocol):
    """What an offer passes its application's decision to."""

    def accept(
        self,
        path: Path,
        resume: bool,
        replace: bool,
        sync: bool,
        before_kept: BeforeKept | None,
        most_entries: int | None,
    ) -> None: ...
    def refuse(self, cause: str) -> None: ...
    def refuse_name(self, problem: UnsafePath) -> None: ...


class Offer:
    """Somebody wants to send a file or folder (manual, chapter 03: FileRequestReceived).

    `source` is who offers, None for the server; `resumable` what an earlier transfer of the same has left here, None
    for nothing; `is_changed` whether there was something that has another size or time now, so that it begins anew. An
    offer may be decided at any later time, unless `transfer` is interrupted before. `left_at` is when it was left with
    the server for this user, in seconds since 1970, None for what is sent now.
    """

    def __init__(
        self,
        decides: Decides,
        transfer: Transfer,
        source: Source | None,
        resumable: Partial | None,
        is_changed: bool,
        reactor: Any,
    ) -> None:
        self.reactor = reactor
        self.transfer = transfer
        self.source = source
        self.resumable = resumable
        self.is_changed = is_changed
        self.left_at: float | None = None
        self.is_refused = False
        self._decides = decides

    def __repr__(self) -> str:
        return f"<Offer of {self.name!r} from {self.source!r}: {self.size} bytes>"

    @property
    def name(self) -> str:
        """What the sender calls it: a text from a stranger, for showing; see `accept_into`."""
        return self.transfer.name

    @property
    def size(self) -> int:
        """Bytes, of a folder all its files'."""
        return self.transfer.size

    @property
    def files(self) -> int:
        """Files in it; 0 where a sender of another make does not say."""
        return self.transfer.files

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder."""
        return self.transfer.is_folder

    @property
    def modified_at(self) -> int:
        """When it was changed last, in nanoseconds UTC."""
        return self.transfer.modified_at

    @property
    def comment(self) -> str | None:
        """What the sender says about it."""
        return self.transfer.comment

    @property
    def subject(self) -> str:
        """For which manager's sake it is offered; empty for none."""
        return self.transfer.subject

    @hops_to_reactor
    def accept(
        self,
        path: str | Path,
        *,
        resume: bool = True,
        replace: bool = False,
        sync: bool | None = None,
        before_kept: BeforeKept | None = None,
        most_entries: int | None = None,
    ) -> Transfer:
        """Take it; it appears at `path` when it is whole.

        With `resume` it goes on where an earlier transfer to the same path was interrupted. What is at `path` already
        is replaced only with `replace`; else the transfer is interrupted when it is whole, and what came of it stays
        resumable. `sync` as in `FilesOptions`. `before_kept(path)` has the last word before the sender hears that all
        is kept. More than `most_entries` files and folders break it off, and nothing stays. Harmless, and without
        effect, when it is decided already or interrupted.
        """
        chosen = Path(path).absolute()
        self._decides.accept(chosen, resume, replace, bool(sync), before_kept, most_entries)
        return self.transfer

    def accept_into(self, folder: str | Path, **more: Any) -> Transfer:
        """The same, under the sender's name for it, in a folder. A name that can be none here is refused, and both ends
        are told; what was left with the server stays there."""
        try:
            name = local_name(self.name)
        except UnsafePath as problem:
            self._refuse_name(problem)
            return self.transfer
        return self.accept(Path(folder) / name, **more)

    @hops_to_reactor
    def _refuse_name(self, problem: UnsafePath) -> None:
        self._decides.refuse_name(problem)

    @hops_to_reactor
    def refuse(self, cause: str = "") -> None:
        """Do not take it; both ends are told that it is interrupted. What was left with the server is deleted there;
        `transfer.cancel()` leaves it there for another time."""
        self.is_refused = True
        self._decides.refuse(cause or "not wanted")
