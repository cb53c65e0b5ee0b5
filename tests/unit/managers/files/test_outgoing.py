"""What is sent, before it is offered."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred

from esframework.errors import SourceRefused
from esframework.filesystem.worker import FileWorker
from esframework.testing import MemoryNetwork, simulated
from tests.transfers import House, make_tree


@simulated
async def test_a_tree_that_nobody_waits_for_is_looked_at_no_further(
    network: MemoryNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = House(network, tmp_path)
    tree = make_tree(tmp_path / "tree", {"folder/file": b"content"})
    waiting: list[Callable[[], Any]] = []

    def run(worker: FileWorker, work: Callable[[], Any]) -> Deferred[Any]:
        waiting.append(work)
        return Deferred()

    monkeypatch.setattr(FileWorker, "run", run)
    sent = house.alice.files.send("bob", tree)
    (look,) = waiting
    assert look().files == 1
    sent.cancel()
    with pytest.raises(SourceRefused):
        look()
    with pytest.raises(CancelledError):
        await sent
