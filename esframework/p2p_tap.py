"""The options of `twistd esframework-p2p` and `esframework p2p-server`, and the service they make.

Each flag stands for a key of the configuration file and is put over it; what a key means is `config`'s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, Final

from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from esframework._version import __version__
from esframework.config import ConfigError, ServiceConfig, load_config
from esframework.net.clock import use_monotonic_time

_CALLED: Final = {"p2p.port": "--port", "p2p.interfaces": "--interface"}
"""Flags that are called otherwise than the service's, or their key."""


class Options(UsageOptions):
    """Flags of a P2P server that stands alone."""

    synopsis = "[options]"
    longdesc = (
        "A P2P server that stands alone: it tells clients how they are seen from outside, so that they find a way "
        "straight to each other. It answers those to whom an application server gave a token: both have the same "
        "secret. Everything can also stand in the table [p2p] of a TOML file (--config); flags override it."
    )

    optParameters = [
        ["config", None, None, "TOML file; its tables [p2p] and [log] and its key metrics are read"],
        ["port", None, None, "port, UDP and TCP; default 9901"],
        ["second-address", None, None, "another address of this machine, by which clients learn more of their NATs"],
        ["secret-file", None, None, "file with the secret that application servers have, too, or several, one a line"],
        ["metrics", None, None, "endpoint at which Prometheus may fetch figures, or off (the default)"],
        ["log", None, None, "log file; rotates at 1 MiB; default: standard error"],
        ["log-level", None, None, "debug, info, warn, error or critical; default info"],
    ]
    optFlags = [
        ["security-log", None, "log what is refused, once in ten seconds and reason"],
        ["log-json", None, "log JSON lines instead of text"],
    ]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["interface"] = []

    def opt_interface(self, address: str) -> None:
        """An address where it listens; may be given several times. [default: all, IPv4 and IPv6]"""
        self["interface"].append(address)

    def opt_version(self) -> None:
        """Print the version of esframework and end."""
        print(f"esframework, version {__version__}")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Check everything, so that a wrong word ends with one clear message."""
        from esframework.p2p_daemon import check_p2p_server

        try:
            self["service_config"] = self.service_config()
            check_p2p_server(self["service_config"].p2p)
        except ConfigError as error:
            raise UsageError("\n".join(error.problems)) from None

    def service_config(self) -> ServiceConfig:
        """The configuration that file and flags make together; raises ConfigError with every problem."""
        file = None if self["config"] is None else Path(self["config"])
        port = self["port"]
        flags: dict[str, object] = {
            "p2p.port": int(port) if port is not None and port.isdigit() else port,
            "p2p.interfaces": self["interface"] or None,
            "p2p.second_address": self["second-address"],
            "p2p.secret_file": self["secret-file"],
            "p2p.security_log": True if self["security-log"] else None,
            "metrics": self["metrics"],
            "log.file": self["log"],
            "log.level": self["log-level"],
            "log.json": True if self["log-json"] else None,
        }
        return load_config(file, flags, _CALLED)


def makeService(options: Options) -> Any:
    """Part of IServiceMaker: the service for parsed options; what cannot be made ends the process with one line."""
    from twisted.internet import reactor

    from esframework.p2p_daemon import P2PDaemon

    use_monotonic_time(reactor)
    try:
        return P2PDaemon(options["service_config"])
    except ConfigError as error:
        # twistd would show a UsageError from here as a traceback.
        print(f"esframework-p2p: {error}", file=sys.stderr)
        raise SystemExit(2) from None
