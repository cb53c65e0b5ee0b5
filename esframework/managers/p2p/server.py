"""The server's half of P2P: the P2P server within the engine, and what clients of another make ask.

What is said between clients of ours before they have a channel goes through here, too, and stands in files of its own.
"""

from __future__ import annotations

import os

from esframework.interfaces import IServerContext, Registrations
from esframework.managers.p2p.contracts import SIGNALLING
from esframework.managers.p2p.foreign import Foreigners
from esframework.managers.p2p.introductions import RELAYABLE, Introductions
from esframework.managers.p2p.rendezvous import Rendezvous
from esframework.wire.types import MessageType


class ServerP2P:
    """`server.p2p`. `rendezvous` is the P2P server (its figures: `rendezvous.service`); `foreigners` answers clients of
    another make."""

    def __init__(self, server: IServerContext) -> None:
        self.foreigners = Foreigners(server)
        self.rendezvous = Rendezvous(server, server.options.p2p, self.foreigners.datagram)
        self._introductions = Introductions(server, self.rendezvous, os.urandom)

    @property
    def is_enabled(self) -> bool:
        """Whether clients have a P2P server to ask: this engine's, or one that stands alone."""
        return bool(self.rendezvous.endpoints())

    @property
    def is_at_next_port(self) -> bool:
        """Whether this engine's P2P server is where clients of another make look for it (manual: UseAsP2PServer)."""
        return self.rendezvous.is_at_next_port

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        introductions = self._introductions
        return Registrations(
            facade=self,
            handlers={
                **self.foreigners.handlers,
                MessageType.P2P_INTRODUCTION: introductions.introduce,
                MessageType.P2P_ACQUAINTANCE: introductions.acquainted,
            },
            relayable=RELAYABLE,
            undeliverable=introductions.undeliverable(),
            logged_on=introductions.logged_on,
            logged_off=introductions.logged_off,
            sweep=introductions.sweep,
            features=frozenset({SIGNALLING}),
        )
