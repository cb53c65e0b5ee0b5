"""Writes the reference before Sphinx reads: a page for each public module, one for the configuration.

The pages lie in docs/reference/generated; nothing there is kept by hand. Which modules are public is said
here, what that promises in docs/topics/compatibility.md, and what they hold by their docstrings.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields
from fnmatch import fnmatchcase
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from sphinx.application import Sphinx
from zope.interface.interface import Attribute, InterfaceClass, Method

from esframework.config.service import TABLES

# Patterns of module names, in the order in which a reader wants them. What matches none is private.
PUBLIC = (
    "errors",
    "interfaces",
    "stored",
    "limits",
    "limits.*",
    "server.engine",
    "server.options",
    "server.users",
    "server.devices",
    "client.engine",
    "client.options",
    "managers.*.server",
    "managers.*.client",
    "managers.*.contracts",
    "managers.custom.sending",
    "managers.custom.receiving",
    "managers.custom.combined",
    "managers.custom.filters",
    "managers.*.options",
    "managers.files.files",
    "managers.files.offer",
    "managers.files.transfer",
    "managers.groups.asking",
    "managers.groups.machine",
    "managers.diagnostics.facade",
    "managers.diagnostics.machine",
    "filesystem.paths",
    "filesystem.partials",
    "plugins.hooks",
    "aio",
    "blocking",
    "web.metrics",
    "testing",
    "testing.*",
    "stores.sql.stores",
    "stores.verifier",
    "stores.passwords",
    "stores.sqlite",
    "stores.memory.stores",
    "wire.types",
    "wire.devices",
    "wire.profile",
    "wire.compact",
    "wire.frames",
    "wire.contracts",
)
PACKAGE = Path(__file__).resolve().parents[2] / "esframework"


def public_modules() -> Iterator[str]:
    """The dotted names of all public modules that exist, in the order of PUBLIC."""
    present = sorted(_dotted(path.relative_to(PACKAGE.parent)) for path in PACKAGE.rglob("*.py"))
    for pattern in PUBLIC:
        yield from (name for name in present if fnmatchcase(name, f"{PACKAGE.name}.{pattern}"))


def _dotted(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def page_of(module: ModuleType) -> str:
    """One page: what autodoc finds, and below it the interfaces, which autodoc takes for data."""
    title = f"``{module.__name__}``"
    interfaces = list(_own_interfaces(module))
    options = [f"   :exclude-members: {', '.join(i.__name__ for i in interfaces)}"] if interfaces else []
    lines = [title, "=" * len(title), "", f".. automodule:: {module.__name__}", *options, ""]
    for interface in interfaces:
        lines += _interface(interface)
    return "\n".join(lines)


def _own_interfaces(module: ModuleType) -> Iterator[InterfaceClass]:
    for value in vars(module).values():
        if isinstance(value, InterfaceClass) and value.__module__ == module.__name__:
            yield value


def _interface(interface: InterfaceClass) -> list[str]:
    bases = ", ".join(base.__name__ for base in interface.__bases__ if base.__name__ != "Interface")
    lines = [f".. py:class:: {interface.__name__}" + (f"({bases})" if bases else ""), ""]
    lines += _indented(interface.__doc__)
    for name, member in interface.namesAndDescriptions():
        lines += [f"   {line}" for line in _member(name, member)]
    return lines


def _member(name: str, member: Attribute) -> list[str]:
    if isinstance(member, Method):
        signature = cast("str", member.getSignatureString())  # type: ignore[no-untyped-call]
        return [f".. py:method:: {name}{signature}", "", *_indented(member.__doc__)]
    return [f".. py:attribute:: {name}", "", *_indented(member.__doc__)]


def _indented(docstring: str | None) -> list[str]:
    text = inspect.cleandoc(docstring or "")
    return [f"   {line}".rstrip() for line in text.splitlines()] + [""]


def configuration_page() -> str:
    """Every key of the configuration file, from the list that the program itself uses."""
    lines = ["Configuration", "=============", "", "A TOML file. An unknown key is an error.", ""]
    for table, keys in TABLES.items():
        heading = f"``[{table}]``" if table else "At the top"
        lines += [heading, "-" * len(heading), "", ".. list-table::", "   :header-rows: 1", ""]
        lines += _row("key", "what it is", "allowed", "default")
        for key in fields(keys):
            if "rule" in key.metadata:
                expected = key.metadata["rule"].expected
                lines += _row(f"``{key.name}``", key.metadata["about"], expected, _default(key))
        lines.append("")
    return "\n".join(lines)


def _row(first: str, *others: str) -> list[str]:
    return [f"   * - {first}", *(f"     - {cell}" for cell in others)]


def _default(key: Field[Any]) -> str:
    if key.default is MISSING:
        return "the platform's"
    if key.default is None or key.default == ():
        return ""
    return f"``{str(key.default).lower() if isinstance(key.default, bool) else key.default}``"


def write_pages(app: Sphinx) -> None:
    """Make the folder hold exactly today's pages; an unchanged one is not touched."""
    folder = Path(app.srcdir) / "reference" / "generated"
    folder.mkdir(parents=True, exist_ok=True)
    names = list(public_modules())
    wanted = {f"{name}.rst": page_of(importlib.import_module(name)) for name in names}
    entries = "\n".join(f"   {name}" for name in names)
    wanted["configuration.rst"] = configuration_page()
    wanted["index.rst"] = f"Modules\n=======\n\n.. toctree::\n   :maxdepth: 1\n\n{entries}\n"
    for stale in set(folder.iterdir()) - {folder / name for name in wanted}:
        stale.unlink()
    for name, text in wanted.items():
        page = folder / name
        if not page.exists() or page.read_text(encoding="utf-8") != text:
            page.write_text(text, encoding="utf-8")


def setup(app: Sphinx) -> dict[str, Any]:
    """Called by Sphinx."""
    app.connect("builder-inited", write_pages)
    return {"parallel_read_safe": True}
