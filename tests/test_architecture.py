"""The house rules, checked from the source: who may import whom, what stays pure, how long a thing may be.

Each rule is a function from sources (path -> text) to complaints. The first test runs every rule on this
project; the rest give each rule a small wrong project, since a rule that cannot fail is a wish. The same
table is told to people in docs/topics/architecture.md.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent

# Lowest first. A component sees itself and every row below. Where a row is a tuple of several sets, the sets
# have an order of their own: each sees those before it in the row.
ROWS: tuple[tuple[frozenset[str], ...], ...] = (
    (
        frozenset({"_version", "errors", "limits"}),
        frozenset({"wire"}),
        frozenset({"stored"}),
        frozenset({"interfaces"}),
    ),
    (frozenset({"machines", "rudp"}), frozenset({"sealed"})),
    (frozenset({"net", "plugins", "filesystem"}),),
    (frozenset({"managers", "stores"}),),
    (frozenset({"server", "client", "cluster", "web", "gateways"}),),
    (frozenset({"testing"}),),
    (
        frozenset({"config", "logs"}),
        frozenset({"process"}),
        frozenset({"daemon", "p2p_daemon"}),
        frozenset({"tap", "p2p_tap", "aio", "blocking"}),
        frozenset({"cli"}),
    ),
)
PLACES = {
    component: (row, step)
    for row, steps in enumerate(ROWS)
    for step, components in enumerate(steps)
    for component in components
}
# The files of the lowest step may read each other, and are all that importing the package loads.
NEIGHBOURS = ROWS[0][0]
PURE_ROWS = 2
IMPURE = frozenset({"twisted", "asyncio", "socket", "threading", "time", "random", "os"})
MAY_NAME_DEFERREDS = frozenset({"esframework/interfaces.py", "esframework/stored.py"})
PURE_IN_MANAGERS = frozenset({"machine.py", "contracts.py"})
# A manager with several machines keeps them in a folder of this name.
MACHINES_OF_A_MANAGER = "machine"
DRAWERS = frozenset({"util", "utils", "helper", "helpers", "common", "misc"})
LONGEST_FILE = 600
LONGEST_FUNCTION = 60

Sources = dict[str, str]


class Import(NamedTuple):
    """One imported module, by its absolute dotted name."""

    name: str
    line: int
    type_checking: bool
    inside_function: bool


def imports_of(path: str, text: str) -> Iterator[Import]:
    """Every import of a file, wherever it stands; `from a import b` counts as `a.b`."""
    package = PurePosixPath(path).parent.parts
    stack: list[tuple[ast.AST, bool, bool]] = [(ast.parse(text, path), False, False)]
    while stack:
        node, type_checking, inside_function = stack.pop()
        for name in _imported_names(node, package):
            yield Import(name, getattr(node, "lineno", 0), type_checking, inside_function)
        inside_function |= isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        guarded = node.body if isinstance(node, ast.If) and _is_type_checking(node.test) else []
        for child in ast.iter_child_nodes(node):
            stack.append((child, type_checking or child in guarded, inside_function))


def _imported_names(node: ast.AST, package: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        above = package[: len(package) - node.level + 1] if node.level else ()
        base = ".".join((*above, *([node.module] if node.module else [])))
        yield from (f"{base}.{alias.name}" for alias in node.names)


def _is_type_checking(test: ast.expr) -> bool:
    name = test.attr if isinstance(test, ast.Attribute) else test.id if isinstance(test, ast.Name) else ""
    return name == "TYPE_CHECKING"


def package_files(sources: Sources) -> Iterator[tuple[str, str]]:
    """The Python files of the package itself."""
    return ((path, text) for path, text in sorted(sources.items()) if path.startswith("esframework/"))


def component_of(path: str) -> str:
    """The part of the house that a file is in: `wire` for esframework/wire/frames.py, "" for the face."""
    first = PurePosixPath(path).parts[1]
    return "" if first == "__init__.py" else first.removesuffix(".py")


def rows(sources: Sources) -> Iterator[str]:
    """A module imports its own package and lower rows; two packages on one row never import each other."""
    for path, text in package_files(sources):
        here = component_of(path)
        if not here:
            continue
        if here not in PLACES:
            yield f"{path}: {here} has no row"
            continue
        for imported in imports_of(path, text):
            parts = imported.name.split(".")
            if parts[0] != "esframework" or imported.name == "esframework.__version__":
                continue
            there = parts[1] if len(parts) > 1 else ""
            if there not in PLACES:
                yield f"{path}:{imported.line}: imports {imported.name}, the public face"
            elif not _may_see(here, there):
                yield f"{path}:{imported.line}: {here} imports {there}"


def _may_see(here: str, there: str) -> bool:
    return here == there or {here, there} <= NEIGHBOURS or PLACES[there] < PLACES[here]


def managers_apart(sources: Sources) -> Iterator[str]:
    """A manager names another through its interface, never by importing it."""
    for path, text in package_files(sources):
        parts = PurePosixPath(path).parts
        if parts[1] != "managers" or len(parts) < 4:
            continue
        folders = {PurePosixPath(other).parts[2] for other in sources if _in_a_manager(other)}
        for imported in imports_of(path, text):
            names = imported.name.split(".")
            if names[:2] == ["esframework", "managers"] and names[2:] and names[2] in folders - {parts[2]}:
                yield f"{path}:{imported.line}: manager {parts[2]} imports manager {names[2]}"


def _in_a_manager(path: str) -> bool:
    return path.startswith("esframework/managers/") and len(PurePosixPath(path).parts) > 3


def purity(sources: Sources) -> Iterator[str]:
    """Rows 0 and 1 and each manager's machine and contracts know no reactor, socket, thread or clock."""
    for path, text in package_files(sources):
        if not is_pure(path):
            continue
        for imported in imports_of(path, text):
            excused = path in MAY_NAME_DEFERREDS and imported.type_checking
            if imported.name.split(".")[0] in IMPURE and not excused:
                yield f"{path}:{imported.line}: imports {imported.name}"
            elif _leads_to_impurity(path, imported.name):
                yield f"{path}:{imported.line}: imports {imported.name}, which is not pure"


def is_pure(path: str) -> bool:
    """Whether a file must stay free of everything in IMPURE."""
    place = PLACES.get(component_of(path))
    if place is not None and place[0] < PURE_ROWS:
        return True
    file = PurePosixPath(path)
    return _in_a_manager(path) and (file.name in PURE_IN_MANAGERS or file.parent.name == MACHINES_OF_A_MANAGER)


def _leads_to_impurity(path: str, name: str) -> bool:
    """Whether a manager's pure file reaches for one of ours outside rows 0 and 1 and its pure sibling."""
    parts = name.split(".")
    if not _in_a_manager(path) or parts[0] != "esframework" or len(parts) < 2 or parts[1] not in PLACES:
        return False
    sibling = any(part + ".py" in PURE_IN_MANAGERS for part in parts[3:5])
    return PLACES[parts[1]][0] >= PURE_ROWS and not sibling


def lazy_face(sources: Sources) -> Iterator[str]:
    """Importing esframework loads the lowest step and nothing else of ours, so no reactor and no engine."""
    text = sources.get("esframework/__init__.py", "")
    for imported in imports_of("esframework/__init__.py", text):
        parts = imported.name.split(".")
        if imported.type_checking or imported.inside_function:
            continue
        ours = parts[0] == "esframework" and not NEIGHBOURS.issuperset(parts[1:2])
        if ours or parts[0] == "twisted":
            yield f"esframework/__init__.py:{imported.line}: eagerly imports {imported.name}"


def plugin_folder(sources: Sources) -> Iterator[str]:
    """No __init__.py under twisted/: with one, Twisted takes no plugin from the folder."""
    for path in sources:
        if path.startswith("twisted/") and path.endswith("/__init__.py"):
            yield f"{path}: makes every plugin beside it vanish"


def short_files(sources: Sources) -> Iterator[str]:
    """No file of the package is longer than a person reads in one go."""
    for path, text in package_files(sources):
        length = len(text.splitlines())
        if length > LONGEST_FILE:
            yield f"{path}: {length} lines, more than {LONGEST_FILE}"


def short_functions(sources: Sources) -> Iterator[str]:
    """No function of the package is longer than a screen."""
    for path, text in package_files(sources):
        for node in ast.walk(ast.parse(text, path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > LONGEST_FUNCTION:
                    yield f"{path}:{node.lineno}: {node.name}: {length} lines, more than {LONGEST_FUNCTION}"


def nothing_swallowed(sources: Sources) -> Iterator[str]:
    """No exception disappears without a word."""
    for path, text in package_files(sources):
        for node in ast.walk(ast.parse(text, path)):
            if isinstance(node, ast.ExceptHandler) and all(map(_says_nothing, node.body)):
                yield f"{path}:{node.lineno}: an exception is swallowed"


def _says_nothing(statement: ast.stmt) -> bool:
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return statement.value.value is Ellipsis
    return isinstance(statement, ast.Pass)


def no_drawers(sources: Sources) -> Iterator[str]:
    """No module is a place for whatever has no place."""
    for path, _ in package_files(sources):
        parts = [part.removesuffix(".py") for part in PurePosixPath(path).parts]
        if DRAWERS.intersection(parts):
            yield f"{path}: is named like a drawer"


def docstrings(sources: Sources) -> Iterator[str]:
    """Every module says what it is."""
    for path, text in package_files(sources):
        if not ast.get_docstring(ast.parse(text, path)):
            yield f"{path}: has no docstring"


def mirrored_tests(sources: Sources) -> Iterator[str]:
    """tests/unit/wire/test_frames.py tests esframework/wire/frames.py; test_init.py tests __init__.py."""
    for path in sorted(sources):
        location = PurePosixPath(path)
        if not path.startswith("tests/unit/") or not location.name.startswith("test_"):
            continue
        folder = PurePosixPath("esframework", *location.parts[2:-1])
        module = location.name.removeprefix("test_")
        wanted = folder / ("__init__.py" if module == "init.py" else module)
        package = folder / module.removesuffix(".py") / "__init__.py"
        if str(wanted) not in sources and str(package) not in sources:
            yield f"{path}: there is no {wanted}"


Rule = Callable[[Sources], Iterator[str]]
RULES: tuple[Rule, ...] = (
    rows,
    managers_apart,
    purity,
    lazy_face,
    plugin_folder,
    short_files,
    short_functions,
    nothing_swallowed,
    no_drawers,
    docstrings,
    mirrored_tests,
)


@pytest.fixture(scope="module")
def project() -> Sources:
    """This project's own sources."""
    folders = ("esframework", "twisted", "tests")
    files = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in files}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_this_project_keeps_the_rule(rule: Rule, project: Sources) -> None:
    assert list(rule(project)) == []


def test_this_project_has_sources_to_check(project: Sources) -> None:
    assert "esframework/wire/frames.py" in project


GUARDED = "if TYPE_CHECKING:\n    "
LATE = "def late():\n    "

ALLOWED: list[tuple[Rule, Sources]] = [
    (rows, {"esframework/wire/frames.py": "from esframework.errors import WireError\nfrom . import types"}),
    (rows, {"esframework/errors.py": "from esframework import limits"}),
    (rows, {"esframework/interfaces.py": "from esframework.wire.types import MessageType"}),
    (rows, {"esframework/server/engine.py": "from esframework.plugins import loader"}),
    (rows, {"esframework/cli/main.py": "from esframework import tap, config, __version__"}),
    (rows, {"esframework/tap.py": "from esframework.config import load"}),
    (managers_apart, {"esframework/managers/basic/server.py": "from .contracts import Ping"}),
    (purity, {"esframework/interfaces.py": GUARDED + "from twisted.internet.defer import Deferred"}),
    (purity, {"esframework/stored.py": GUARDED + "from twisted.internet.defer import Deferred"}),
    (purity, {"esframework/wire/frames.py": "import struct"}),
    (purity, {"esframework/net/stream.py": "from twisted.internet import protocol"}),
    (purity, {"esframework/managers/custom/machine.py": "from .contracts import Information"}),
    (purity, {"esframework/managers/custom/server.py": "import time"}),
    (lazy_face, {"esframework/__init__.py": "from esframework.errors import EsError\nfrom . import limits"}),
    (lazy_face, {"esframework/__init__.py": GUARDED + "from esframework.server.engine import ServerEngine"}),
    (lazy_face, {"esframework/__init__.py": LATE + "from esframework import server"}),
    (plugin_folder, {"twisted/plugins/esframework_service.py": ""}),
    (short_files, {"esframework/limits.py": "x = 1\n" * LONGEST_FILE}),
    (short_functions, {"esframework/limits.py": "def f():\n" + "    x = 1\n" * (LONGEST_FUNCTION - 1)}),
    (nothing_swallowed, {"esframework/limits.py": "try:\n    f()\nexcept OSError:\n    log.failure()"}),
    (no_drawers, {"esframework/wire/compact.py": ""}),
    (docstrings, {"esframework/limits.py": '"""Every limit."""'}),
    (mirrored_tests, {"tests/unit/wire/test_frames.py": "", "esframework/wire/frames.py": ""}),
    (mirrored_tests, {"tests/unit/test_init.py": "", "esframework/__init__.py": ""}),
    (mirrored_tests, {"tests/integration/test_two_people_chat.py": ""}),
]

FORBIDDEN: list[tuple[Rule, Sources]] = [
    (rows, {"esframework/wire/frames.py": "from esframework.interfaces import IRouter"}),
    (rows, {"esframework/errors.py": "from .wire.types import MessageType"}),
    (rows, {"esframework/machines/session.py": "from esframework.rudp import packet"}),
    (rows, {"esframework/machines/session.py": "from esframework import server"}),
    (rows, {"esframework/net/stream.py": "import esframework.plugins.hooks"}),
    (rows, {"esframework/net/stream.py": "from ..client import link"}),
    (rows, {"esframework/server/engine.py": LATE + "from esframework.client.engine import ClientEngine"}),
    (rows, {"esframework/managers/basic/server.py": "from esframework.stores.accounts import Accounts"}),
    (rows, {"esframework/server/engine.py": "from esframework.testing import network"}),
    (rows, {"esframework/config.py": "from esframework import tap"}),
    (rows, {"esframework/server/engine.py": "from esframework import ServerEngine"}),
    (rows, {"esframework/server/engine.py": "import esframework"}),
    (rows, {"esframework/attic/box.py": ""}),
    (
        managers_apart,
        {
            "esframework/managers/basic/server.py": "from ..custom.contracts import Information",
            "esframework/managers/custom/contracts.py": "",
        },
    ),
    (purity, {"esframework/wire/frames.py": "import time"}),
    (purity, {"esframework/machines/backoff.py": "from random import random"}),
    (purity, {"esframework/rudp/connection.py": LATE + "import os.path"}),
    (purity, {"esframework/machines/session.py": GUARDED + "from twisted.internet import defer"}),
    (purity, {"esframework/interfaces.py": "from twisted.internet.defer import Deferred"}),
    (purity, {"esframework/managers/custom/machine.py": "import asyncio"}),
    (purity, {"esframework/managers/custom/contracts.py": "from socket import AF_INET"}),
    (purity, {"esframework/managers/custom/machine.py": "from esframework.net import driver"}),
    (purity, {"esframework/managers/custom/machine.py": "from .server import Controller"}),
    (lazy_face, {"esframework/__init__.py": "from esframework.server.engine import ServerEngine"}),
    (lazy_face, {"esframework/__init__.py": "from twisted.python import log"}),
    (plugin_folder, {"twisted/plugins/__init__.py": ""}),
    (plugin_folder, {"twisted/__init__.py": ""}),
    (short_files, {"esframework/limits.py": "x = 1\n" * (LONGEST_FILE + 1)}),
    (short_functions, {"esframework/limits.py": "async def f():\n" + "    x = 1\n" * LONGEST_FUNCTION}),
    (nothing_swallowed, {"esframework/limits.py": "try:\n    f()\nexcept:\n    pass"}),
    (nothing_swallowed, {"esframework/limits.py": "try:\n    f()\nexcept OSError:\n    ..."}),
    (no_drawers, {"esframework/wire/utils.py": ""}),
    (no_drawers, {"esframework/common/text.py": ""}),
    (docstrings, {"esframework/limits.py": "# a comment is not a docstring\nx = 1"}),
    (mirrored_tests, {"tests/unit/wire/test_frame.py": "", "esframework/wire/frames.py": ""}),
    (mirrored_tests, {"tests/unit/test_frames.py": "", "esframework/wire/frames.py": ""}),
]


def _named(case: Rule | Sources) -> str:
    return case.__name__ if callable(case) else next(iter(case))


@pytest.mark.parametrize(("rule", "sources"), ALLOWED, ids=_named)
def test_what_the_rule_allows_passes(rule: Rule, sources: Sources) -> None:
    assert list(rule(sources)) == []


@pytest.mark.parametrize(("rule", "sources"), FORBIDDEN, ids=_named)
def test_what_the_rule_forbids_is_named_with_its_file(rule: Rule, sources: Sources) -> None:
    complaints = list(rule(sources))
    assert len(complaints) == 1
    assert next(iter(sources)) in complaints[0]


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _ in FORBIDDEN} == set(RULES)
