"""Whenever lines are cut, on the way in and on the way out: every file comes once, byte for byte, and nothing stays."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from esframework import ClientEngine
from esframework.errors import EsError, KeptOffline
from esframework.managers.files.options import SendingParameters
from esframework.testing import MemoryNetwork
from esframework.testing.wires import Conditions
from tests.unit.managers.offline_files.parts import PostOffice

SIZES = (0, 10, 200_000, 700_000)
SPEED = SendingParameters(rate_limit=200_000)
CUTS = st.lists(st.tuples(st.sampled_from(["alice", "bob"]), st.floats(0, 8)), max_size=8)


class Correspondence:
    """Alice leaves files for bob until each is kept; both come back when their lines are cut."""

    def __init__(self, network: MemoryNetwork, root: Path, dice: Random) -> None:
        self.network = network
        self.office = PostOffice(network, root, rate_limit=200_000)
        self.paths = [self.office.file(f"{number}.bin", dice.randbytes(size)) for number, size in enumerate(SIZES)]
        self.completed: Counter[str] = Counter()
        self.kept: set[str] = set()
        self.clients = {"alice": self.office.alice, "bob": self.office.comes("bob")}
        self.clients["bob"].files.receiving.completed.subscribe(lambda each: self.completed.update([each.name]))

    def cut(self, name: str) -> None:
        """A line breaks, and its end dials again; bob is ready at once."""
        client = self.clients[name]
        self.network.cut(client)
        self.network.run(client.log_on(name, "", self.network.endpoint_of(client)))
        self.network.settle()

    def leave_all(self) -> Deferred[Any]:
        """Begin to leave what is not kept yet."""
        return Deferred.fromCoroutine(self._leave_all(self.clients["alice"]))

    async def _leave_all(self, client: ClientEngine) -> None:
        for path in self.paths:
            if path.name not in self.kept:
                await self._leave(client, path)

    async def _leave(self, client: ClientEngine, path: Path) -> None:
        try:
            transfer = await client.offline_files.send("bob", path, id=path.name, parameters=SPEED)
            await transfer.done()
        except KeptOffline:
            self.kept.add(path.name)
        except EsError:
            return
        self.kept.add(path.name)


@settings(max_examples=20, deadline=None)
@given(cuts=CUTS, seed=st.integers(0, 2**16))
def test_every_file_comes_once(cuts: list[tuple[str, float]], seed: int) -> None:
    # A slow line: much is on its way when it breaks.
    network = MemoryNetwork(seed, Conditions(delay=0.4))
    with tempfile.TemporaryDirectory() as root:
        them = Correspondence(network, Path(root), Random(seed))
        leaving = them.leave_all()
        for name, after in cuts:
            network.advance(after)
            them.cut(name)
            if leaving.called:
                leaving = them.leave_all()
        network.run(leaving)
        while len(them.kept) < len(them.paths):
            network.run(them.leave_all())
        network.advance(300)
        assert them.completed == Counter(path.name for path in them.paths)
        assert them.office.taken() == {path.name: path.read_bytes() for path in them.paths}
        assert them.office.waiting() == them.office.litter() == []
        network.close()
