"""The states of a connection and what leads from one to another: one table, which tests walk and pages print.

Only a leader finds and chooses, so that both ends use the same connection of a session that has several: READY and
AGREED come to it alone, CHOSEN to its follower. A step that a state's row lacks cannot happen in that state; if it is
the other end's word, it breaks the protocol. Refuses to know what is said, and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """How far a connection is."""

    WAITING = "waiting"
    """The leader waits for READY, its follower for CHOSEN."""

    FOUND = "found"
    """Leader only: the other end has the keys, and the connection may be chosen."""

    CHOSEN = "chosen"
    """Leader only: it was, and the other end has not agreed yet. Bytes of streams may be written."""

    OPEN = "open"
    """Bytes of streams go both ways."""

    CLOSING = "closing"
    """One end said, or is to say, CLOSE: what was written goes, what came is handed out."""

    CLOSED = "closed"
    """The last words go; then the connection is cut."""


class Step(Enum):
    """What may happen to a connection."""

    READY = "READY comes"
    CHOICE = "it is chosen here"
    CHOSEN = "CHOSEN comes"
    AGREED = "AGREED comes"
    CLOSE = "it is closed here"
    REMOTE_CLOSE = "CLOSE comes"
    END = "all is said or time is up"
    """Or it is lost, aborted, or the protocol was broken."""


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = MappingProxyType(
    {
        State.WAITING: {
            Step.READY: State.FOUND,
            Step.CHOSEN: State.OPEN,
            Step.REMOTE_CLOSE: State.CLOSING,
            Step.END: State.CLOSED,
        },
        State.FOUND: {
            Step.CHOICE: State.CHOSEN,
            Step.REMOTE_CLOSE: State.CLOSING,
            Step.END: State.CLOSED,
        },
        State.CHOSEN: {
            Step.AGREED: State.OPEN,
            Step.CLOSE: State.CLOSING,
            Step.REMOTE_CLOSE: State.CLOSING,
            Step.END: State.CLOSED,
        },
        State.OPEN: {
            Step.CLOSE: State.CLOSING,
            Step.REMOTE_CLOSE: State.CLOSING,
            Step.END: State.CLOSED,
        },
        State.CLOSING: {
            # Said before it was heard that there is to be an end.
            Step.AGREED: State.CLOSING,
            Step.REMOTE_CLOSE: State.CLOSING,
            Step.END: State.CLOSED,
        },
        State.CLOSED: {},
    }
)
