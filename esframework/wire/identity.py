"""The rules for account names (protocol, section 5, rule 8), in one function.

Knows nothing of frames, of fields that are too short for a name, or of who has an account.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from esframework.errors import InvalidUserId
from esframework.wire.login_id import split_login_id
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.types import EVERYBODY, SERVER_ID

LONGEST_NAME: Final = 255
"""Bytes: a Pascal string's length is one byte."""

_MOST_TARGETS: Final = 16_384
"""Targets remembered as possible, as many as a layout remembers ids."""

_DEVICE_NUMBERS: Final = GENERATION_6.client_types | GENERATION_7.client_types
"""What may stand before `#`. Which of them means what, and whether it means anything, is the server's to know."""

_SHOWN: Final = 80
"""Characters of a wrong name that an error repeats: names come from peers, and errors end in logs."""


def check_account_name(name: str, longest: int = LONGEST_NAME) -> str:
    """Return `name` unchanged if an account may be called so; `longest` is its limit in UTF-8 bytes.

    Raises `InvalidUserId`, which names the value and the rule that it breaks. Nothing is mended on the way: a
    name is compared exactly everywhere, so two spellings of one name would be two accounts.
    """
    if not isinstance(name, str):
        raise InvalidUserId(f"account name {name!r}: must be text, not {type(name).__name__}")
    broken = _broken_rule(name, longest)
    if broken is not None:
        shown = name if len(name) <= _SHOWN else name[:_SHOWN] + "…"
        raise InvalidUserId(f"account name {ascii(shown)}: {broken}")
    return name


def name_list(names: Iterable[str], argument: str) -> list[str]:
    """Several names as a list; `argument` is what its caller calls them.

    Raises `InvalidUserId` for a text, which would be one name for each of its letters, and for what is no text.
    """
    if isinstance(names, (str, bytes)) or not isinstance(names, Iterable):
        raise InvalidUserId(f"{argument} is {names!r}; a list of names is expected, of a single one as well")
    listed = list(names)
    for name in listed:
        if not isinstance(name, str):
            raise InvalidUserId(f"{argument} holds {name!r}; names are texts")
    return listed


def check_target(target: str) -> None:
    """Raise `InvalidUserId` for what cannot be the id of a user or of a user's device, whatever server is asked.

    Servers of other makes may have names that ours refuses; those pass. So does the server's own id. Remembers whom it
    let pass: targets are few, and messages many.
    """
    try:
        _check_target(target)
    except TypeError:
        raise InvalidUserId(f"target {target!r}: must be text, not {type(target).__name__}") from None


@lru_cache(_MOST_TARGETS)
def _check_target(target: str) -> None:
    if not isinstance(target, str):
        raise TypeError
    number, user_id = split_login_id(target)
    broken = _impossible(number, user_id)
    if broken is not None and target != SERVER_ID:
        shown = target if len(target) <= _SHOWN else target[:_SHOWN] + "…"
        raise InvalidUserId(f"target {ascii(shown)}: {broken}")


def _impossible(number: int | None, user_id: str) -> str | None:
    """Why nobody can be reached by this id, or None."""
    if number is not None and number not in _DEVICE_NUMBERS:
        return f"no kind of device has the number {number}; there are {sorted(_DEVICE_NUMBERS)}"
    if not user_id:
        return "must not be empty"
    if user_id == EVERYBODY or user_id.startswith("_"):
        return "is no user but a virtual id; groups are told by contacts.broadcast"
    if "#" in user_id:
        return "must be a name, or a number of a device, '#' and a name"
    try:
        size = len(user_id.encode())
    except UnicodeEncodeError:
        return "is not text that UTF-8 can carry"
    return f"is {size} bytes long, at most {LONGEST_NAME} are allowed" if size > LONGEST_NAME else None


def is_possible(name: str) -> bool:
    """Whether anybody or anything can be called so: a database might choke on what is not, and memory on its length."""
    return _broken_rule(name, LONGEST_NAME) is None


def _broken_rule(name: str, longest: int) -> str | None:
    """The first rule that `name` breaks, in words, or None."""
    if not name:
        return "must not be empty"
    try:
        size = len(name.encode("utf-8"))
    except UnicodeEncodeError:
        return "is not text that UTF-8 can carry"
    if size > longest:
        return f"is {size} bytes long, at most {longest} are allowed"
    if name.startswith("_"):
        return "must not begin with '_', which marks virtual ids"
    for sign in "#*":
        if sign in name:
            return f"must not contain {sign!r}"
    if any(unicodedata.category(character) == "Cc" for character in name):
        return "must not contain control characters"
    if name != name.strip():
        return "must not begin or end with blanks"
    if not unicodedata.is_normalized("NFC", name):
        return "must be in Unicode normalization form C"
    return None
