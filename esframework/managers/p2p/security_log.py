"""What a P2P server refused, in the log: the first of each reason, then one in ten seconds with how many there were.

Off by default (manual: SecurityLogEnabled). Knows no reason.
"""

from __future__ import annotations

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger

from esframework.plugins.quiet import Quiet
from esframework.rudp.paths import Address

_log = Logger()


class SecurityLog:
    """Call it with a reason and (host, port): see `RendezvousService.refused_hook`."""

    def __init__(self, clock: IReactorTime) -> None:
        self._quiet = Quiet(clock)

    def __call__(self, reason: str, source: Address) -> None:
        others = self._quiet.admits(reason)
        if others is not None:
            more = f", and {others} more since the last such line" if others else ""
            _log.info(
                "P2P server: refused [{host}]:{port}: {reason}{more}",
                host=source[0],
                port=source[1],
                reason=reason,
                more=more,
            )
