"""What all calls of a client about contacts have in common: asking the server. Knows no question."""

from __future__ import annotations

from typing import Any

from twisted.internet.defer import Deferred

from esframework.interfaces import IContext
from esframework.wire.types import MessageType


class Asking:
    """Asks the server and gives the Deferred of its answer."""

    def __init__(self, client: IContext) -> None:
        # The engine itself, since a user's own name is no part of what managers are promised.
        self._client: Any = client
        self.reactor = client.clock

    def _ask(
        self,
        request: MessageType,
        body: bytes,
        destination: str | None = None,
        answer: MessageType | None = None,
        timeout: float | None = None,
    ) -> Deferred[Any]:
        """Fires with the body of the server's answer; `destination` is what the header says, None the server.

        `timeout` in seconds, 0 waits for ever, None takes the engine's.
        """
        way = self._client.channel(None)
        asked: Deferred[Any] = self._client.calls.ask(
            lambda message_id: way.send(request, body, message_id, destination),
            None,
            request,
            request if answer is None else answer,
            self._client.options.response_timeout if timeout is None else timeout,
        )
        return asked

    def _answerer(self, answer: MessageType) -> Any:
        def answered(sender: Any, message_id: int, body: bytes) -> None:
            self._client.calls.answer(message_id, sender.name, answer, body)

        return answered

    @property
    def _server_reports(self) -> bool:
        """Whether the server is one of ours that serves contacts; others understand the protocol's own types only."""
        features = self._client.manager("basic").server_features
        return features is not None and "contacts" in features.features
