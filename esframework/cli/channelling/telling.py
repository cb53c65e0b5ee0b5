"""What the programs about channels print: for people lines, for scripts one JSON object a line. Knows no engine."""

from __future__ import annotations

import json
import sys

import click


class Teller:
    """Results go to standard output, what is remarked beside them to standard error."""

    def __init__(self, as_json: bool) -> None:
        self.as_json = as_json
        self._is_drawn = False

    def tell(self, text: str, /, **facts: object) -> None:
        """A result."""
        self.clear()
        click.echo(json.dumps(facts, ensure_ascii=False) if self.as_json else text)

    def complain(self, text: str, /, **facts: object) -> None:
        """What went wrong; its text is the `cause` for scripts."""
        if self.as_json:
            self.tell("", **facts, cause=text)
        else:
            self.remark(f"esframework: {text}")

    def remark(self, text: str) -> None:
        """Something that people want to know meanwhile."""
        if not self.as_json:
            self.clear()
            click.echo(text, err=True)

    def draw(self, text: str) -> None:
        """Progress, in place of what was drawn before; only where somebody looks at it."""
        if not self.as_json and sys.stderr.isatty():
            self._is_drawn = True
            click.echo(f"\r\x1b[K{text}", err=True, nl=False)

    def clear(self) -> None:
        """Take away what was drawn."""
        if self._is_drawn:
            self._is_drawn = False
            click.echo("\r\x1b[K", err=True, nl=False)
