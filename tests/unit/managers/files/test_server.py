"""What a server does for those who send files to each other."""

from __future__ import annotations

from pathlib import Path

from esframework.managers.files.contracts import CANCEL
from esframework.testing import MemoryNetwork, simulated
from esframework.wire.types import MessageType
from tests.transfers import ForeignSender, House


@simulated
async def test_who_sends_to_nobody_is_told(network: MemoryNetwork, tmp_path: Path) -> None:
    House(network, tmp_path)
    sender = ForeignSender(network, 6, "dave")
    sender.offer("file", 10)
    (cancel,) = sender.peer.take()
    assert (cancel.message_type, cancel.source) == (MessageType.RECEIVER_CANCELS_FILE, "dave")
    assert "target absent" in (CANCEL.decode(cancel.body).cause or "")
