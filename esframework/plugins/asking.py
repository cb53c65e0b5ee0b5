"""What the client halves of managers share: asking the server or another user, and handing in the answers.

Knows message types as numbers, and no body.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from twisted.internet.defer import Deferred, fail

from esframework.errors import NotDelivered, request_label
from esframework.interfaces import Handler
from esframework.wire.types import RequestFailure


class Asking:
    """A client half that asks; `_feature` is the word by which servers of ours announce what answers it."""

    _feature: str

    def __init__(self, client: Any) -> None:
        # The engine itself: some managers need more of it than an IContext promises.
        self._client = client
        self.reactor = client.clock

    @property
    def _is_served(self) -> bool:
        """Whether the server announced that it serves this; servers of another make announce nothing."""
        return bool(self._client.manager("basic").server_has(self._feature))

    def _ask(
        self,
        request: int,
        body: bytes,
        target: str | None = None,
        *,
        answer: int | None = None,
        destination: str | None = None,
        timeout: float | None = None,
    ) -> Deferred[Any]:
        """Send a request; fires with the body of its answer, which has the request's type or else the type `answer`.

        `target` answers, None is the server; the header names `destination` where that is somebody else: a group.
        `timeout` in seconds, 0 waits for ever, None takes the engine's. Fails with a `RequestError`; raises NotLoggedOn
        without a session.
        """
        way = self._client.channel(target)
        addressee = target if destination is None else destination
        asked: Deferred[Any] = self._client.calls.ask(
            lambda message_id: way.send(request, body, message_id, addressee),
            target,
            request,
            request if answer is None else answer,
            self._client.options.response_timeout if timeout is None else timeout,
        )
        return asked

    def _ask_ours(self, request: int, body: bytes) -> Deferred[Any]:
        """A request that no other server may see: as `_ask`, but NotDelivered where the server does not serve it."""
        if self._is_served:
            return self._ask(request, body)
        self._client.channel(None)
        text = f"{request_label(request)} failed: this server does not serve {self._feature!r}"
        return fail(NotDelivered(text, None, request, RequestFailure.TYPE_UNKNOWN_TO_TARGET))

    def _answerers(self, answers: Iterable[int]) -> dict[int, Handler]:
        """Handlers that hand in answers of these types, for the registrations."""
        return {answer: self._answerer(answer) for answer in answers}

    def _answerer(self, answer: int) -> Handler:
        def answered(sender: Any, message_id: int, body: bytes) -> None:
            self._client.calls.answer(message_id, sender.name, answer, body)

        return answered


def from_server(handle: Callable[[bytes], None]) -> Handler:
    """A handler of what the server alone may tell: frames of other users are passed over."""

    def handle_notice(sender: Any, message_id: int, body: bytes) -> None:
        if sender.name is None:
            handle(body)

    return handle_notice
