"""A P2P server that stands alone: a service built from its configuration, for one or many application servers.

Composition only; flags are `p2p_tap`'s, what is answered is `rudp.rendezvous`'.
"""

from __future__ import annotations

import errno
import os
import time
from typing import Any, Final

from twisted.internet.defer import inlineCallbacks
from twisted.internet.error import CannotListenError
from twisted.logger import Logger

from esframework import limits
from esframework.config import OFF, ConfigError, P2PConfig, ServiceConfig, p2p_secrets
from esframework.errors import LocalError
from esframework.managers.p2p.security_log import SecurityLog
from esframework.net.rendezvous import RendezvousService
from esframework.process import ProcessService
from esframework.rudp.rendezvous.answering import Answering, Rates
from esframework.rudp.rendezvous.tokens import Tokens

_log = Logger()

EVERYWHERE: Final = ("::", "0.0.0.0")
"""Where it listens when nothing else is said. On most systems the first takes IPv4 as well."""


class P2PDaemon(ProcessService):
    """What `twistd esframework-p2p` runs. `service` has the figures. Raises ConfigError for what cannot be."""

    def __init__(self, config: ServiceConfig, reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor
        super().__init__(config.log, reactor)
        check_p2p_server(config.p2p)
        self._config = config
        secrets = p2p_secrets(config.p2p)
        rates = Rates(per_address=config.p2p.max_per_second, in_all=config.p2p.max_per_second_in_all)
        answering = Answering(Tokens(secrets, os.urandom), rates)
        # The clock of the day: tokens come from other machines.
        self.service = RendezvousService(reactor, answering, time.time)
        if config.p2p.security_log:
            self.service.refused_hook = SecurityLog(reactor)
        self._metrics: Any = None

    @inlineCallbacks
    def open_everything(self) -> Any:
        """Ports and metrics."""
        p2p = self._config.p2p
        port = p2p.port if isinstance(p2p.port, int) else limits.P2P_PORT
        for host in p2p.interfaces or EVERYWHERE:
            self._open(host, port)
        if self._config.metrics not in (None, OFF):
            # Only now: it needs a package that only those have who asked for it.
            from esframework.web.metrics import rendezvous_metrics_endpoint

            self._metrics = yield rendezvous_metrics_endpoint(self._reactor, self.service, self._config.metrics or "")

    def _open(self, host: str, port: int) -> None:
        second = self._config.p2p.second_address or ""
        try:
            number = self.service.open(host, port, second if (":" in second) == (":" in host) else "")
        except CannotListenError as error:
            if not self._config.p2p.interfaces and (host == EVERYWHERE[0] or self.service.addresses):
                # One of the families is not there, or has been taken together with the other.
                _log.debug("{error}", error=error)
                return
            where = f"port {error.port} of {error.interface or host}, UDP and TCP"
            raise LocalError(f"{where}: {error.socketError}{_hint(error)}") from error
        _log.info("P2P server at {host} port {port}, UDP and TCP", host=host, port=number)

    @inlineCallbacks
    def stopService(self) -> Any:
        """Close everything."""
        yield super().stopService()  # type: ignore[no-untyped-call]
        if self._metrics is not None:
            yield self._metrics.stopListening()
        yield self.service.close()
        _log.info("closed")


def _hint(error: CannotListenError) -> str:
    """What mends it."""
    number = getattr(error.socketError, "errno", None)
    if number == errno.EADDRNOTAVAIL:
        return "; this machine has no such address: see --interface and --second-address"
    if number == errno.EADDRINUSE:
        return "; another program has it: end that one, or take another --port"
    return ""


def check_p2p_server(config: P2PConfig) -> None:
    """Whether there can be such a P2P server; raises ConfigError, with every reason why not."""
    problems = []
    if config.port == OFF:
        problems.append("[p2p] port = 'off': expected a number, for this is the P2P server")
    if config.secret is None and config.secret_file is None:
        problems.append(
            "--secret-file: expected a file with the secret that application servers have, too; openssl rand -hex 32"
            " makes one"
        )
    second = config.second_address
    if second is not None:
        family = [host for host in config.interfaces if (":" in host) == (":" in second)]
        if len(family) != 1 or family[0] in (*EVERYWHERE, second):
            problems.append(
                f"--second-address = {second!r}: expected with it --interface and the machine's first address of the"
                " same kind, which is another one"
            )
    if problems:
        raise ConfigError(problems)
