"""The client's half: says where it is, and hears who crossed its fences."""

from __future__ import annotations

from twisted.internet.defer import Deferred

from esframework.interfaces import IContext, Registrations
from esframework.plugins.asking import Asking, from_server
from esframework.plugins.hooks import Event
from geofence.contracts import (
    CROSSED,
    CROSSED_CODEC,
    FENCE_CODEC,
    POSITION,
    POSITION_CODEC,
    WATCH,
    FenceBody,
    PositionBody,
)


class ClientGeofence(Asking):
    """`client.geofence`. The event `crossed(user_id, fence, inside)` tells who came into a fence of ours, or left it.

    The server forgets fences when their owner logs off: watch again after `relogon_completed`.
    """

    _feature = "geofence"

    def __init__(self, client: IContext) -> None:
        super().__init__(client)
        self.crossed: Event[str, str, bool] = Event("geofence.crossed")

    def watch(self, name: str, latitude: float, longitude: float, radius: float) -> Deferred[None]:
        """Be told who crosses a circle: degrees, and a radius in metres.

        Fires when the server watches it; fails with a `RequestError` (`NotPermitted`, time-out, connection lost).
        """
        asked = self._ask(WATCH, FENCE_CODEC.encode(FenceBody(latitude, longitude, name, radius)))
        return asked.addCallback(lambda _: None)

    def report(self, latitude: float, longitude: float) -> None:
        """Say where we are; raises NotLoggedOn without a session."""
        self._client.channel(None).send(POSITION, POSITION_CODEC.encode(PositionBody(latitude, longitude)))

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(facade=self, handlers={**self._answerers([WATCH]), CROSSED: from_server(self._crossed)})

    def _crossed(self, body: bytes) -> None:
        told = CROSSED_CODEC.decode(body)
        self.crossed.fire(told.user_id, told.fence, told.inside)
