"""Who answers tests: what is taken, what is not, and how much is remembered of it."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientEngine
from esframework.cli.channelling import trial
from esframework.errors import HandlerRaised
from esframework.managers.custom.combined import UnhandledType
from esframework.testing import MemoryNetwork, simulated
from tests.unit.cli.channelling.people import ALICE, answering, options

TEST = bytes(range(16))


async def asks(client: ClientEngine, **words: object) -> dict[str, Any]:
    answer = await client.custom.query("bob", trial.INFORMATION_TYPE, trial.say(**words))
    return trial.said(answer)


@simulated
async def test_questions_are_answered(network: MemoryNetwork) -> None:
    network.server()
    await answering(network)
    alice = await network.client("alice", options=options(), host=ALICE)
    assert await asks(alice, do="hello") == {"version": trial.VERSION, "most": trial.MOST_BYTES}
    assert await asks(alice, do="ping") == {"do": "ping"}
    assert await asks(alice, do="nat") == {"kind": "unknown"}
    assert await asks(alice, do="begin", id=TEST.hex(), size=7) == {"id": TEST.hex()}


@pytest.mark.parametrize(
    ("information_type", "content"),
    [
        (0, trial.say(do="hello")),
        (trial.INFORMATION_TYPE, b"hello"),
        (trial.INFORMATION_TYPE, None),
        (trial.INFORMATION_TYPE, trial.say(do="begin", id="x", size=7)),
        (trial.INFORMATION_TYPE, trial.say(do="begin", id=TEST.hex(), size=-1)),
        (trial.INFORMATION_TYPE, trial.say(do="begin", id=TEST.hex(), size=10**13)),
    ],
)
@simulated
async def test_anything_else_fails_as_where_nobody_handles_it(
    network: MemoryNetwork, information_type: int, content: bytes | None
) -> None:
    network.server()
    await answering(network)
    alice = await network.client("alice", options=options(), host=ALICE)
    with pytest.raises(HandlerRaised):
        await alice.custom.query("bob", information_type, content)
    assert len(network.failures.take(UnhandledType)) == 1


@simulated
async def test_so_many_test_at_a_time_and_idle_ones_make_room(network: MemoryNetwork) -> None:
    network.server()
    await answering(network)
    people = [await network.client(f"p{number}", options=options(), host=ALICE) for number in range(17)]
    answers = [await asks(each, do="begin", id=TEST.hex(), size=7) for each in people]
    assert [("refused" in answer) for answer in answers] == [False] * 16 + [True]
    # Who begins anew takes their own place.
    assert "refused" not in await asks(people[0], do="begin", id=TEST.hex(), size=8)
    network.advance(61)
    assert "refused" not in await asks(people[16], do="begin", id=TEST.hex(), size=7)


@simulated
async def test_bytes_of_no_test_are_forgotten(network: MemoryNetwork) -> None:
    network.server()
    _, at_bob = await answering(network)
    alice = await network.client("alice", options=options(), host=ALICE)
    alice.custom.post("bob", trial.INFORMATION_TYPE, trial.carry(TEST, b"1234567"))
    await asks(alice, do="begin", id=TEST.hex(), size=7)
    alice.custom.post("bob", trial.INFORMATION_TYPE, trial.carry(TEST[::-1], b"1234567"))
    alice.custom.post("bob", 7, trial.carry(TEST, b"1234567"))
    network.advance(1)
    assert at_bob.results == []
    alice.custom.post("bob", trial.INFORMATION_TYPE, trial.carry(TEST, b"1234567"))
    network.advance(1)
    assert [result["bytes"] for result in at_bob.results] == [7]
    assert at_bob.results[0]["way"] == "by the server"
