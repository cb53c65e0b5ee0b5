"""LoginIDs `N#user`: one device of a user (protocol, section 1). A bare user id means all of a user's devices."""

from __future__ import annotations


class Source(str):
    """The bare id of whoever sent something, and beside it the device that spoke.

    Compares, hashes and prints as the bare id, which `user_id` is as a plain text. `device` is the device's number
    (`wire.devices`), `login_id` the id by which its connection is known, so that two devices of one user can be told
    apart.
    """

    __slots__ = ("user_id", "device", "login_id")

    user_id: str
    device: int
    login_id: str

    def __new__(cls, user_id: str, device: int, login_id: str) -> Source:
        source = super().__new__(cls, user_id)
        source.user_id = user_id
        source.device = device
        source.login_id = login_id
        return source

    def __getnewargs__(self) -> tuple[str, int, str]:  # type: ignore[override]
        # So that it can be copied, and pickled for another process: a plain str is made from its text alone.
        return self.user_id, self.device, self.login_id

    def __str__(self) -> str:
        # The same text each time: many keep it for as long as a user is online.
        return self.user_id


def split_login_id(login_id: str) -> tuple[int | None, str]:
    """(device number, bare user id); the number is None for a bare id."""
    number, sign, user_id = login_id.partition("#")
    if sign and number.isascii() and number.isdigit() and len(number) <= 3:
        return int(number), user_id
    return None, login_id


def bare_id(login_id: str) -> str:
    """The user id without its device."""
    return split_login_id(login_id)[1] if "#" in login_id else login_id
