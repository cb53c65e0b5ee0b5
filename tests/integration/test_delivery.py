"""Nothing is lost and nothing done twice: real processes, killed in the middle of their work."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred

from esframework import ClientEngine, Level, Receipt
from tests.integration.support import ROOT, Child, Daemon, logged_on, within

pytestmark = pytest.mark.integration
LEDGER = str(ROOT / "docs" / "examples" / "exactly_once.py")
TILL = str(ROOT / "docs" / "examples" / "certain_sender.py")
COUNT = 400
QUICK = {"reconnect_first_delay": 0.05, "reconnect_longest_delay": 0.3}


def send_all(client: ClientEngine, target: str = "shop") -> list[Deferred[Receipt]]:
    """One message a unit of money, each to be handled."""
    return [client.delivery.send(target, 1, b"1", until=Level.RECEIVER_HANDLED_IT) for _ in range(COUNT)]


async def all_handled(receipts: list[Deferred[Receipt]]) -> None:
    """Waits until each is handled; any failure fails the test."""
    for receipt in receipts:
        await within(receipt, "a receipt", 60.0)


def total(ledger: Path) -> tuple[int, int]:
    """(the amount in the ledger, messages that made it)."""
    with sqlite3.connect(ledger) as database:
        (amount,) = database.execute("SELECT amount FROM total").fetchone()
        (handled,) = database.execute("SELECT count(*) FROM handled").fetchone()
    return amount, handled


@pytest_twisted.async_yield_fixture()
async def server(tmp_path: Path) -> AsyncIterator[Daemon]:
    """The daemon."""
    daemon = Daemon(tmp_path / "data", "--open", "--open")
    yield await daemon.ready()
    await daemon.end()


@pytest_twisted.ensureDeferred
async def test_a_receiver_that_is_killed_again_and_again_does_its_work_exactly_once(
    server: Daemon, tmp_path: Path
) -> None:
    ledger = tmp_path / "ledger.sqlite"
    till = await logged_on("till", server.endpoint, **QUICK)
    shop = Child([LEDGER, server.endpoint, "shop", str(ledger)])
    await shop.shows("ready")
    receipts = send_all(till)
    for _ in range(3):
        await shop.shows("^handled:", 20)
        await shop.end(signal.SIGKILL)
        shop = Child([LEDGER, server.endpoint, "shop", str(ledger)])
        await shop.shows("ready")
    await all_handled(receipts)
    await shop.end()
    assert total(ledger) == (COUNT, COUNT)
    await till.close()


@pytest_twisted.ensureDeferred
async def test_a_server_that_is_killed_loses_nothing_while_the_sender_lives(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    server: Any = await Daemon(tmp_path / "data", "--open", "--open").ready()
    listen = f"tcp:{server.port}:interface=127.0.0.1"
    till = await logged_on("till", server.endpoint, **QUICK)
    shop = Child([LEDGER, server.endpoint, "shop", str(ledger)])
    await shop.shows("ready")
    receipts = send_all(till)
    for turn in range(2):
        await shop.shows("^handled:", 20 * (turn + 1))
        await server.end(signal.SIGKILL)
        server = await Daemon(tmp_path / "data", "--open", "--open", listen=listen).ready()
    await all_handled(receipts)
    await shop.end()
    assert total(ledger) == (COUNT, COUNT)
    await till.close()
    await server.end()


@pytest_twisted.ensureDeferred
async def test_connections_that_are_cut_lose_nothing_and_repeat_nothing(server: Daemon, tmp_path: Path) -> None:
    class Numbers:
        def __init__(self) -> None:
            self.got: list[int] = []

        def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
            self.got.append(int(content or b"0"))
            if len(self.got) % 60 == 0:
                bob.close_connection(reconnect_now=True)

    numbers = Numbers()
    alice, bob = await logged_on("alice", server.endpoint, **QUICK), await logged_on("bob", server.endpoint, numbers)
    receipts = []
    for number in range(COUNT):
        receipts.append(alice.delivery.send("bob", 1, b"%d" % number, until=Level.RECEIVER_HANDLED_IT))
        if number % 70 == 69:
            alice.close_connection(reconnect_now=True)
    await all_handled(receipts)
    assert numbers.got == list(range(COUNT))
    await alice.close()
    await bob.close()


@pytest_twisted.ensureDeferred
async def test_the_example_of_a_sender_says_what_became_of_each(server: Daemon, tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    shop = Child([LEDGER, server.endpoint, "shop", str(ledger)])
    await shop.shows("ready")
    till = Child([TILL, server.endpoint, "shop", "5"])
    await till.shows("was handled$", 5)
    assert await till.over() == 0
    await shop.end()
    assert total(ledger) == (sum(range(5)), 5)
    lonely = Child([TILL, server.endpoint, "nobody", "1"])
    await lonely.shows("not handled: message .* to 'nobody' came no further than")
    assert await lonely.over() == 0
