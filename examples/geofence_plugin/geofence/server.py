"""The server's half: hears positions, tells the owners of fences who crossed them."""

from __future__ import annotations

from typing import Any

from esframework.interfaces import IServerContext, Registrations
from esframework.plugins.hooks import Event
from esframework.wire.types import RequestFailure
from geofence.contracts import CROSSED, CROSSED_CODEC, FENCE_CODEC, POSITION, POSITION_CODEC, WATCH, CrossedBody
from geofence.machine import BadPlace, Crossing, Fence, Fences, TooManyFences


class ServerGeofence:
    """`server.geofence`. The event `crossed(crossing)` tells of every crossing, whoever watches the fence.

    Asks the permission hook for the action `watch_fence` (default: everybody may).
    """

    def __init__(self, server: IServerContext) -> None:
        self._server = server
        self._fences = Fences()
        self.crossed: Event[Crossing] = Event("geofence.crossed")

    def registrations(self) -> Registrations:
        """What this half brings to a server."""
        return Registrations(
            facade=self, handlers={WATCH: self._watch, POSITION: self._position}, logged_off=self._logged_off
        )

    def _watch(self, sender: Any, message_id: int, body: bytes) -> None:
        wanted = FENCE_CODEC.decode(body)  # raises MalformedBody, which the engine turns into refuse_body
        if not self._server.permit("watch_fence", sender.name, None, lambda: True):
            sender.request_failed(message_id, RequestFailure.NOT_ALLOWED, "watch_fence is not permitted")
            return
        try:
            self._fences.watch(Fence(sender.name, wanted.name, wanted.latitude, wanted.longitude, wanted.radius))
        except TooManyFences as error:
            sender.request_failed(message_id, RequestFailure.NOT_ALLOWED, str(error))
        except BadPlace as error:
            sender.refuse_body(error)
        else:
            sender.reply(WATCH, b"", message_id)

    def _position(self, sender: Any, message_id: int, body: bytes) -> None:
        position = POSITION_CODEC.decode(body)
        try:
            crossings = self._fences.moved(sender.name, position.latitude, position.longitude)
        except BadPlace as error:
            sender.refuse_body(error)
        else:
            self._tell(crossings)

    def _logged_off(self, source: str | None) -> None:
        # One device of several may be gone: the user is not.
        if source is not None and not self._server.users.is_online(source):
            self._tell(self._fences.left(source))

    def _tell(self, crossings: list[Crossing]) -> None:
        for crossing in crossings:
            self.crossed.fire(crossing)
            owner = self._server.channel(crossing.owner)
            if owner is not None:
                body = CROSSED_CODEC.encode(CrossedBody(crossing.fence, crossing.inside, crossing.user_id))
                owner.send(CROSSED, body)
