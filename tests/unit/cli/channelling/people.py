"""Somebody who answers tests and somebody who tests, on machines of their own in memory, and what each printed."""

from __future__ import annotations

import json
from typing import Any

from esframework import ClientEngine, ClientOptions
from esframework.cli.channelling.answering import Answerer
from esframework.cli.channelling.measuring import Tester
from esframework.cli.channelling.telling import Teller
from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.testing import MemoryNetwork

ALICE, BOB = "10.0.0.1", "10.0.0.2"
NOBODY = "10.9.9.9:9901"
"""A P2P server that never answers; without one, there would be no P2P in these networks."""


class Written(Teller):
    """Keeps what is printed: results as objects, remarks as texts."""

    def __init__(self) -> None:
        super().__init__(as_json=True)
        self.results: list[dict[str, Any]] = []
        self.texts: list[str] = []

    def tell(self, text: str, /, **facts: object) -> None:
        self.texts.append(text)
        self.results.append(json.loads(json.dumps(facts)))

    def remark(self, text: str) -> None:
        self.texts.append(text)


def options(**p2p: Any) -> ClientOptions:
    return ClientOptions(p2p=ClientP2POptions(**{"server": NOBODY, "map_ports": False, **p2p}))


class Handler:
    """Passes on to a tester, once there is one."""

    tester: Any = None

    def handle_information(self, source: Any, information_type: int, content: bytes | None) -> None:
        self.tester.handle_information(source, information_type, content)


async def answering(
    network: MemoryNetwork, senders: frozenset[str] = frozenset(), login_id: str = "bob", **p2p: Any
) -> tuple[ClientEngine, Written]:
    """Bob, who answers tests."""
    written = Written()
    answerer = Answerer(written, senders)
    client = await network.client(login_id, handler=answerer, options=options(**p2p), host=BOB)
    answerer.begin(client)
    return client, written


async def a_tester(network: MemoryNetwork, size: int, target: str = "bob", **p2p: Any) -> tuple[Tester, Written]:
    """Alice, who tests."""
    handler, written = Handler(), Written()
    client = await network.client("alice", handler=handler, options=options(keeps_trying=False, **p2p), host=ALICE)
    handler.tester = Tester(client, written, target, size)
    return handler.tester, written
