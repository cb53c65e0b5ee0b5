"""By which way the messenger talks: a channel straight to whomever one talks to, and the server for everybody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from esframework import ClientEngine, P2PConnectFailed


class Ways:
    """Opens channels and shows what becomes of them. Messages need not wait: they go by the server until then."""

    def __init__(self, client: ClientEngine, show: Callable[[str], None]) -> None:
        self.p2p = client.p2p  # None where the server has no P2P
        self.show = show
        if self.p2p is not None:
            self.p2p.channel_opened.subscribe(self.changed)
            self.p2p.channel_closed.subscribe(self.changed)

    def talked_to(self, name: str) -> None:
        """The wish lasts: a channel that is lost, or cannot be opened now, is tried again later."""
        if self.p2p is not None and not self.p2p.channel_exists(name):
            self.p2p.connect(name).addErrback(lambda failure: failure.trap(P2PConnectFailed))

    def way_to(self, name: str) -> str:
        state = None if self.p2p is None else self.p2p.channel_state(name)
        return "by the server" if state is None else f"direct, {state.protocol}"

    def changed(self, state: Any) -> None:
        self.show(f"= {state.user_id}: {self.way_to(state.user_id)}")
