"""How a wrong configuration is reported: all its problems at once, each with its place."""

from __future__ import annotations

from collections.abc import Sequence

from esframework.errors import LocalError


class ConfigError(LocalError, ValueError):
    """A wrong configuration; each of `problems` is a line naming file or flag, table, key and value."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)
