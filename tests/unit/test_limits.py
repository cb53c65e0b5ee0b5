"""Numbers are all in one place, each once and with its reason."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from esframework import limits

OWN_NAMES = ("rudp", "sealed")
"""The parts whose numbers are used by few, under the part's own name."""

PARTS = [path for path in sorted(Path(limits.__file__).parent.glob("*.py")) if path.name != "__init__.py"]


def _named(part: Path) -> list[tuple[str, ast.stmt | None]]:
    """The numbers of a part, each with the statement behind it."""
    body: list[ast.stmt | None] = [*ast.parse(part.read_text()).body, None]
    pairs = zip(body, body[1:], strict=False)
    return [
        (statement.target.id, following)
        for statement, following in pairs
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name)
    ]


def test_every_number_has_its_reason() -> None:
    for part in PARTS:
        for name, following in _named(part):
            assert isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant), (part.name, name)


def test_every_number_has_one_name_and_is_found_under_it() -> None:
    counts = Counter(name for part in PARTS if part.stem not in OWN_NAMES for name, _ in _named(part))
    assert [name for name, count in counts.items() if count > 1] == []
    assert [name for name in counts if not hasattr(limits, name)] == []
    assert counts["FILE_WINDOW"] == 1


def test_every_part_is_told_of() -> None:
    assert limits.__doc__ is not None
    assert [part.stem for part in PARTS if f"\n{part.stem} " not in limits.__doc__] == []
