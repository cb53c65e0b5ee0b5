"""The bench's own server: its handler counts and echoes, and its control answers lines."""

from __future__ import annotations

import json
from types import SimpleNamespace

from twisted.internet.testing import StringTransport

from esframework.cli.benching.server import Control, CountingHandler


def test_the_handler_counts_both_and_echoes_questions() -> None:
    handler = CountingHandler()
    handler.handle_information("u0", 1, b"a")
    assert handler.handle_query("u0", 1, b"question") == b"question"
    assert handler.handled == 2


class Reactor:
    running = True

    def stop(self) -> None:
        self.running = False


def test_each_line_is_answered_with_the_count_and_the_port() -> None:
    handler, transport = CountingHandler(), StringTransport()
    engine = SimpleNamespace(addresses=[SimpleNamespace(port=4599)])
    control = Control(Reactor(), SimpleNamespace(engine=engine), handler)
    control.makeConnection(transport)
    control.dataReceived(b"\n")
    handler.handle_information(None, 1, None)
    control.dataReceived(b"\n")
    first, second = map(json.loads, transport.value().splitlines())
    assert (first["port"], first["handled"], second["handled"]) == (4599, 0, 1)


def test_the_server_ends_when_nobody_asks_any_more() -> None:
    reactor = Reactor()
    control = Control(reactor, None, CountingHandler())
    control.makeConnection(StringTransport())
    control.connectionLost()
    assert not reactor.running
    control.connectionLost()
