"""What whoever goes on with a transfer hears that nobody knows here. Knows no transfer."""

from __future__ import annotations

from typing import Any

from twisted.internet.interfaces import IReactorTime

from esframework.managers.files.contracts import CANCEL, PROJECT, CancelBody, ProjectBody
from esframework.managers.files.this_end import ThisEnd
from esframework.plugins.quiet import Quiet
from esframework.wire.types import MessageType


class Unknown:
    """Says it now and then only: whoever sends on has much under way when it hears of it."""

    def __init__(self, clock: IReactorTime, end: ThisEnd) -> None:
        self._end = end
        self._quiet = Quiet(clock)

    def tell_sender(self, sender: Any, message_id: int, project_id: str) -> None:
        """Of what it sends nothing is wanted any more."""
        if self.tell(sender, message_id, project_id):
            body = CANCEL.encode(CancelBody("the receiver does not know this transfer any more", True, project_id))
            sender.reply(MessageType.RECEIVER_CANCELS_FILE, body, message_id)

    def tell(self, sender: Any, message_id: int, project_id: str) -> bool:
        """Tell one of ours; False when that has just been said."""
        if self._quiet.admits((sender.login_id, project_id)) is None:
            return False
        if self._end.may_be_ours(sender):
            sender.reply(MessageType.FILE_PEER_GONE, PROJECT.encode(ProjectBody(project_id)), message_id)
        return True
