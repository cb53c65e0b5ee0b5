"""Waiting for a connection that was lost and comes back by itself. Knows no transfer."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from esframework.cli.transferring.looks import Look
from esframework.wire.types import LogonResult


async def connection_of(client: Any, look: Look) -> None:
    """Wait until a client is logged on, and tell whoever looks that this takes a while."""
    if client.connected:
        return
    look.note("the connection was lost; it comes back by itself", event="connection_interrupted")
    back: Deferred[None] = Deferred()

    def relogon_completed(response: Any) -> None:
        if response.result == LogonResult.SUCCEED and not back.called:
            back.callback(None)

    subscription = client.relogon_completed.subscribe(relogon_completed)
    try:
        await back
    finally:
        subscription.cancel()
    look.note("logged on again", event="relogon_completed")
