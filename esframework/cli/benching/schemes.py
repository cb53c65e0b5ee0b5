"""What a stress test is to do: the manual's three schemes by name, and the plan that options make of them.

Numbers only; nothing is opened here.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from esframework.errors import LocalError
from esframework.wire.identity import LONGEST_NAME, check_account_name
from esframework.wire.profile import GENERATION_6, GENERATION_7

Mode = Literal["flood", "relay", "query"]

FLOOD_SIZE: Final = 16
"""Bytes of content in each message unless something else is said; with the shortest header 64 bytes travel."""

STAMP_SIZE: Final = 8
"""Bytes at the beginning of a relayed message's content that tell when it was sent."""

HEADER_USER_ID: Final = 11
"""Longest account id that the header of 36 bytes, the manual's, can carry."""

RELAY_OUTSTANDING: Final = 1
QUERY_OUTSTANDING: Final = 64
INFORMATION_TYPE: Final = 1


class PlanError(LocalError, ValueError):
    """The wanted test is none; names the option and what is expected."""


@dataclass(frozen=True, slots=True)
class Scheme:
    """How many connections, and how many seconds pass between two messages of one; 0: each sends flat out."""

    connections: int
    interval: float


SCHEMES: Final = {"one": Scheme(3000, 0.1), "two": Scheme(6000, 0.3), "three": Scheme(12, 0.0)}
"""The manual's performance test. Its scheme two has an interval of 300 ms in its heading and of 400 ms in its steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One stress test. `interval` and `seconds` are seconds, `size` is the content's bytes; valid once `checked`.

    `connections` counts all that carry load; in relays and with `pairs` they come in twos. `outstanding` limits the
    unanswered messages of a pair or of a questioner; it is not used by a flood.
    """

    mode: Mode
    connections: int
    interval: float
    size: int
    seconds: float
    outstanding: int
    in_pairs: bool
    user_prefix: str
    information_type: int = INFORMATION_TYPE
    generation: int = 6
    max_user_id: int = HEADER_USER_ID

    @property
    def user_names(self) -> list[str]:
        """The accounts that the load uses, one a connection."""
        return [f"{self.user_prefix}{number}" for number in range(self.connections)]

    @property
    def probe_name(self) -> str:
        """The account of the connection that measures how quickly the server answers during a flood."""
        return f"{self.user_prefix}{self.connections}"


def make_plan(
    mode: Mode,
    *,
    scheme: str | None = None,
    connections: int | None = None,
    pairs: int | None = None,
    interval: float | None = None,
    size: int = FLOOD_SIZE,
    seconds: float,
    outstanding: int | None = None,
    user_prefix: str,
    information_type: int = INFORMATION_TYPE,
    generation: int = 6,
    max_user_id: int = HEADER_USER_ID,
) -> Plan:
    """The plan for what was asked; what was not comes from the scheme (default: three, for queries one connection).

    Raises PlanError.
    """
    if pairs is not None and connections is not None:
        raise PlanError("--pairs and --connections both say how many connections; give one of them")
    if pairs is not None and mode == "flood":
        raise PlanError("--pairs is for --mode relay and --mode query; a flood goes to the server")
    base = SCHEMES[scheme or "three"]
    number = connections or (1 if mode == "query" and scheme is None else base.connections)
    in_pairs = mode == "relay" or pairs is not None
    if in_pairs:
        number = 2 * (pairs if pairs is not None else -(-number // 2))
    if mode == "relay" and size < STAMP_SIZE:
        raise PlanError(f"--size {size}: a relayed message carries the time in its content; at least {STAMP_SIZE}")
    plan = Plan(
        mode=mode,
        connections=number,
        interval=base.interval if interval is None else interval,
        size=size,
        seconds=seconds,
        outstanding=outstanding or (QUERY_OUTSTANDING if mode == "query" else RELAY_OUTSTANDING),
        in_pairs=in_pairs,
        user_prefix=user_prefix,
        information_type=information_type,
        generation=generation,
        max_user_id=max_user_id,
    )
    _check_names(plan)
    return plan


def _check_names(plan: Plan) -> None:
    try:
        (GENERATION_7 if plan.generation == 7 else GENERATION_6).field_size(plan.max_user_id)
    except ValueError as error:
        raise PlanError(f"--max-user-id: {error}") from None
    longest = plan.probe_name
    check_account_name(longest, LONGEST_NAME)
    if len(longest.encode()) > plan.max_user_id:
        raise PlanError(
            f"account {longest!r} has {len(longest.encode())} bytes, --max-user-id says {plan.max_user_id}: "
            "shorten --user-prefix, or raise --max-user-id"
        )
