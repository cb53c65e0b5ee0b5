"""What somebody at a chat may ask for. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Say:
    """Text for a user, or, when `target` begins with `#`, for a group."""

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
    """Who is online; with a group, its members."""

    group: str | None = None


@dataclass(frozen=True, slots=True)
class ListDevices:
    """On which devices this account is online."""


class ContactChange(Enum):
    """What may be done about a contact."""

    ADD = "add"
    ACCEPT = "accept"
    REFUSE = "refuse"
    REMOVE = "remove"
    BLOCK = "block"
    UNBLOCK = "unblock"


@dataclass(frozen=True, slots=True)
class ChangeContact:
    """Do something about a contact; `text` goes with a request or a refusal."""

    change: ContactChange
    target: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class ListContacts:
    """Who is a contact, and who wants to be."""


@dataclass(frozen=True, slots=True)
class ListGroups:
    """Which groups this user is in."""


@dataclass(frozen=True, slots=True)
class JoinGroup:
    """Be a member of a group, which is made if there is none."""

    group: str


@dataclass(frozen=True, slots=True)
class QuitGroup:
    """Be a member no longer."""

    group: str


@dataclass(frozen=True, slots=True)
class Invite:
    """Ask users into a group."""

    group: str
    users: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DissolveGroup:
    """End a group for everybody."""

    group: str


@dataclass(frozen=True, slots=True)
class SendFile:
    """Offer a user a file or folder."""

    target: str
    path: str


@dataclass(frozen=True, slots=True)
class ReceiveFile:
    """Take what a user offers, the oldest first; `folder` None is the chat's own."""

    target: str
    folder: str | None = None


@dataclass(frozen=True, slots=True)
class DeclineFile:
    """Do not take it."""

    target: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class StopFiles:
    """Interrupt everything that goes to or comes from a user."""

    target: str


@dataclass(frozen=True, slots=True)
class ListFiles:
    """What is offered, and what is under way."""


@dataclass(frozen=True, slots=True)
class ListPaths:
    """By which way whom is reached."""


@dataclass(frozen=True, slots=True)
class OpenPath:
    """A channel straight to a user."""

    target: str


@dataclass(frozen=True, slots=True)
class ServerPath:
    """No channel to a user any more."""

    target: str


@dataclass(frozen=True, slots=True)
class Help:
    """What may be written."""


@dataclass(frozen=True, slots=True)
class Quit:
    """The end."""


Wish: TypeAlias = (
    Say
    | To
    | Query
    | Ping
    | Kick
    | Who
    | ListDevices
    | ChangeContact
    | ListContacts
    | ListGroups
    | JoinGroup
    | QuitGroup
    | Invite
    | DissolveGroup
    | SendFile
    | ReceiveFile
    | DeclineFile
    | StopFiles
    | ListFiles
    | ListPaths
    | OpenPath
    | ServerPath
    | Help
    | Quit
)
