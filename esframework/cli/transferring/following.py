"""Drawing one transfer from its beginning to its end."""

from __future__ import annotations

from typing import Any, Final

from esframework.cli.transferring.looks import Look
from esframework.errors import EsError

_BEFORE_BYTES: Final = ("offered", "preparing")
"""States of a transfer of which nothing has moved."""


async def follow(transfer: Any, look: Look) -> None:
    """Draw a transfer until it is whole; raises `TransferInterrupted` when it ends early.

    An interruption is drawn as the end of the bar only: whether it is a failure (`look.fail`) or is gone on with is the
    caller's to know. When this is cancelled the transfer goes on.
    """
    look.begin(transfer)
    has_started, seconds = False, 0.0
    try:
        async for progress in transfer.progress():
            if not has_started and transfer.state.value not in _BEFORE_BYTES:
                has_started = True
                look.start(transfer)
            if has_started:
                seconds = progress.seconds
                look.show(transfer, progress)
        await transfer.done()
    except EsError:
        look.interrupt(transfer)
        raise
    look.complete(transfer, seconds)
