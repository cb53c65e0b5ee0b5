"""Driving coroutines on virtual time, and the documentation's example of it."""

from __future__ import annotations

import inspect
import runpy
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework.testing import MemoryNetwork, simulated

EXAMPLES = Path(__file__).resolve().parents[3] / "docs" / "examples"


@pytest.mark.parametrize(
    "name",
    [
        line[10:].split("(")[0]
        for line in (EXAMPLES / "test_chat.py").read_text().splitlines()
        if line.startswith("async def test_")
    ],
)
def test_the_documentations_example_passes(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(EXAMPLES)
    runpy.run_path(str(EXAMPLES / "test_chat.py"))[name]()


def test_run_gives_the_result_of_a_deferred_or_coroutine() -> None:
    network = MemoryNetwork()

    async def later() -> int:
        await deferLater(network.reactor, 5.0, lambda: None)
        return 2

    assert network.run(succeed(1)) == 1
    assert network.run(later()) == 2
    assert network.seconds() == 5.0
    network.close()


def test_run_raises_what_is_raised() -> None:
    network = MemoryNetwork()

    async def wrong() -> None:
        await fail(KeyError("inner"))

    with pytest.raises(KeyError, match="inner"):
        network.run(wrong())
    with pytest.raises(ValueError, match="outer"):
        network.run(fail(ValueError("outer")))
    network.close()


def test_what_never_fires_ends_with_a_timeout() -> None:
    network = MemoryNetwork()
    with pytest.raises(TimeoutError, match="after 10 virtual seconds"):
        network.run(Deferred(), patience=10)
    network.close()


def test_a_coroutine_goes_on_outside_of_what_fired_its_deferred() -> None:
    network = MemoryNetwork()
    depth: list[int] = []
    waiting: Deferred[None] = Deferred()

    def fire() -> None:
        depth.append(1)
        waiting.callback(None)
        depth.pop()

    async def story() -> int:
        await waiting
        return len(depth)

    network.reactor.callLater(1.0, fire)
    assert network.run(story()) == 0
    network.close()


def test_only_deferreds_can_be_awaited() -> None:
    class Other:
        def __await__(self) -> Any:
            yield "no deferred"

    async def wrong() -> None:
        await Other()

    with pytest.raises(TypeError, match="may await Deferreds"):
        MemoryNetwork().run(wrong())


def test_simulated_leaves_other_arguments_to_pytest() -> None:
    @simulated
    async def story(network: MemoryNetwork, tmp_path: Path) -> None:
        assert tmp_path == Path("x")

    assert list(inspect.signature(story).parameters) == ["tmp_path"]
    story(tmp_path=Path("x"))


def test_simulated_fails_for_a_logged_failure_that_nobody_took() -> None:
    @simulated
    async def story(network: MemoryNetwork) -> None:
        Logger().failure("as a handler would", Failure(ValueError("unexpected")))

    with pytest.raises(AssertionError, match="unexpected"):
        story()


def test_simulated_passes_when_the_failure_was_taken() -> None:
    @simulated
    async def story(network: MemoryNetwork) -> None:
        Logger().failure("as a handler would", Failure(ValueError("expected")))
        assert [str(error) for error in network.failures.take(ValueError)] == ["expected"]

    story()


def test_simulated_fails_for_a_timer_left_behind() -> None:
    @simulated
    async def story(network: MemoryNetwork) -> None:
        network.reactor.callLater(100.0, lambda: None)

    with pytest.raises(AssertionError, match="left behind.*delayed call"):
        story()
