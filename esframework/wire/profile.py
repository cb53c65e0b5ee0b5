"""The two generations of the protocol as data: token, header sizes, client types, dates. Everything else is one codec.

Knows nothing of frames: `frames.Layout` combines a profile with one header size.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cache

MAX_FIELD = 255


class ClientType6(IntEnum):
    """Client platforms as generation 6 numbers them."""

    DOTNET = 0
    SILVERLIGHT = 1
    WINDOWS_PHONE = 2
    WEBSOCKET = 3
    IOS = 4
    ANDROID = 5
    XAMARIN = 6
    WEBSOCKET_SSL = 7
    OTHERS = 8


class ClientType7(IntEnum):
    """Client platforms as generation 7 numbers them; 7 is not in use."""

    SERVER_SIDE = 0
    DOTNET = 1
    ANDROID = 2
    WEBSOCKET = 3
    IOS = 4
    MAC = 5
    XAMARIN = 6
    WX_SOCKET = 8
    LINUX = 9
    OTHERS = 10


@dataclass(frozen=True, slots=True)
class Profile:
    """What one generation of the protocol does differently from the other.

    `reserve` is what the size rule adds to the longest user id; `default_max_user_id` is what that generation's
    published clients are built with.
    """

    generation: int
    token: int
    reserve: int
    default_max_user_id: int
    client_types: frozenset[int]
    own_client_type: int
    server_client_type: int
    missing_types: frozenset[int]

    def field_size(self, max_user_id: int) -> int:
        """Bytes of an id field for a longest user id of `max_user_id` bytes (protocol, section 1).

        Raises ValueError for a length that no header of this generation can carry.
        """
        longest = MAX_FIELD - self.reserve
        if not 1 <= max_user_id <= longest:
            raise ValueError(f"max_user_id is {max_user_id}; generation {self.generation} carries 1 to {longest} bytes")
        header = -(-(2 * (max_user_id + self.reserve) + 14) // 4) * 4
        return (header - 14) // 2

    @property
    def default_field_size(self) -> int:
        """Bytes of an id field in that generation's default header."""
        return self.field_size(self.default_max_user_id)

    def field_sizes(self) -> tuple[int, ...]:
        """Every size that the rule allows, this generation's default first, then ascending."""
        # Asked at every log-on, and always the same.
        return _field_sizes(self)


@cache
def _field_sizes(profile: Profile) -> tuple[int, ...]:
    sizes = sorted({profile.field_size(longest) for longest in range(1, MAX_FIELD - profile.reserve + 1)})
    default = profile.default_field_size
    return (default, *(size for size in sizes if size != default))


GENERATION_6 = Profile(
    generation=6,
    token=0xFF,
    reserve=0,
    default_max_user_id=11,
    client_types=frozenset(ClientType6),
    own_client_type=ClientType6.OTHERS,
    server_client_type=ClientType6.DOTNET,
    missing_types=frozenset({116, 117, 118, 211, 212, 221, 222, 308}),
)
GENERATION_7 = Profile(
    generation=7,
    token=0x0F,
    reserve=2,
    default_max_user_id=11,
    client_types=frozenset(ClientType7),
    own_client_type=ClientType7.OTHERS,
    server_client_type=ClientType7.SERVER_SIDE,
    missing_types=frozenset(range(500, 700)),
)
PROFILES_BY_TOKEN = {profile.token: profile for profile in (GENERATION_6, GENERATION_7)}

_SIX_TO_SEVEN = {
    ClientType6.DOTNET: ClientType7.DOTNET,
    ClientType6.WEBSOCKET: ClientType7.WEBSOCKET,
    ClientType6.IOS: ClientType7.IOS,
    ClientType6.ANDROID: ClientType7.ANDROID,
    ClientType6.XAMARIN: ClientType7.XAMARIN,
    ClientType6.WEBSOCKET_SSL: ClientType7.WEBSOCKET,
}
_SEVEN_TO_SIX = {
    ClientType7.SERVER_SIDE: ClientType6.DOTNET,
    ClientType7.DOTNET: ClientType6.DOTNET,
    ClientType7.ANDROID: ClientType6.ANDROID,
    ClientType7.WEBSOCKET: ClientType6.WEBSOCKET,
    ClientType7.IOS: ClientType6.IOS,
    ClientType7.XAMARIN: ClientType6.XAMARIN,
    ClientType7.WX_SOCKET: ClientType6.WEBSOCKET,
}


def translate_client_type(client_type: int, source: Profile, target: Profile) -> int:
    """The number that `target`'s generation gives to a client type of `source`'s; Others where it has none."""
    if source.generation == target.generation:
        return client_type
    if target.generation == 7:
        return _SIX_TO_SEVEN.get(ClientType6(client_type), ClientType7.OTHERS)
    return _SEVEN_TO_SIX.get(ClientType7(client_type), ClientType6.OTHERS)
