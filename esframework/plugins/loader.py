"""Finds managers by `twisted.plugin`, puts them in the order of what they need, and installs their halves.

What an application gives to its engine must work; of what is merely found on a machine, a manager that does not work is
left out with a word in the log, so that a stranger's mistake does not take a server down.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import twisted.plugins
from twisted.logger import Logger
from twisted.plugin import getPlugins
from zope.interface.verify import verifyObject

from esframework import limits, plugins
from esframework.errors import PluginError
from esframework.interfaces import IManager, Registrations
from esframework.plugins.dispatch import Dispatcher

_log = Logger()

HIDDEN = (
    "under twisted/plugins; a plain 'pip install -e .' hides them: "
    f"install with '{sys.executable} -m pip install .' or see CONTRIBUTING.md for an editable install"
)
"""Where plugins were looked for in vain, and what to do."""


def install_managers(
    dispatcher: Dispatcher, managers: Sequence[Any] | None, half_of: Callable[[Any], Registrations | None]
) -> None:
    """Install one side of `managers`, or, for None, of all that are found on this machine.

    Raises what `in_order`, `discovered` and the halves raise; a found manager that is not the framework's own is left
    out instead.
    """
    for manager in discovered() if managers is None else in_order(managers):
        try:
            half = half_of(manager)
            if half is not None:
                if not _is_own(manager):
                    _check_types(manager.name, half)
                dispatcher.install(manager.name, half)
        except PluginError as error:
            if managers is not None or _is_own(manager):
                raise
            _leave_out(str(error))
        except Exception as error:
            if managers is not None or _is_own(manager):
                raise
            _log.failure("manager {name!r} is left out: {error!r}", name=manager.name, error=error)


def _check_types(name: str, half: Registrations) -> None:
    types = {*half.handlers, *half.addressed, *half.undeliverable, *half.relayable}
    protocols = sorted(number for number in types if number < limits.FIRST_APPLICATION_TYPE)
    if protocols:
        raise PluginError(
            f"manager {name!r} wants message types {protocols}, which belong to the protocol; "
            f"applications' types begin at {limits.FIRST_APPLICATION_TYPE}"
        )


@lru_cache(maxsize=1)
def discovered() -> tuple[Any, ...]:
    """Every usable manager that is installed on this machine, in dependency order; looked for once per process.

    Raises PluginError when even the framework's own are not found.
    """
    found = [manager for package in (twisted.plugins, plugins) for manager in getPlugins(IManager, package)]
    ordered = in_order(found, _leave_out)
    if not any(manager.name == "custom" for manager in ordered):
        raise PluginError(f"the framework's own managers were not found {HIDDEN}")
    return ordered


def in_order(managers: Iterable[Any], complain: Callable[[str], None] | None = None) -> tuple[Any, ...]:
    """The managers, each after those it requires; else the framework's own first, then by name.

    Raises PluginError for a manager that is no IManager, a name given twice, a missing requirement or a circle; with
    `complain` that is told instead, and what it is about is left out.
    """
    complain = complain or _refuse
    waiting = _by_name(managers, complain)
    ordered: list[Any] = []
    placed: set[str] = set()
    while waiting:
        ready = [name for name in waiting if placed.issuperset(waiting[name].requires)]
        if not ready:
            _explain(waiting, placed, complain)
            break
        for name in ready:
            ordered.append(waiting.pop(name))
            placed.add(name)
    return tuple(ordered)


def _by_name(managers: Iterable[Any], complain: Callable[[str], None]) -> dict[str, Any]:
    named: dict[str, Any] = {}
    for manager in managers:
        try:
            verifyObject(IManager, manager)
        except Exception as error:
            complain(f"{manager!r} is no manager: {error}")
            continue
        if manager.name in named:
            complain(f"two managers are called {manager.name!r}: {named[manager.name]!r} and {manager!r}")
            manager = min(named[manager.name], manager, key=_rank)
        named[manager.name] = manager
    return dict(sorted(named.items(), key=lambda item: _rank(item[1])))


def _explain(waiting: dict[str, Any], placed: set[str], complain: Callable[[str], None]) -> None:
    known = placed | set(waiting)
    stuck = []
    for name, manager in waiting.items():
        missing = [required for required in manager.requires if required not in known]
        if missing:
            complain(f"manager {name!r} requires {missing}, which is not installed")
        else:
            stuck.append(name)
    if stuck:
        complain(f"managers require each other in a circle, or something that is left out: {sorted(stuck)}")


def _rank(manager: Any) -> tuple[bool, str]:
    # The framework's own go first: who claims a message type that is theirs must lose, not they.
    return (not _is_own(manager), manager.name)


def _is_own(manager: Any) -> bool:
    return type(manager).__module__.startswith("esframework.")


def _refuse(problem: str) -> None:
    raise PluginError(problem)


def _leave_out(problem: str) -> None:
    _log.error("a plugin is left out: {problem}", problem=problem)
