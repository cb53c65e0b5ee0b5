"""The receiving end of a transfer as a machine.

=============  =====================================  ===========================================================
state          waits for                              and then
=============  =====================================  ===========================================================
OFFERED        its application                        accepted: PREPARING; refused: over
PREPARING      its disk, at the resume point          the answer is sent: TRANSFERRING
TRANSFERRING   packages; of others than ours it       all is here: FINISHING
               knows by itself when a file is whole
FINISHING      its disk: all is checked and named     COMPLETED
=============  =====================================  ===========================================================

A sender of ours may send what is granted to it and no more: `window` bytes beyond what the disk has taken.
"""

from __future__ import annotations

from typing import Final

from esframework.managers.files.machine.states import PACKAGE_CHARGE, Broken, TransferMachine, TransferState
from esframework.wire.types import FileDisruption

_FIRST_WORD: Final = 2.0
"""Seconds in which a sender of ours says itself why it was silent: it knows more."""

_UNDECIDED: Final = 3600.0
"""Seconds for which an offer of another make may wait: nobody says when its sender has gone, and there is room for a
number of offers only."""


class ReceivingMachine(TransferMachine):
    """`size` is what was offered, `window` how far the sender may be ahead of the disk."""

    def __init__(self, size: int, now: float, silence: float, alive_interval: float, window: int) -> None:
        super().__init__(now, silence, alive_interval)
        self.received = 0
        self.granted = 0
        self._size = size
        self._window = window
        self._charged = 0
        self._taken = 0
        self._has_begun = False

    @property
    def backlog(self) -> int:
        """What has come and the disk has not taken."""
        return self._charged - self._taken

    @property
    def expects_more(self) -> bool:
        """Whether packages may still come."""
        return self.state is TransferState.TRANSFERRING

    # --- the decision -----------------------------------------------------------------------------------------------
    def accept(self) -> bool:
        """The application takes it; False when that is not open any more."""
        if self.state is not TransferState.OFFERED:
            return False
        self.state = TransferState.PREPARING
        return True

    def begin(self, received: int, now: float) -> None:
        """The answer is sent: packages from byte `received` on may come."""
        if self.state is not TransferState.PREPARING:
            raise AssertionError(f"begun in state {self.state.value}")
        self.state = TransferState.TRANSFERRING
        self.received = received
        self.granted = self._window
        self._moved = now

    def starts_at(self, received: int, now: float) -> None:
        """The sender says where it begins: where it was asked to, or at the beginning."""
        self._moved = now
        if self.state is not TransferState.TRANSFERRING or self._has_begun:
            self._break(f"the sender began twice, or in state {self.state.value}")
        if received not in (0, self.received):
            self._break(f"the sender begins at byte {received}; {self.received} or 0 was expected")
        self.received = received
        self._has_begun = True

    # --- packages ---------------------------------------------------------------------------------------------------
    def package(self, length: int, content: int, now: float, parts: int = 1) -> None:
        """A package came, with `length` bytes of data of which `content` are a file's; a bundle is many `parts`."""
        self._moved = now
        if self.state is not TransferState.TRANSFERRING:
            self._break(f"a package came in state {self.state.value}")
        self._check_begun()
        self._has_begun = True
        self._charged += length + parts * PACKAGE_CHARGE
        if self.is_ours and self._charged > self.granted:
            self._break(f"packages of {self._charged} bytes came where {self.granted} were granted")
        self.received += content
        if self.received > self._size:
            self._break(f"{self.received} bytes came of a transfer of {self._size}")

    def take(self, charge: int, now: float) -> bool:
        """The disk has taken packages; True when more is granted, and that is worth a message."""
        self._taken += charge
        self._moved = max(self._moved, now)
        total = self._taken + self._window
        if self.state is not TransferState.TRANSFERRING or total - self.granted < self._window // 8:
            return False
        self.granted = total
        return True

    def heard(self, now: float) -> None:
        """A sign of life: counts until packages come."""
        if not self._has_begun:
            self._moved = now

    def end(self, now: float) -> None:
        """All has come."""
        if self.state is not TransferState.TRANSFERRING:
            self._break(f"the end came in state {self.state.value}")
        self._check_begun()
        if self.received != self._size:
            self._break(f"the end came after {self.received} of {self._size} bytes")
        self.state = TransferState.FINISHING
        self._moved = now

    # --- the end ----------------------------------------------------------------------------------------------------
    def has_lapsed(self, now: float) -> bool:
        """Whether nobody has decided for so long that whoever offered may have gone unheard."""
        return self.state is TransferState.OFFERED and not self.is_ours and now - self._moved >= _UNDECIDED

    def overdue(self, now: float) -> FileDisruption | None:
        """Why it is to be given up now, if it is: only a sender can be too slow here."""
        waits_for_sender = self.state is TransferState.TRANSFERRING and not self.backlog
        patience = self._silence + (_FIRST_WORD if self.is_ours else 0.0)
        if self._silence <= 0 or not waits_for_sender or now - self._moved < patience:
            return None
        return FileDisruption.NETWORK_TOO_SLOW if self._has_begun else FileDisruption.NO_FIRST_PACKAGE

    def _needs_telling(self) -> bool:
        # While packages come, too: so it is found out when the sender is not there.
        return not self.state.is_over

    def _check_begun(self) -> None:
        if self.is_ours and not self._has_begun:
            self._break("something came before the sender had said where it begins")

    def _break(self, problem: str) -> None:
        raise Broken(problem)
