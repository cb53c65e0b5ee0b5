"""What a chat needs of the place where it is shown."""

from __future__ import annotations

from typing import Protocol


class Screen(Protocol):
    """Where a chat is shown. `facts` are the same thing for scripts."""

    def information(
        self,
        source: str | None,
        information_type: int,
        content: bytes | None,
        *,
        group: str | None = None,
        sent_at: float | None = None,
    ) -> None:
        """Somebody sent something: to a group, or earlier (seconds UTC)."""

    def answer(self, text: str, /, **facts: object) -> None:
        """What the user asked for."""

    def note(self, text: str, /, **facts: object) -> None:
        """Something happened."""

    def complaint(self, text: str, /, **facts: object) -> None:
        """Something failed."""
