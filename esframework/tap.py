"""The options of `twistd esframework` and `esframework serve`, and the service they make: the composition root.

Each flag stands for a key of the configuration file and is put over it; what a key means is `config`'s.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.credentials import IUsernamePassword
from twisted.cred.strcred import AuthOptionMixin, makeChecker
from twisted.python.usage import Options as UsageOptions
from twisted.python.usage import UsageError

from esframework._version import __version__
from esframework.config import ConfigError, ServiceConfig, check_exposure, load_config
from esframework.errors import PluginError
from esframework.net.clock import use_monotonic_time


class Options(UsageOptions, AuthOptionMixin):
    """Flags of the service."""

    synopsis = "[options]"
    longdesc = (
        "A communication server for ESFramework's protocol. Without options it serves this machine only, at port 4530, "
        "with accounts of its own (esframework user add NAME). Everything can also stand in a TOML file (--config); "
        "flags override it. Documentation: see the README."
    )
    supportedInterfaces = (IUsernamePassword,)

    optParameters = [
        ["config", None, None, "TOML file with the same options and more; checked by: esframework config check FILE"],
        ["data", None, None, "data folder; default: this user's data folder of the platform"],
        ["store", None, None, "database: postgresql://user@host/name or a path; default: a file in the data folder"],
        ["p2p", None, None, "port of the P2P server, UDP and TCP, or off; default: the first TCP port plus 1"],
        ["console", None, None, "endpoint of the web console, or off; reserved until the console comes"],
        ["metrics", None, None, "endpoint at which Prometheus may fetch figures, or off (the default)"],
        ["max-user-id", None, None, "longest account id in bytes; default 36"],
        ["log", None, None, "log file; rotates at 1 MiB; default: standard error"],
        ["log-level", None, None, "debug, info, warn, error or critical; default info"],
    ]
    optFlags = [["log-json", None, "log JSON lines instead of text"]]

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self["listen"] = []
        self["open"] = 0

    def opt_listen(self, endpoint: str) -> None:
        """Where clients come in: a Twisted endpoint string such as tcp:4530:interface=127.0.0.1 or
        ssl:4530:privateKey=key.pem:certKey=cert.pem; may be given several times. [default: port 4530 on loopback]"""
        self["listen"].append(endpoint)

    def opt_open(self) -> None:
        """Anybody may log on under any name and do everything; to be given twice when a listener is reachable
        beyond this machine."""
        self["open"] += 1

    def opt_version(self) -> None:
        """Print the version of esframework and end."""
        print(f"esframework, version {__version__}")
        raise SystemExit(0)

    def postOptions(self) -> None:
        """Check everything, so that a wrong word ends with one clear message."""
        try:
            self["service_config"] = self.service_config()
        except ConfigError as error:
            raise UsageError("\n".join(error.problems)) from None

    def service_config(self) -> ServiceConfig:
        """The configuration that file and flags make together; raises ConfigError with every problem."""
        file = None if self["config"] is None else Path(self["config"])
        flags: dict[str, object] = {
            "data": self["data"],
            "store": self["store"],
            "listen": self["listen"] or None,
            "p2p.port": _number_or_text(self["p2p"]),
            "console": self["console"],
            "metrics": self["metrics"],
            "open": self["open"] or None,
            "max_user_id": _number_or_text(self["max-user-id"]),
            "log.file": self["log"],
            "log.level": self["log-level"],
            "log.json": True if self["log-json"] else None,
        }
        config = load_config(file, flags)
        check_exposure(config)
        return config


def _number_or_text(value: str | None) -> int | str | None:
    return int(value) if value is not None and value.isdigit() else value


def make_checkers(config: ServiceConfig, from_flags: list[Any] | None) -> list[Any]:
    """The twisted.cred checkers of flags and file; raises ConfigError for one that cannot be made."""
    checkers = list(from_flags or ())
    for number, description in enumerate(config.auth, 1):
        try:
            checkers.append(makeChecker(description))
        except Exception as error:
            # The description may hold a password, so it is not repeated.
            raise ConfigError([f"auth: entry {number} cannot be used ({type(error).__name__})"]) from None
    for checker in checkers:
        if isinstance(checker, InMemoryUsernamePasswordDatabaseDontUse):
            # Twisted fills it with text when a string describes it, and then finds none of the bytes that it is asked.
            checker.users = {_as_bytes(name): _as_bytes(password) for name, password in checker.users.items()}
    return checkers


def _as_bytes(value: str | bytes) -> bytes:
    return value.encode() if isinstance(value, str) else value


def makeService(options: Options) -> Any:
    """Part of IServiceMaker: the service for parsed options; what cannot be made ends the process with one line."""
    from twisted.internet import reactor

    from esframework.daemon import Daemon

    use_monotonic_time(reactor)
    config = options["service_config"]
    try:
        return Daemon(config, make_checkers(config, options.get("credCheckers")))
    except (ConfigError, PluginError) as error:
        # twistd would show a UsageError from here as a traceback.
        print(f"esframework: {error}", file=sys.stderr)
        raise SystemExit(2 if isinstance(error, ConfigError) else 1) from None
