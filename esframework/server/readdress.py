"""A frame of one connection as another connection gets it: as it came where it can be, written anew where it must be.

Knows two connections and one frame; whom a frame is for is the router's business.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from esframework import limits
from esframework.wire.frames import Frame
from esframework.wire.profile import translate_client_type
from esframework.wire.translate import translate_body
from esframework.wire.types import RequestFailure

if TYPE_CHECKING:
    from esframework.server.connection import ServerConnection


def is_own_type(message_type: int) -> bool:
    """Whether a type is one of this framework's additions, which nobody else may get to see."""
    return limits.FIRST_OWN_TYPE <= message_type < limits.FIRST_APPLICATION_TYPE


def readdressed(
    sender: ServerConnection, receiver: ServerConnection, target: str, frame: Frame, longest: int
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
    # Generation 6 knows bare ids only; within a generation a device's name stays.
    same = here.profile is there.profile
    from_id = here.id_of(source) if same else sender.name or ""
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
