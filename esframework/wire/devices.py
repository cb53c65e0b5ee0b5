"""Devices by number: what the two generations, and LoginIDs of older applications, call one kind of device.

The numbers used inside are generation 7's client types; every other way of counting is turned into them here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from esframework.wire.profile import GENERATION_7, ClientType7, Profile, translate_client_type

OLDER_PREFIXES: Final[Mapping[int, int]] = {
    0: ClientType7.DOTNET,
    1: ClientType7.IOS,
    2: ClientType7.ANDROID,
    3: ClientType7.WEBSOCKET,
    4: ClientType7.OTHERS,
}
"""What the numbers before `#` meant in applications of generation 6 that made LoginIDs themselves (manual, technique
09); the last is Windows Phone."""


def device_of(
    number: int | None, client_type: int, profile: Profile, prefixes: Mapping[int, int] | None = None
) -> int | None:
    """The device that a LoginID's `number` names in a generation; without a number, that of the client type.

    `prefixes` overrides the meaning of some numbers. None when the number names no kind of device.
    """
    if number is None:
        return translate_client_type(client_type, profile, GENERATION_7)
    if prefixes is not None and number in prefixes:
        return prefixes[number]
    if number in profile.client_types:
        return translate_client_type(number, profile, GENERATION_7)
    return number if number in GENERATION_7.client_types else None


def device_name(device: int) -> str:
    """A device's number as a word: `linux`, `android`."""
    return ClientType7(device).name.lower()


def device_number(name: str) -> int:
    """The number of a device's name; raises ValueError, which lists the names, for one that does not exist."""
    try:
        return ClientType7[name.upper()]
    except KeyError:
        raise ValueError(f"{name!r} is no kind of device; there are {', '.join(DEVICE_NAMES)}") from None


def login_id_of(
    user_id: str, device: int, profile: Profile, prefixes: Mapping[int, int] | None = None
) -> str:
    """The LoginID that means a user's device in a generation; `prefixes` as for `device_of`.

    Raises ValueError for a device to which that generation gives no number.
    """
    for number in (device, *sorted({*profile.client_types, *(prefixes or ())})):
        if device_of(number, 0, profile, prefixes) == device:
            return f"{number}#{user_id}"
    raise ValueError(f"generation {profile.generation} has no number for {device_name(device)!r}; generation 7 has")


DEVICE_NAMES: Final = tuple(device_name(device) for device in ClientType7)
"""Every kind of device, by name."""
