"""Which devices of one account may be online together. Knows numbers and rules, no connections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from esframework.wire.devices import OLDER_PREFIXES, device_of, login_id_of
from esframework.wire.profile import ClientType7, Profile

ONE_DEVICE: Final = (frozenset(int(device) for device in ClientType7),)
"""All kinds of devices exclude each other: one connection a user, as in the manual (chapter 08)."""


class DeviceRules:
    """Two devices of one kind always exclude each other; `exclusive` holds sets of kinds of which one may be online.

    `older_prefixes` reads the numbers in LoginIDs of generation 6 as the manual's technique 09 gives them.
    """

    def __init__(self, exclusive: Iterable[frozenset[int]] = (), older_prefixes: bool = False) -> None:
        self._exclusive = tuple(exclusive)
        self._older_prefixes: Mapping[int, int] | None = OLDER_PREFIXES if older_prefixes else None

    def device_of(self, number: int | None, client_type: int, profile: Profile) -> int | None:
        """The device that a LoginID means (`wire.devices.device_of`); None when its number means none."""
        return device_of(number, client_type, profile, self._prefixes(profile))

    def login_id_of(self, user_id: str, device: int, profile: Profile) -> str | None:
        """The LoginID by which a user's device is known in a generation; None where that has no number for it."""
        try:
            return login_id_of(user_id, device, profile, self._prefixes(profile))
        except ValueError:
            return None

    def exclude(self, one: int, other: int) -> bool:
        """Whether two devices of a user cannot be online together."""
        return one == other or any(one in kinds and other in kinds for kinds in self._exclusive)

    def _prefixes(self, profile: Profile) -> Mapping[int, int] | None:
        return self._older_prefixes if profile.generation == 6 else None
