"""Who is online at this server (manual, chapter 02: IUserManager). Knows users and their connections, not frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import nlargest
from operator import itemgetter
from typing import TYPE_CHECKING

from esframework.plugins.hooks import Event
from esframework.wire.login_id import bare_id
from esframework.wire.types import DisconnectedType, RelogonMode

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


@dataclass(slots=True, eq=False)
class UserData:
    """One user online. `address` is (host, port); `logged_on_at` is monotonic seconds; set the tag with
    `UserManager.set_tag`."""

    user_id: str
    client_type: int
    device: int | None
    address: tuple[str, int]
    logged_on_at: float
    is_ours: bool
    tag: object = None


class UserManager:
    """The users online here, and what happens to them.

    Every event is told in the reactor's thread; `pushed_out`, `timed_out` and `new_connection_ignored` before the
    connection that they are about is closed.
    """

    def __init__(self, relogon_mode: RelogonMode = RelogonMode.REPLACE_OLD) -> None:
        self.relogon_mode = relogon_mode
        self.connected: Event[UserData] = Event("users.connected")
        self.disconnected: Event[UserData, DisconnectedType] = Event("users.disconnected")
        self.pushed_out: Event[UserData] = Event("users.pushed_out")
        self.timed_out: Event[UserData] = Event("users.timed_out")
        self.new_connection_ignored: Event[str, tuple[str, int]] = Event("users.new_connection_ignored")
        self.count_changed: Event[int] = Event("users.count_changed")
        self.tag_changed: Event[str, object] = Event("users.tag_changed")
        self._online: dict[str, ServerConnection] = {}

    # --- for applications -------------------------------------------------------------------------------------------
    @property
    def count(self) -> int:
        """How many users are online."""
        return len(self._online)

    def ids(self) -> list[str]:
        """Everybody online, in the order of log-on."""
        return list(self._online)

    def all(self) -> list[UserData]:
        """Everybody online with their data."""
        return [connection.user for connection in self._online.values() if connection.user is not None]

    def get(self, user_id: str) -> UserData | None:
        """A user's data, None when not online."""
        connection = self.find(user_id)
        return None if connection is None else connection.user

    def is_online(self, user_id: str) -> bool:
        """Whether a user is online here."""
        return self.find(user_id) is not None

    def address_of(self, user_id: str) -> tuple[str, int] | None:
        """(host, port) as the server sees the user, None when not online."""
        user = self.get(user_id)
        return None if user is None else user.address

    def select_online(self, user_ids: Iterable[str]) -> list[str]:
        """Those of the ids that are online, in their order."""
        return [user_id for user_id in user_ids if self.is_online(user_id)]

    def slow_clients(self, count: int = 10) -> list[tuple[str, int]]:
        """(user id, bytes waiting) of the users that most bytes wait for, the most first; at most `count`, and only
        those for whom anything waits."""
        waiting = ((name, connection.outgoing.size) for name, connection in self._online.items())
        return nlargest(count, (each for each in waiting if each[1]), key=itemgetter(1))

    def set_tag(self, user_id: str, tag: object) -> bool:
        """Attach application data to an online user and tell `tag_changed`; False when not online."""
        user = self.get(user_id)
        if user is None:
            return False
        user.tag = tag
        self.tag_changed.fire(user.user_id, tag)
        return True

    # --- for the engine ---------------------------------------------------------------------------------------------
    def find(self, user_id: str) -> ServerConnection | None:
        """The connection of a user, by bare id or LoginID."""
        connection = self._online.get(bare_id(user_id))
        if connection is None or connection.login_id == user_id or connection.name == user_id:
            return connection
        return None

    def add(self, connection: ServerConnection, user: UserData) -> None:
        """A user has logged on; the id must be free."""
        self._online[user.user_id] = connection
        self.connected.fire(user)
        self.count_changed.fire(self.count)

    def remove(self, connection: ServerConnection, reason: DisconnectedType) -> bool:
        """A user's session is over; False when that was known already."""
        user = connection.user
        if user is None or self._online.get(user.user_id) is not connection:
            return False
        del self._online[user.user_id]
        self.disconnected.fire(user, reason)
        self.count_changed.fire(self.count)
        return True
