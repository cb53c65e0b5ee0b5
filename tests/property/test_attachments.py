"""An attachment arrives whole and identical or fails honestly, whatever the network does: there is no wrong file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError
from twisted.internet.task import deferLater

from esframework import limits
from esframework.errors import RequestError
from esframework.testing import Conditions, MemoryNetwork
from tests.consumers import Taker

SIZES = st.one_of(
    st.integers(0, 50),
    st.integers(limits.ATTACHMENT_PIECE - 1, limits.ATTACHMENT_PIECE + 1),
    st.integers(0, 2 * limits.ATTACHMENT_WINDOW),
)
CALAMITIES = st.sampled_from(["cut the sender", "cut the receiver", "unplug the receiver", "cancel", "refuse", "raise"])


class Disk:
    """Writes to a file, slowly when told so; the file is there for whoever looks as soon as it is whole."""

    def __init__(self, network: MemoryNetwork, path: Path, seconds: float) -> None:
        self._network = network
        self._path = path
        self._seconds = seconds
        self._content = b""

    def write(self, data: bytes) -> Any:
        self._content += data
        return deferLater(self._network.reactor, self._seconds, lambda: None) if self._seconds else None

    def finish(self) -> None:
        self._path.write_bytes(self._content)

    def fail(self, error: Exception) -> None:
        """Nothing was written."""


@settings(max_examples=40)
@given(
    size=SIZES,
    pieces=st.integers(1, 200_000),
    direction=st.sampled_from(["relayed", "to the server", "from the server"]),
    delay=st.sampled_from([0.0, 0.02, (0.001, 0.5)]),
    chunk=st.sampled_from([None, 5000, 100_000]),
    window=st.sampled_from([8_000, 256_000]),
    slowness=st.sampled_from([None, 0.0, 0.3]),
    calamities=st.lists(st.tuples(st.floats(0.0, 6.0), CALAMITIES), max_size=2),
    seed=st.integers(0, 2**32),
)
def test_it_is_whole_and_identical_or_fails(
    size: int,
    pieces: int,
    direction: str,
    delay: Any,
    chunk: int | None,
    window: int,
    slowness: float | None,
    calamities: list[tuple[float, str]],
    seed: int,
) -> None:
    network = MemoryNetwork(seed, Conditions(window=window))
    content = Random(seed).randbytes(size)
    with TemporaryDirectory() as folder:
        path = Path(folder, "file")
        handler = Taker(path if slowness is None else Disk(network, path, slowness))
        server = network.server(handler)
        alice = network.run(network.client("alice"))
        bob = network.run(network.client("bob", handler=handler))
        custom = server.custom if direction == "from the server" else alice.custom
        sender, receiver = (bob, bob) if direction == "from the server" else (alice, bob)
        if direction == "to the server":
            receiver = alice
        network.conditions.delay, network.conditions.chunk = delay, chunk
        broken: list[str] = []

        def stream() -> Iterator[bytes]:
            # No more than a thousand, so that the slowest consumer is done in time.
            length = max(pieces, size // 1000)
            for start in range(0, size, length):
                if broken:
                    raise OSError("the source is broken")
                yield content[start : start + length]

        outcome: list[Any] = []
        sent = custom.send_attached(None if direction == "to the server" else "bob", 1, b"body", stream())
        sent.addBoth(outcome.append)

        def calamity(kind: str) -> None:
            if kind == "cancel":
                sent.cancel()
            elif kind == "refuse":
                for attachment in handler.offers:
                    attachment.cancel()
            elif kind == "raise":
                broken.append("source")
            elif kind == "unplug the receiver":
                network.unplug(receiver)
            else:
                network.cut(sender if kind == "cut the sender" else receiver)

        for at, kind in calamities:
            network.reactor.callLater(at, calamity, kind)
        network.advance(2000)
        assert len(outcome) == 1
        if hasattr(outcome[0], "check"):
            assert outcome[0].check(RequestError, OSError, CancelledError), outcome[0]
        else:
            assert outcome[0].size == size and path.exists()
        assert calamities or path.exists()
        assert not path.exists() or path.read_bytes() == content
        assert set(os.listdir(folder)) <= {"file"}
        network.failures.take(Exception)
        network.close()
