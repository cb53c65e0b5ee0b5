"""Finds managers by `twisted.plugin` and puts them in the order of what they need. Installing is the engines' work."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import twisted.plugins
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from esframework import plugins
from esframework.errors import PluginError
from esframework.interfaces import IManager


@lru_cache(maxsize=1)
def discovered() -> tuple[Any, ...]:
    """Every manager that is installed on this machine, in dependency order; looked for once per process."""
    found: dict[str, Any] = {}
    for package in (twisted.plugins, plugins):
        for manager in getPlugins(IManager, package):
            found.setdefault(manager.name, manager)
    if "custom" not in found:
        raise PluginError(
            "the framework's own managers were not found under twisted/plugins; a plain 'pip install -e .' hides them: "
            f"install with '{sys.executable} -m pip install .' or see CONTRIBUTING.md for an editable install"
        )
    return in_order(found.values())


def in_order(managers: Iterable[Any]) -> tuple[Any, ...]:
    """The managers, each after those it requires.

    Raises PluginError for a manager that is no IManager, a name given twice, a missing requirement or a circle.
    """
    waiting = {}
    for manager in managers:
        _check(manager)
        if manager.name in waiting:
            raise PluginError(f"two managers are called {manager.name!r}")
        waiting[manager.name] = manager
    for name, manager in waiting.items():
        missing = [required for required in manager.requires if required not in waiting]
        if missing:
            raise PluginError(f"manager {name!r} requires {missing}, which is not installed")
    ordered: list[Any] = []
    placed: set[str] = set()
    while waiting:
        ready = [name for name in sorted(waiting) if placed.issuperset(waiting[name].requires)]
        if not ready:
            raise PluginError(f"managers require each other in a circle: {sorted(waiting)}")
        for name in ready:
            ordered.append(waiting.pop(name))
            placed.add(name)
    return tuple(ordered)


def _check(manager: Any) -> None:
    try:
        verifyObject(IManager, manager)
    except Exception as error:
        raise PluginError(f"{manager!r} is no manager: {error}") from None
