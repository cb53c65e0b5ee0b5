"""The client's half: says where it is, and hears who crossed its fences."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from esframework.interfaces import IContext, Registrations
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


class ClientGeofence:
    """`client.geofence`. The event `crossed(user_id, fence, inside)` tells who came into a fence of ours, or left it.

    The server forgets fences when their owner logs off: watch again after `relogon_completed`.
    """

    def __init__(self, client: IContext) -> None:
        self._client = client
        self.crossed: Event[str, str, bool] = Event("geofence.crossed")

    def watch(self, name: str, latitude: float, longitude: float, radius: float) -> Deferred[None]:
        """Be told who crosses a circle: degrees, and a radius in metres.

        Fires when the server watches it; fails with a `RequestError` (`NotPermitted`, time-out, connection lost).
        """
        way = self._client.channel(None)
        message_id, waiting = self._client.calls.open(None, WATCH, WATCH, self._client.options.response_timeout)
        way.send(WATCH, FENCE_CODEC.encode(FenceBody(latitude, longitude, name, radius)), message_id)
        watched: Deferred[None] = waiting.addCallback(lambda _: None)
        return watched

    def report(self, latitude: float, longitude: float) -> None:
        """Say where we are; raises NotLoggedOn without a session."""
        self._client.channel(None).send(POSITION, POSITION_CODEC.encode(PositionBody(latitude, longitude)))

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(facade=self, handlers={WATCH: self._watched, CROSSED: self._crossed})

    def _watched(self, sender: Any, message_id: int, body: bytes) -> None:
        self._client.calls.answer(message_id, sender.name, WATCH, body)

    def _crossed(self, sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:  # only the server knows
            told = CROSSED_CODEC.decode(body)
            self.crossed.fire(told.user_id, told.fence, told.inside)
