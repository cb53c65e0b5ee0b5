"""What a line in the chat means. Pure: knows no engine and no screen.

    bob: hello          say something to bob
    /to bob             from now on plain lines go to bob
    /who /query /ping /kick /help /quit
    //text              a plain line that begins with a slash
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeAlias

SERVER: Final = "server"
"""How a command names the server."""

HELP: Final = (
    ("NAME: TEXT", "say something to NAME"),
    ("/to NAME", "plain lines go to NAME from now on; without NAME to nobody"),
    ("/who", "who is online"),
    ("/query NAME TEXT", "ask NAME, or 'server' if its application answers, and show the answer"),
    ("/ping [NAME]", "how long a message takes to the server, or to NAME, and back"),
    ("/kick NAME", "have the server end the session of NAME"),
    ("/help", "this list"),
    ("/quit", "leave; so does Ctrl-D"),
)


class BadLine(ValueError):
    """A line means nothing; says what is expected."""


@dataclass(frozen=True, slots=True)
class Say:
    """Text for a user."""

    target: str
    text: str


@dataclass(frozen=True, slots=True)
class To:
    """Plain lines go to `target` from now on, None: to nobody."""

    target: str | None


@dataclass(frozen=True, slots=True)
class Query:
    """A question; `target` None is the server."""

    target: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Ping:
    """How far away a user is; `target` None is the server."""

    target: str | None


@dataclass(frozen=True, slots=True)
class Kick:
    """End a user's session."""

    target: str


@dataclass(frozen=True, slots=True)
class Who:
    """Who is online."""


@dataclass(frozen=True, slots=True)
class Help:
    """What may be written."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The end."""


Wish: TypeAlias = Say | To | Query | Ping | Kick | Who | Help | Quit

_ADDRESSED = re.compile(r"([^\s:/][^\s:]*):\s+(.*)")
_ADDRESSED_CLOSELY = re.compile(r"([^\s:/][^\s:]*):(.*)")


def parse_line(line: str, recipient: str | None = None) -> Wish | None:
    """What a line asks for, None for a blank one. `recipient` gets plain lines. Raises BadLine.

    `NAME: TEXT` has a blank after the colon; where there is no recipient it may lack. Names with blanks or colons
    in them are reached by /to.
    """
    line = line.strip()
    if not line:
        return None
    if line.startswith("/") and not line.startswith("//"):
        return _command(line)
    pattern = _ADDRESSED if recipient is not None else _ADDRESSED_CLOSELY
    addressed = pattern.fullmatch(line)
    if addressed is not None:
        return _say(addressed[1], addressed[2].strip())
    if recipient is None:
        raise BadLine(f"to whom? Write NAME: TEXT, or /to NAME first ({_shortened(line)!r})")
    return _say(recipient, line[1:] if line.startswith("//") else line)


def _say(target: str, text: str) -> Say:
    if not text:
        raise BadLine(f"there is nothing to say to {target}")
    return Say(target, text)


def _command(line: str) -> Wish:
    word, _, rest = line.partition(" ")
    rest = rest.strip()
    match word:
        case "/to":
            return To(rest or None)
        case "/query":
            name, _, text = rest.partition(" ")
            return Query(_user_or_server(_needed(word, name)), _needed(word, text.strip()))
        case "/ping":
            return Ping(_user_or_server(rest) if rest else None)
        case "/kick":
            return Kick(_needed(word, rest))
        case "/who":
            return Who()
        case "/help" | "/?":
            return Help()
        case "/quit" | "/exit":
            return Quit()
    raise BadLine(f"there is no {_shortened(word)}; /help tells what there is")


def _needed(word: str, argument: str) -> str:
    if not argument:
        usage = next(usage for usage, _ in HELP if usage.split()[0] == word)
        raise BadLine(f"{usage} is expected")
    return argument


def _user_or_server(name: str) -> str | None:
    return None if name == SERVER else name


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
