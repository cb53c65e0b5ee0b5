"""What `IHandlerModel` promises, kept by the direct model and by the task queue alike."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import pytest_twisted
from twisted.internet import reactor
from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.python.failure import Failure
from zope.interface.verify import verifyObject

from esframework.interfaces import IHandlerModel, PausedBy
from esframework.plugins.models import DirectModel
from esframework.server.workers import TaskQueueModel


class Lane:
    """A connection as far as a model looks at it; and a sender whose lane it is."""

    name = "alice"

    def __init__(self) -> None:
        self.open_job: Any = None
        self.backlog: Any = None
        self.backlog_bytes = 0

    @property
    def lane(self) -> Lane:
        return self

    def pause_reading(self, party: PausedBy) -> None:
        raise AssertionError("one message fills nothing")

    def resume_reading(self, party: PausedBy) -> None:
        """Nothing was paused."""

    def handler_overdue(self) -> None:
        raise AssertionError("nothing here takes long")


@pytest.fixture(params=[DirectModel, TaskQueueModel])
def model(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param(reactor)
    if isinstance(made, TaskQueueModel):
        made.start()
    yield made
    if isinstance(made, TaskQueueModel):
        made.stop()


def ask(model: Any, function: Any) -> Deferred[Any]:
    """Run one query; the Deferred takes whatever the model answers with."""
    answered: Deferred[Any] = Deferred()
    model.run(Lane(), "query", 7, function, b"content", lambda result: answered.callback([result]))
    return answered


def test_the_interface_is_provided(model: Any) -> None:
    assert verifyObject(IHandlerModel, model)


@pytest_twisted.ensureDeferred
async def test_a_handler_gets_name_type_and_content_and_its_answer_is_given(model: Any) -> None:
    assert await ask(model, lambda *given: given) == [("alice", 7, b"content")]


@pytest_twisted.ensureDeferred
async def test_none_is_an_answer(model: Any) -> None:
    assert await ask(model, lambda *_: None) == [None]


@pytest_twisted.ensureDeferred
async def test_a_coroutine_is_awaited_in_the_reactor(model: Any) -> None:
    async def handler(*_: Any) -> bytes:
        await deferLater(reactor, 0, lambda: None)  # type: ignore[arg-type]
        return b"later"

    assert await ask(model, handler) == [b"later"]


@pytest_twisted.ensureDeferred
async def test_what_a_handler_raises_is_answered_as_a_failure_and_counted(model: Any) -> None:
    def handler(*_: Any) -> bytes:
        raise KeyError("mistake")

    (answer,) = await ask(model, handler)
    assert isinstance(answer, Failure) and answer.check(KeyError)
    assert model.failures == 1
