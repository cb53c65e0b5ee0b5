"""Who is online at this server, and on which devices (manual, chapter 02: IUserManager). Knows users and their
connections, not frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from esframework.plugins.hooks import Event
from esframework.server.devices import DeviceRules
from esframework.wire.contracts import P2PAddress
from esframework.wire.login_id import split_login_id
from esframework.wire.profile import GENERATION_7, Profile
from esframework.wire.types import DisconnectedType, RelogonMode

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


@dataclass(slots=True, eq=False)
class UserData:
    """One user online, on one device. `address` is (host, port); `logged_on_at` is monotonic seconds; set the tag with
    `UserManager.set_tag`. `p2p_address` is what a client of another make told of itself."""

    user_id: str
    client_type: int
    device: int
    address: tuple[str, int]
    logged_on_at: float
    is_ours: bool
    login_id: str
    tag: object = None
    p2p_address: P2PAddress | None = None


class UserManager:
    """The users online here, and what happens to them.

    An id is a bare user id, which means all of the user's devices, or a LoginID with a number of generation 7, which
    means one. Every event is told in the reactor's thread and for each device; `pushed_out`, `timed_out` and
    `new_connection_ignored` before the connection that they are about is closed. `count_changed` counts users.
    """

    def __init__(
        self, relogon_mode: RelogonMode = RelogonMode.REPLACE_OLD, device_rules: DeviceRules | None = None
    ) -> None:
        self.relogon_mode = relogon_mode
        self.device_rules = device_rules or DeviceRules()
        self.connected: Event[UserData] = Event("users.connected")
        self.disconnected: Event[UserData, DisconnectedType] = Event("users.disconnected")
        self.pushed_out: Event[UserData] = Event("users.pushed_out")
        self.timed_out: Event[UserData] = Event("users.timed_out")
        self.new_connection_ignored: Event[str, tuple[str, int]] = Event("users.new_connection_ignored")
        self.count_changed: Event[int] = Event("users.count_changed")
        self.tag_changed: Event[str, object] = Event("users.tag_changed")
        self.p2p_address_changed: Event[str, P2PAddress] = Event("users.p2p_address_changed")
        # The manager's own table, read by the router for every receiver of a broadcast.
        self.online: dict[str, tuple[ServerConnection, ...]] = {}
        # Changes with every device that comes or goes, so that what was looked up can be kept.
        self.version = 0

    # --- for applications -------------------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        """How many users are online."""
        return len(self.online)

    def ids(self) -> list[str]:
        """Everybody online, in the order of log-on."""
        return list(self.online)

    def all(self) -> list[UserData]:
        """Every device online, with its user's data."""
        return [user for user_id in self.online for user in self.devices_of(user_id)]

    def devices_of(self, user_id: str) -> list[UserData]:
        """The data of a user's devices that are online, in the order of log-on."""
        return [connection.user for connection in self.find_all(user_id) if connection.user is not None]

    def get(self, user_id: str) -> UserData | None:
        """A user's data (of the device that has been online longest), None when not online."""
        return next(iter(self.devices_of(user_id)), None)

    def is_online(self, user_id: str) -> bool:
        """Whether a user is online here."""
        return bool(self.find_all(user_id))

    def address_of(self, user_id: str) -> tuple[str, int] | None:
        """(host, port) as the server sees the user, None when not online."""
        user = self.get(user_id)
        return None if user is None else user.address

    def select_online(self, user_ids: Iterable[str]) -> list[str]:
        """Those of the ids that are online, in their order."""
        return [user_id for user_id in user_ids if self.is_online(user_id)]

    def slow_clients(self, count: int = 10) -> list[tuple[str, int]]:
        """(LoginID, bytes waiting) of the devices that most bytes wait for, the most first; at most `count`, and only
        those for whom anything waits."""
        connections = (connection for devices in self.online.values() for connection in devices)
        waiting = ((connection.login_id, connection.outgoing.size) for connection in connections)
        return nlargest(count, (each for each in waiting if each[1]), key=itemgetter(1))

    def set_tag(self, user_id: str, tag: object) -> bool:
        """Attach application data to an online user and tell `tag_changed`; False when not online."""
        devices = self.devices_of(user_id)
        if not devices:
            return False
        for user in devices:
            user.tag = tag
        self.tag_changed.fire(devices[0].user_id, tag)
        return True

    def set_p2p_address(self, user_id: str, address: P2PAddress) -> bool:
        """Keep where a user can be reached by P2P (manual, chapter 02: SetP2PAddress), and tell `p2p_address_changed`
        with the bare user id; False, and nothing else, when not online. With a LoginID: of that device."""
        devices = self.devices_of(user_id)
        if not devices:
            return False
        for user in devices:
            user.p2p_address = address
        self.p2p_address_changed.fire(devices[0].user_id, address)
        return True

    # --- for the engine ---------------------------------------------------------------------------------------------
    def find_all(self, user_id: str, profile: Profile = GENERATION_7) -> tuple[ServerConnection, ...]:
        """The connections that an id means to somebody who counts devices as `profile` does."""
        connections = self.online.get(user_id)
        if connections is not None:
            return connections
        number, name = split_login_id(user_id)
        if number is None:
            return ()
        device = self.device_rules.device_of(number, 0, profile)
        return tuple(
            connection
            for connection in self.online.get(name, ())
            if connection.user is not None and connection.user.device == device
        )

    def excluded_by(self, user_id: str, device: int, login_id: str) -> list[ServerConnection]:
        """The connections of a user that cannot stay when one of its devices logs on.

        One LoginID never names two connections: whoever logs on by its bare id, as clients of generation 6 do, is the
        only one to do so.
        """
        exclude = self.device_rules.exclude
        return [
            each
            for each in self.online.get(user_id, ())
            if each.user is not None and (each.login_id == login_id or exclude(each.user.device, device))
        ]

    def add(self, connection: ServerConnection, user: UserData) -> None:
        """A device has logged on."""
        others = self.online.get(user.user_id, ())
        self.online[user.user_id] = (*others, connection)
        self.version += 1
        self.connected.fire(user)
        if not others:
            self.count_changed.fire(self.count)

    def remove(self, connection: ServerConnection, reason: DisconnectedType) -> bool:
        """A device's session is over; False when that was known already."""
        user = connection.user
        if user is None or connection not in self.online.get(user.user_id, ()):
            return False
        rest = tuple(other for other in self.online[user.user_id] if other is not connection)
        self.version += 1
        if rest:
            self.online[user.user_id] = rest
        else:
            del self.online[user.user_id]
        self.disconnected.fire(user, reason)
        if not rest:
            self.count_changed.fire(self.count)
        return True
