"""One body for many users: encoded once for each form of header, queued once for each connection.

Knows receivers by name and connections by their queues; who is a receiver is a manager's business.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from esframework.errors import EncodeError
from esframework.interfaces import Multicast
from esframework.server.readdress import is_own_type
from esframework.server.users import UserManager
from esframework.wire.frames import Layout
from esframework.wire.profile import translate_client_type
from esframework.wire.types import SERVER_ID, STREAMED_TYPES, OnBusy, Priority

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


def multicast(
    users: UserManager,
    longest: int,
    sender: ServerConnection | None,
    destination: str,
    message_type: int,
    body: bytes,
    receivers: Iterable[str],
    on_busy: OnBusy,
    priority: Priority,
) -> Multicast:
    """See `IRouter.multicast`; `longest` is the size of the longest message."""
    online = users.online
    frames: dict[tuple[Layout, bool], bytes | None] = {}
    reached = busy = 0
    absent: list[str] = []
    slowest: ServerConnection | None = None
    discards = on_busy is OnBusy.DISCARD
    for user_id in receivers:
        connections = online.get(user_id)
        if connections is None:
            absent.append(user_id)
            continue
        for connection in connections:
            if connection is sender:
                continue
            outgoing = connection.outgoing
            if outgoing.is_busy:
                if discards:
                    busy += 1
                    continue
                slowest = connection
            form = (connection.layout, connection.is_ours)
            try:
                frame = frames[form]
            except KeyError:
                frame = frames[form] = _encoded(sender, destination, message_type, body, longest, *form)
            if frame is not None:
                outgoing.send(frame, priority)
                reached += 1
    if slowest is not None and sender is not None and message_type in STREAMED_TYPES:
        sender.hold_back(message_type, sender.layout.field(destination), slowest.outgoing)
    return Multicast(reached, busy, absent)


def _encoded(
    sender: ServerConnection | None,
    destination: str,
    message_type: int,
    body: bytes,
    longest: int,
    layout: Layout,
    is_ours: bool,
) -> bytes | None:
    """The frame in one form of header; None for a receiver that cannot have it."""
    if not is_ours and (is_own_type(message_type) or message_type in layout.profile.missing_types):
        return None
    source, client_type = SERVER_ID, layout.profile.server_client_type
    if sender is not None:
        same = sender.layout.profile is layout.profile
        source = sender.login_id if same else str(sender.name)
        client_type = translate_client_type(sender.client_type, sender.layout.profile, layout.profile)
    if not (layout.fits(source) and layout.fits(destination)):
        return None
    if layout.header_size + len(body) > longest:
        raise EncodeError(f"a body of {len(body)} bytes does not fit a message of {longest}; send it as a blob")
    return layout.encode(message_type, body, layout.field(source), layout.field(destination), 0, client_type)
