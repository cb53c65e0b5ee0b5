"""What stores take and what they refuse, before anything is asked of a database: names, short texts, profiles.

Pure; both backends call these, so that they refuse alike. Knows no tables and no limits that depend on what is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from esframework import limits
from esframework.errors import InvalidContact, InvalidText
from esframework.interfaces import StoredFile, StoredMessage
from esframework.wire.identity import check_account_name

LONGEST_FIELD: Final = 64
"""Bytes of a profile line's name."""

LONGEST_LOGIN_ID: Final = 259
"""Bytes: three digits, `#` and the longest name."""

MOST_RECORDS: Final = 10_000
"""A question's `limit` is cut to this: no call brings a whole store into memory."""


def check_names(names: Iterable[str]) -> list[str]:
    """The names, each once and sorted. Raises `InvalidUserId`."""
    return sorted({check_account_name(name) for name in names})


def check_pair(owner: str, other: str) -> None:
    """Two different users. Raises `InvalidUserId` or `InvalidContact`."""
    check_account_name(owner)
    check_account_name(other)
    if owner == other:
        raise InvalidContact(owner)


def check_text(text: str, what: str, longest: int = limits.MAX_SHORT_TEXT) -> str:
    """`text` unchanged; raises `InvalidText` for what is too long or cannot be kept, and calls it `what`."""
    try:
        size = len(text.encode("utf-8"))
    except UnicodeEncodeError:
        raise InvalidText(f"{what} is not text that UTF-8 can carry") from None
    if size > longest:
        raise InvalidText(f"{what} has {size} bytes, at most {longest} are allowed")
    if "\0" in text:
        raise InvalidText(f"{what} must not contain a NUL character")
    return text


def check_profile(profile: Mapping[str, str]) -> dict[str, str]:
    """A copy of the profile; raises `InvalidText`."""
    if len(profile) > limits.MAX_PROFILE_FIELDS:
        raise InvalidText(f"a profile has {len(profile)} lines, at most {limits.MAX_PROFILE_FIELDS} are allowed")
    for field, text in profile.items():
        check_text(field, "the name of a profile's line", LONGEST_FIELD)
        check_text(text, f"a profile's line {field!r}")
    return dict(profile)


def check_message(message: StoredMessage) -> None:
    """Raises `InvalidUserId` or `InvalidText` for a message that cannot be kept."""
    check_account_name(message.target)
    if message.source is not None:
        check_account_name(message.source)
    check_text(message.id, "the id of a message", limits.MAX_MESSAGE_KEY)
    if not message.id:
        raise InvalidText("the id of a message must not be empty")


def check_file(file: StoredFile) -> None:
    """Raises `InvalidUserId` or `InvalidText` for a file that cannot be kept."""
    check_account_name(file.target)
    if file.source is not None:
        check_account_name(file.source)
    for text, what in ((file.id, "the id of a file"), (file.blob, "the blob of a file")):
        check_text(text, what, limits.MAX_MESSAGE_KEY)
        if not text:
            raise InvalidText(f"{what} must not be empty")
    check_text(file.name, "the name of a file")
    check_text(file.comment or "", "the comment of a file", limits.MAX_FILE_TEXT)


def size_of(content: bytes | None) -> int:
    """What a message counts for in quotas."""
    return len(content or b"")


def bounded(limit: int) -> int:
    """A question's `limit` within reason."""
    return max(0, min(limit, MOST_RECORDS))
