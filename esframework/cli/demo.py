"""`esframework demo`: a server and three bots that talk through it over real TCP, explained line by line.

Everything here is the public face of the engines; what is shown is what happened, not a script of it.
"""

from __future__ import annotations

import json
from typing import Any

import click


@click.command(short_help="A server and three clients talk, and explain it.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def demo(as_json: bool) -> None:
    """Start a server and three clients, let them talk, and say what goes where. Ends by itself, in seconds."""
    from esframework.cli.demo_scenes import play
    from esframework.cli.session import run

    click.get_current_context().exit(run(lambda reactor: play(reactor, Narrator(as_json)), as_json=as_json))


class Narrator:
    """Tells what happens, in three voices: headings, what one sees, and what the protocol does for it."""

    def __init__(self, as_json: bool) -> None:
        self._as_json = as_json
        self._number = 0

    def heading(self, text: str) -> None:
        """A new scene."""
        self._number += 1
        self._tell("scene", text, f"\n{self._number}. {text}")

    def seen(self, who: str, text: str) -> None:
        """What somebody does or sees."""
        self._tell(who, text, f"   {who:<7} {text}")

    def explained(self, text: str) -> None:
        """What goes over the wire."""
        self._tell("wire", text, f"           | {text}")

    def _tell(self, voice: str, text: str, line: str) -> None:
        facts: dict[str, Any] = {"scene": self._number, "voice": voice, "text": text}
        click.echo(json.dumps(facts, ensure_ascii=False) if self._as_json else line)
