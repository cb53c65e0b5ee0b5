"""What tells the files of a server from those of a client: whom they reach, and who they are."""

from __future__ import annotations

from typing import Any, Protocol

from esframework.managers.files.ways import Way
from esframework.wire.types import ChannelMode


class ThisEnd(Protocol):
    """One of each engine's; everything else is the same at both."""

    def ways(self, target: str | None, mode: ChannelMode) -> list[Way]:
        """To every device that an offer goes to; raises NotLoggedOn, NoP2PChannel or TargetAbsent where there is
        none."""

    def link_to(self, user_id: str | None) -> Any:
        """The link to a device, or to a user who has only that one; None where everything goes by the server."""

    def path_to(self, user_id: str | None) -> str:
        """By what is sent to a device: "server", "tcp" or "udp"."""

    def path_of(self, sender: Any) -> str:
        """By what a frame of a sender came: the same."""

    def answer(self, sender: Any, message_type: int, body: bytes, number: int) -> None:
        """Say to a sender whether its offer is taken, by the way by which it came: what comes by the server goes to
        all devices of this user, and the server tells the others when one has answered."""

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
