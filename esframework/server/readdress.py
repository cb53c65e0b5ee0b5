"""A frame of one connection as another connection gets it: as it came where it can be, written anew where it must be.

Knows two connections and one frame; whom a frame is for is the router's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esframework import limits
from esframework.server.devices import DeviceRules
from esframework.wire.frames import Frame, Layout
from esframework.wire.profile import translate_client_type
from esframework.wire.translate import translate_body
from esframework.wire.types import RequestFailure

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


def is_own_type(message_type: int) -> bool:
    """Whether a type is one of this framework's additions, which nobody else may get to see."""
    return limits.FIRST_OWN_TYPE <= message_type < limits.FIRST_APPLICATION_TYPE


def translated_name(sender: ServerConnection, there: Layout, is_ours: bool, rules: DeviceRules) -> str:
    """The id of a sender for receivers of the other generation.

    Foreign clients of generation 6 know bare ids only. Ours are told the device, where their generation has a number
    for it and their header the room: by it they keep apart what two devices send, and answer the one that asked.
    """
    name = str(sender.name)
    if is_ours and sender.user is not None and "#" in sender.login_id:
        login_id = rules.login_id_of(name, sender.user.device, there.profile)
        if login_id is not None and there.fits(login_id):
            return login_id
    return name


def readdressed(
    sender: ServerConnection,
    receiver: ServerConnection,
    target: str,
    frame: Frame,
    longest: int,
    rules: DeviceRules,
) -> bytes | RequestFailure:
    """The bytes for `receiver`, one of the connections that `target` means, or why there are none.

    Within one form of header they are those that came. Raises MalformedBody when a body has to be read and cannot be.
    """
    message_type, message_id, source, _, raw = frame
    if is_own_type(message_type) and not receiver.is_ours:
        return RequestFailure.TYPE_UNKNOWN_TO_TARGET
    here, there = sender.layout, receiver.layout
    if here is there:
        return raw
    if message_type in there.profile.missing_types and not receiver.is_ours:
        return RequestFailure.TYPE_UNKNOWN_TO_TARGET
    # Within a generation a device's name stays.
    same = here.profile is there.profile
    from_id = here.id_of(source) if same else translated_name(sender, there, receiver.is_ours, rules)
    to_id = target if same else receiver.login_id if "#" in target else receiver.name or ""
    if not (there.fits(from_id) and there.fits(to_id)):
        return RequestFailure.ID_DOES_NOT_FIT
    body = raw[here.header_size :]
    client_type = translate_client_type(raw[1], here.profile, there.profile)
    if not same:
        body = translate_body(message_type, body, client_type, here.profile, there.profile)
    if there.header_size + len(body) > longest:
        # A longer header must not turn a frame that its sender was allowed into one that ends its receiver.
        return RequestFailure.TOO_LONG
    return there.encode(message_type, body, there.field(from_id), there.field(to_id), message_id, client_type)
