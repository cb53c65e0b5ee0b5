"""Every number and switch of P2P at the server, with its default. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field

from esframework import limits
from esframework.errors import InvalidOption
from esframework.rudp.rendezvous.answering import Rates


@dataclass(frozen=True, slots=True, kw_only=True)
class P2POptions:
    """`ServerOptions.p2p`.

    `enabled` opens a P2P server within the engine (manual: UseAsP2PServer): UDP and TCP at `port`, None for the port of
    the first TCP listener plus 1, at `interfaces`, by default those of the listeners. `second_address` is another
    address of this machine, at which it listens as well, and by which clients learn more of their NATs; the interface
    of the same family must be a single address then.

    `servers`, (host, port) of P2P servers that stand alone, are told to clients as well, for whom they answer because
    they have one of the `secrets` that are given here: the first one makes tokens, all are believed. Without secrets
    the engine makes its own, which no other program knows.

    `max_per_second` is the number of requests that one address may make in the long run, `max_per_second_in_all` that
    of all; `security_log` logs what was refused, at most once in ten seconds for each reason.
    """

    enabled: bool = True
    port: int | None = None
    interfaces: tuple[str, ...] = ()
    second_address: str = ""
    servers: tuple[tuple[str, int], ...] = ()
    secrets: tuple[bytes, ...] = field(default=(), repr=False)
    max_per_second: int = limits.P2P_REQUESTS_PER_SECOND
    max_per_second_in_all: int = limits.P2P_REQUESTS_IN_ALL
    security_log: bool = False

    def __post_init__(self) -> None:
        if self.servers and not self.secrets:
            raise InvalidOption(
                f"servers is {self.servers!r}, and there is no secret; one that these servers have, too, is expected"
            )
        if min(self.max_per_second, self.max_per_second_in_all) < 1:
            raise InvalidOption(
                f"max_per_second is {self.max_per_second} and max_per_second_in_all {self.max_per_second_in_all}; "
                "1 or more is expected"
            )

    @property
    def rates(self) -> Rates:
        """What the P2P server counts by."""
        return Rates(per_address=self.max_per_second, in_all=self.max_per_second_in_all)
