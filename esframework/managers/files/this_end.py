"""What tells the files of a server from those of a client: whom they reach, and who they are."""

from __future__ import annotations

from typing import Any, Protocol

from esframework.managers.files.sending import Way


class ThisEnd(Protocol):
    """One of each engine's; everything else is the same at both."""

    def ways(self, target: str | None) -> list[Way]:
        """To every device that an offer goes to; raises NotLoggedOn or TargetAbsent when there is none."""

    def name(self) -> str | None:
        """Whose transfers these are: a bare user id, None for the server."""

    def client_type(self) -> int:
        """The kind of device that this is, 0 for the server."""

    def generation_of(self, sender: Any) -> int:
        """In which generation of the protocol somebody speaks."""

    def may_be_ours(self, sender: Any) -> bool:
        """Whether somebody may know more than the protocol's own types."""

    def refused(self, reason: str) -> None:
        """What a peer sent was refused: it is counted."""
