"""Ours: the service as ``twistd -n esframework`` starts it, and an engine with a handler that counts."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from benchmarks.measurement import OURS
from benchmarks.peers import Contestant
from benchmarks.process import python_module


def _missing(*modules: str) -> str | None:
    for module in modules:
        try:
            importlib.import_module(module)
        except ImportError as error:
            return f"{module} cannot be imported: {error}"
    return None


def service_absent() -> str | None:
    """None once the service can be started."""
    return _missing("esframework.tap", "esframework.daemon")


def engines_absent() -> str | None:
    """None once both engines can be embedded."""
    return _missing("esframework.server.engine", "esframework.client.engine")


def _server_absent() -> str | None:
    return _missing("esframework.server.engine")


def service_command(port: int, folder: Path, *before: str) -> list[str]:
    """The whole service on one loopback port; `before` are twistd's own options."""
    twistd = [str(Path(sys.executable).with_name("twistd")), "--pidfile=", *before, "-n", "esframework"]
    listen = f"tcp:{port}:backlog=1024:interface=127.0.0.1"
    config = folder / "es.toml"
    # On an open server everybody hears of everybody's coming, which the load would count among its messages.
    config.write_text("[contacts]\nconnected_notify = false\ndisconnected_notify = false\n")
    return [
        *twistd,
        "--open",
        "--listen",
        listen,
        "--p2p",
        "off",
        "--console",
        "off",
        "--data",
        str(folder / "data"),
        "--config",
        str(config),
    ]


def _counting(port: int, folder: Path) -> list[str]:
    return python_module("benchmarks.counting_server", "--port", port, "--every", 0.25)


def _diagnosed(port: int, folder: Path) -> list[str]:
    return [*_counting(port, folder), "--diagnostics"]


def contacts_server(users: int, contacts: int) -> Contestant:
    """An engine whose application has so many users, in one group, with so many contacts each."""

    def command(port: int, folder: Path) -> list[str]:
        options = ("--port", port, "--users", users, "--contacts", contacts)
        return python_module("benchmarks.contacts_server", *options)

    return Contestant(OURS, "es6", command, _server_absent)


SERVICE = Contestant(OURS, "es6", service_command, service_absent)
COUNTING = Contestant(OURS, "es6", _counting, _server_absent)
COUNTING_DIAGNOSED = Contestant(OURS, "es6", _diagnosed, _server_absent)
