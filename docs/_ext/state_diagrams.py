"""Draws machines' states on the pages that tell of them, from the tables that the machines go by.

`python docs/_ext/state_diagrams.py` rewrites each block below a line like this; a test says when that is due:

    <!-- states: esframework.rudp.stages TRANSITIONS -->

A table is a mapping of state -> step -> state, in which the first state is where it begins. The block is Mermaid, which
the usual hosts of repositories draw; Sphinx shows its text. Knows no machine.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from enum import Enum
from importlib import import_module
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^<!-- states: (?P<module>\S+) (?P<table>\S+) -->\n```mermaid\n.*?^```$", re.DOTALL | re.MULTILINE)


def drawn(text: str) -> str:
    """The text of a page, with each diagram as its table is now. Raises ImportError or AttributeError for a table that
    is not there."""
    return BLOCK.sub(_block, text)


def _block(found: re.Match[str]) -> str:
    heading = found[0].partition("\n")[0]
    table = getattr(import_module(found["module"]), found["table"])
    return f"{heading}\n```mermaid\n{diagram(table)}\n```"


def diagram(table: Mapping[Enum, Mapping[Enum, Enum]]) -> str:
    """A table as Mermaid draws it; steps that lead from one state to the same other one share an arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {next(iter(table)).name}"]
    for state, row in table.items():
        lines.append(f"    {state.name}: {state.value}")
        arrows: dict[Enum, list[str]] = {}
        for step, after in row.items():
            arrows.setdefault(after, []).append(step.value)
        lines += [f"    {state.name} --> {after.name}: {', '.join(steps)}" for after, steps in arrows.items()]
        if not row:
            lines.append(f"    {state.name} --> [*]")
    return "\n".join(lines)


def main() -> None:
    """Rewrite the pages that need it, and name them."""
    sys.path.insert(0, str(DOCS.parent))
    for page in sorted(DOCS.rglob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = drawn(old)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
