"""The states of an attempt and what leads from one to another: one table, which tests walk and pages print.

    rows    states, named for what they wait for
    step    what happened; a step that a state's row lacks changes nothing in that state

Refuses to know what is sent, and when.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """How far an attempt is."""

    NEW = "new"
    WANT_ROUND = "want round"
    """A round was announced, by the leader, or is expected, by the follower. Direct TCP is dialled meanwhile."""

    PROBING = "probing"
    """A round is under way: both ends probe by UDP and dial by TCP."""

    NOMINATING = "nominating"
    """Leader only: a UDP path works, and the other end has not confirmed yet that it is used."""

    UPGRADING = "upgrading"
    """The UDP path is in use, and TCP, which is preferred, is still tried."""

    OPEN = "open"
    """A path is in use and nothing else is tried; late questions of the other end are answered."""

    FAILED = "failed"
    STOPPED = "stopped"

    @property
    def is_over(self) -> bool:
        """Whether nothing is tried any more, and nothing answered."""
        return self in (State.FAILED, State.STOPPED)


class Step(Enum):
    """What may happen to an attempt."""

    START = "start"
    ROUND_BEGINS = "round begins"
    PATH_WORKS = "path works"
    """Leader only: a probe by UDP was answered."""

    UNCONFIRMED = "unconfirmed"
    """Leader only: the path that was nominated was not confirmed in time."""

    UDP_AGREED = "UDP agreed"
    """Both ends use a UDP path; TCP is wanted as well."""

    AGREED = "agreed"
    """Both ends use a path, and want no other."""

    ROUND_OVER = "round over"
    ROUNDS_OVER = "rounds over"
    """The last one is, or none was announced."""

    STOP = "stop"


TRANSITIONS: Final[Mapping[State, Mapping[Step, State]]] = MappingProxyType(
    {
        State.NEW: {
            Step.START: State.WANT_ROUND,
            Step.STOP: State.STOPPED,
        },
        State.WANT_ROUND: {
            Step.ROUND_BEGINS: State.PROBING,
            Step.PATH_WORKS: State.NOMINATING,
            Step.UDP_AGREED: State.UPGRADING,
            Step.AGREED: State.OPEN,
            Step.ROUNDS_OVER: State.FAILED,
            Step.STOP: State.STOPPED,
        },
        State.PROBING: {
            Step.ROUND_BEGINS: State.PROBING,
            Step.PATH_WORKS: State.NOMINATING,
            Step.UDP_AGREED: State.UPGRADING,
            Step.AGREED: State.OPEN,
            Step.ROUND_OVER: State.WANT_ROUND,
            Step.ROUNDS_OVER: State.FAILED,
            Step.STOP: State.STOPPED,
        },
        State.NOMINATING: {
            Step.UNCONFIRMED: State.PROBING,
            Step.UDP_AGREED: State.UPGRADING,
            Step.AGREED: State.OPEN,
            Step.STOP: State.STOPPED,
        },
        State.UPGRADING: {
            Step.ROUND_BEGINS: State.UPGRADING,
            Step.UDP_AGREED: State.UPGRADING,
            Step.AGREED: State.OPEN,
            Step.ROUND_OVER: State.UPGRADING,
            Step.ROUNDS_OVER: State.OPEN,
            Step.STOP: State.STOPPED,
        },
        State.OPEN: {
            Step.UDP_AGREED: State.OPEN,
            Step.AGREED: State.OPEN,
            Step.STOP: State.STOPPED,
        },
        State.FAILED: {},
        State.STOPPED: {},
    }
)
