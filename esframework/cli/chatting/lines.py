"""What a line in the chat means. Pure: knows no engine and no screen.

    bob: hello          say something to bob
    #chess: hello       say something to the group chess
    /to bob             from now on plain lines go to bob
    /who                a command; `COMMANDS` has them all
    //text              a plain line that begins with a slash
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import partial
from typing import Final, NamedTuple

from esframework.cli.chatting.wishes import (
    ChangeContact,
    ContactChange,
    DeclineFile,
    DissolveGroup,
    Help,
    Invite,
    JoinGroup,
    Kick,
    ListContacts,
    ListDevices,
    ListFiles,
    ListGroups,
    ListPaths,
    OpenPath,
    Ping,
    Query,
    Quit,
    QuitGroup,
    ReceiveFile,
    Say,
    SendFile,
    ServerPath,
    StopFiles,
    To,
    Who,
    Wish,
)

SERVER: Final = "server"
"""How a command names the server."""

GROUP_SIGN: Final = "#"
"""What a group's name begins with in a chat; no user's does."""


class BadLine(ValueError):
    """A line means nothing; says what is expected."""


class Command(NamedTuple):
    """A command: how it is written, what it does, and the wish that its arguments make.

    `wish` gets what stands behind the word, and raises LookupError when something is missing.
    """

    usage: str
    meaning: str
    wish: Callable[[str], Wish]


def _needed(text: str) -> str:
    if not text:
        raise LookupError
    return text


def _group(text: str) -> str:
    return _needed(text.removeprefix(GROUP_SIGN))


def _user_or_server(name: str) -> str | None:
    return None if name == SERVER else name


def _query(rest: str) -> Wish:
    name, _, text = rest.partition(" ")
    return Query(_user_or_server(_needed(name)), _needed(text.strip()))


def _contact(change: ContactChange, rest: str) -> Wish:
    name, _, text = rest.partition(" ")
    return ChangeContact(change, _needed(name), text.strip())


def _send(rest: str) -> Wish:
    name, _, path = rest.partition(" ")
    return SendFile(_needed(name), _needed(path.strip()))


def _receive(rest: str) -> Wish:
    name, _, folder = rest.partition(" ")
    return ReceiveFile(_needed(name), folder.strip() or None)


def _decline(rest: str) -> Wish:
    name, _, text = rest.partition(" ")
    return DeclineFile(_needed(name), text.strip())


def _path(rest: str) -> Wish:
    if not rest:
        return ListPaths()
    name, _, word = rest.rpartition(" ")
    return ServerPath(_needed(name.strip())) if word == "off" and name else OpenPath(rest)


def _invite(rest: str) -> Wish:
    group, *users = rest.split() or [""]
    return Invite(_group(group), tuple(users) if users else (_needed(""),))


COMMANDS: Final = (
    Command("/to NAME", "plain lines go to NAME, or to #GROUP, from now on; without NAME to nobody",
            lambda rest: To(rest or None)),
    Command("/who [#GROUP]", "who is online, or who is in a group", lambda rest: Who(_group(rest) if rest else None)),
    Command("/query NAME TEXT", "ask NAME, or 'server' if its application answers, and show the answer", _query),
    Command("/ping [NAME]", "how long a message takes to the server, or to NAME, and back",
            lambda rest: Ping(_user_or_server(rest) if rest else None)),
    Command("/kick NAME", "have the server end the session of NAME", lambda rest: Kick(_needed(rest))),
    Command("/devices", "on which devices you are online", lambda rest: ListDevices()),
    Command("/contacts", "your contacts, and who wants to be one", lambda rest: ListContacts()),
    Command("/add NAME [TEXT]", "ask NAME to be a contact", partial(_contact, ContactChange.ADD)),
    Command("/accept NAME", "accept the request of NAME", partial(_contact, ContactChange.ACCEPT)),
    Command("/refuse NAME [TEXT]", "refuse it", partial(_contact, ContactChange.REFUSE)),
    Command("/remove NAME", "end a contact", partial(_contact, ContactChange.REMOVE)),
    Command("/block NAME", "let neither requests nor messages of NAME through", partial(_contact, ContactChange.BLOCK)),
    Command("/unblock NAME", "take that back", partial(_contact, ContactChange.UNBLOCK)),
    Command("/join GROUP", "join a group, or make it", lambda rest: JoinGroup(_group(rest))),
    Command("/leave GROUP", "be a member no longer", lambda rest: QuitGroup(_group(rest))),
    Command("/invite GROUP NAME ...", "ask others into a group", _invite),
    Command("/groups", "which groups you are in", lambda rest: ListGroups()),
    Command("/dissolve GROUP", "end a group for everybody; for its owner", lambda rest: DissolveGroup(_group(rest))),
    Command("/send NAME PATH", "offer NAME a file or a folder", _send),
    Command("/receive NAME [FOLDER]", "take what NAME offers, into FOLDER or where the chat was started", _receive),
    Command("/decline NAME [TEXT]", "do not take it", _decline),
    Command("/files", "what is offered, and what is under way", lambda rest: ListFiles()),
    Command("/stop NAME", "interrupt what goes to NAME or comes from there", lambda rest: StopFiles(_needed(rest))),
    Command("/p2p [NAME [off]]", "a channel straight to NAME, or none any more; which there are", _path),
    Command("/help", "this list", lambda rest: Help()),
    Command("/quit", "leave; so does Ctrl-D", lambda rest: Quit()),
)  # fmt: skip

HELP: Final = (
    ("NAME: TEXT", "say something to NAME, or with #GROUP to a group"),
    *((command.usage, command.meaning) for command in COMMANDS),
)
"""(what to write, what it does), for people."""

_BY_WORD: Final = {command.usage.split()[0]: command for command in COMMANDS}
_OTHER_WORDS: Final = {"/?": "/help", "/exit": "/quit"}
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
    command = _BY_WORD.get(_OTHER_WORDS.get(word, word))
    if command is None:
        raise BadLine(f"there is no {_shortened(word)}; /help tells what there is")
    try:
        return command.wish(rest.strip())
    except LookupError:
        raise BadLine(f"{command.usage} is expected") from None


def _shortened(text: str) -> str:
    return text if len(text) <= 40 else text[:40] + "…"
