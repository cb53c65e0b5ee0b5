"""Noting how far something is that is being received, now and then. Knows not how it is received."""

from __future__ import annotations

from twisted.logger import Logger

from esframework import limits
from esframework.filesystem.items import Position
from esframework.filesystem.partials import Partial, Partials

_log = Logger()


class Notes:
    """Those of one transfer. `last` is the position that was noted last."""

    def __init__(self, partials: Partials) -> None:
        self.last = Position()
        self._partials = partials
        self._at = 0.0
        self._is_failing = False

    def begin(self, partial: Partial) -> None:
        """The first one. Raises OSError."""
        self._at = partial.updated_at
        self._partials.begin(partial)

    def are_due(self) -> bool:
        """Whether the last one is old, or of a time that the clock has not reached."""
        return not 0 <= self._partials.now() - self._at < limits.JOURNAL_INTERVAL

    def keep(self, partial: Partial) -> None:
        """Replace the last one. Raises OSError; then the last one is still there."""
        self._at = self._partials.now()
        self._partials.keep(partial)
        self.last = partial.position
        self._is_failing = False

    def try_to_keep(self, partial: Partial) -> None:
        """The same; where it fails that is told once, and everything goes on: after a crash more comes again."""
        try:
            self.keep(partial)
        except OSError as error:
            if not self._is_failing:
                self._is_failing = True
                _log.warn("how far {part} is could not be noted: {error}", part=partial.part, error=error)
