"""What is installed: versions, plugins, extras, and the reactor that Twisted takes. Installs nothing."""

from __future__ import annotations

import re
import ssl
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import twisted.plugins
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins

from esframework import plugins
from esframework._version import __version__
from esframework.cli.examining.finding import Finding, fail, ok, warn
from esframework.errors import PluginError
from esframework.interfaces import IManager
from esframework.plugins.loader import discovered

MINIMUM: Final = {
    "twisted": "26.10",
    "zope.interface": "8",
    "pyOpenSSL": "25.3",
    "service-identity": "21.1",
    "click": "8",
    "platformdirs": "0",
    "argon2-cffi": "0",
    "sqlalchemy": "2",
    "alembic": "1.16",
}
"""What is needed at run time, and from which version on; what Twisted itself demands for TLS is among it."""

MINIMUM_PYTHON: Final = (3, 11)

EXTRAS: Final = {
    "terminal": ("prompt_toolkit", "editing and history in esframework chat, and bars of progress"),
    "files": ("blake3", "a quicker digest of files"),
    "metrics": ("prometheus_client", "figures for Prometheus"),
    "upnp": ("miniupnpc", "P2P: ports that routers forward by UPnP, besides NAT-PMP and PCP"),
    "postgresql": ("psycopg", "stores in PostgreSQL"),
    "bench": ("psutil", "the project's benchmarks"),
}
"""Extras that users choose, a module by which each is recognised, and what it is for."""

EDITABLE_MEND: Final = (
    f"{sys.executable} -m pip install . (or, to work on it, pip install -e . --config-settings editable_mode=compat: a "
    "plain pip install -e . hides plugins); and no __init__.py may be in twisted/ or twisted/plugins/"
)


def check_versions(version_of: Callable[[str], str] = metadata.version) -> Iterator[Finding]:
    """Python, our own release, and what we stand on."""
    running = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MINIMUM_PYTHON:
        yield ok("python", f"{running}, {ssl.OPENSSL_VERSION}")
    else:
        yield fail("python", f"{running} is too old", "install Python 3.11 or later")
    yield _own_version(version_of)
    for name, minimum in MINIMUM.items():
        try:
            found = version_of(name)
        except metadata.PackageNotFoundError:
            yield fail(name, "is not installed", f"{sys.executable} -m pip install '{name}>={minimum}'")
            continue
        if release(found) >= release(minimum):
            yield ok(name, found)
        else:
            mend = f"{sys.executable} -m pip install --upgrade '{name}>={minimum}'"
            yield fail(name, f"{found} is too old, {minimum} is the first that will do", mend)


def _own_version(version_of: Callable[[str], str]) -> Finding:
    try:
        installed = version_of("esframework")
    except metadata.PackageNotFoundError:
        return ok("esframework", f"{__version__}, from {_home()}, not installed")
    if installed != __version__:
        text = f"{__version__} runs from {_home()}, while {installed} is what is installed"
        return warn("esframework", text, f"{sys.executable} -m pip install --upgrade esframework, or leave that folder")
    return ok("esframework", f"{__version__}, from {_home()}")


def _home() -> Path:
    return Path(__file__).resolve().parents[2]


def release(version: str) -> tuple[int, ...]:
    """The numbers at the beginning of a version, to be compared; "26.10.0rc1" gives (26, 10)."""
    numbers = [int(number) for number in re.match(r"[\d.]*", version)[0].split(".") if number]  # type: ignore[index]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def check_plugins() -> Iterator[Finding]:
    """Whether Twisted finds the service, and the server its managers."""
    if any(maker.tapname == "esframework" for maker in getPlugins(IServiceMaker)):
        yield ok("service plugin", "twistd -n esframework works")
    else:
        yield fail("service plugin", "twistd does not find esframework", EDITABLE_MEND)
    try:
        managers = discovered()
    except PluginError as error:
        yield fail("managers", str(error), EDITABLE_MEND)
        return
    yield ok("managers", ", ".join(manager.name for manager in managers))
    usable = {id(manager) for manager in managers}
    for package in (twisted.plugins, plugins):
        for manager in getPlugins(IManager, package):
            if id(manager) not in usable:
                name = getattr(manager, "name", repr(manager))
                yield warn("managers", f"{name!r} is left out", "the server's log says why when it starts")


def check_extras(are_metrics_wanted: bool) -> Iterator[Finding]:
    """Which extras are there; one that is not fails only where it was asked for."""
    for extra, (module, purpose) in EXTRAS.items():
        check = f"extra {extra}"
        if find_spec(module) is not None:
            yield ok(check, f"installed, for {purpose}")
        elif extra == "metrics" and are_metrics_wanted:
            mend = f"{sys.executable} -m pip install 'esframework[{extra}]', or metrics = \"off\""
            yield fail(check, f"not installed, but metrics are configured (it is for {purpose})", mend)
        else:
            yield ok(check, f"not installed; it is for {purpose}")


def check_reactor(reactor: Any = None) -> Finding:
    """Which reactor Twisted takes here: one that looks at every connection each time is slow with many."""
    if reactor is None:
        from twisted.internet import reactor
    name = type(reactor).__name__
    if name in ("EPollReactor", "KQueueReactor", "AsyncioSelectorReactor"):
        return ok("reactor", name)
    return warn(
        "reactor",
        f"{name} looks at every connection each time; it is slow with thousands, and select ends at 1024",
        "run on Linux (epoll) or a BSD (twistd --reactor kqueue), and give twistd no --reactor otherwise",
    )
