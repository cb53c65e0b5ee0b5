"""LoginIDs `N#user`: one device of a user (protocol, section 1). A bare user id means all of a user's devices."""

from __future__ import annotations


def split_login_id(login_id: str) -> tuple[int | None, str]:
    """(device number, bare user id); the number is None for a bare id."""
    number, sign, user_id = login_id.partition("#")
    if sign and number.isascii() and number.isdigit() and len(number) <= 3:
        return int(number), user_id
    return None, login_id


def bare_id(login_id: str) -> str:
    """The user id without its device."""
    return split_login_id(login_id)[1] if "#" in login_id else login_id
