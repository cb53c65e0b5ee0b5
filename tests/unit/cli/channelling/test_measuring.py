"""Tests of a channel from beginning to end, and all the ways in which there may be none."""

from __future__ import annotations

from typing import Any

import pytest
from twisted.internet.defer import Deferred

from esframework.cli.channelling import trial
from esframework.cli.channelling.measuring import NO_CHANNEL
from esframework.cli.session import DONE, FAILED
from esframework.managers.custom.combined import UnhandledType
from esframework.testing import MemoryNetwork, simulated
from tests.peers import Recorder
from tests.unit.cli.channelling.people import ALICE, BOB, a_tester, answering, options

SIZE = 1_200_000


@simulated
async def test_everything_is_measured_and_told_by_both(network: MemoryNetwork) -> None:
    network.server()
    _, at_bob = await answering(network)
    tester, at_alice = await a_tester(network, SIZE)
    assert await tester.run() == DONE
    (result,) = at_alice.results
    assert (result["user"], result["protocol"], result["bytes"], result["cause"]) == ("bob", "udp", SIZE, None)
    assert result["address"].startswith(BOB)
    assert result["opened_in_ms"] == result["opened"][0]["in_ms"] >= 0
    for key in ("rtt_ms", "rtt_min_ms", "server_rtt_ms", "server_rtt_min_ms"):
        assert result[key] >= 0
    assert result["mbit_s"] > 0
    network.advance(1)
    opened, received = at_bob.results
    assert (opened["event"], opened["user"], opened["protocol"]) == ("opened", "alice", "udp")
    assert (received["event"], received["bytes"]) == ("received", SIZE)
    assert received["way"].startswith("direct (udp, ")


@simulated
async def test_all_of_it_goes_by_the_channel(network: MemoryNetwork) -> None:
    network.server()
    bob, _ = await answering(network)
    tester, _ = await a_tester(network, SIZE)
    assert await tester.run() == DONE
    (state,) = bob.p2p.channel_states().values()
    assert state.facts["bytes_received"] > SIZE


@simulated
async def test_without_bytes_there_is_no_throughput(network: MemoryNetwork) -> None:
    network.server()
    await answering(network)
    tester, at_alice = await a_tester(network, 0)
    assert await tester.run() == DONE
    (result,) = at_alice.results
    assert result["mbit_s"] is None and result["rtt_ms"] >= 0
    assert "throughput" not in at_alice.texts[-1]


@simulated
async def test_a_test_may_be_repeated_and_taken_by_one_device(network: MemoryNetwork) -> None:
    network.server()
    await answering(network, login_id="4#bob")
    for _ in range(2):
        tester, at_alice = await a_tester(network, SIZE, target="4#bob")
        assert await tester.run() == DONE
        assert at_alice.results[0]["bytes"] == SIZE


@simulated
async def test_who_is_not_online_is_to_run_the_other_program(network: MemoryNetwork) -> None:
    network.server()
    tester, at_alice = await a_tester(network, SIZE)
    assert await tester.run() == FAILED
    assert "bob is not online" in at_alice.results[0]["cause"]
    assert "esframework p2p answer bob@HOST:PORT" in at_alice.results[0]["cause"]


@simulated
async def test_oneself_cannot_be_tested(network: MemoryNetwork) -> None:
    network.server()
    tester, at_alice = await a_tester(network, SIZE, target="alice")
    assert await tester.run() == FAILED
    assert "no channel to oneself" in at_alice.results[0]["cause"]


@simulated
async def test_another_program_is_not_mistaken_for_one_that_answers_tests(network: MemoryNetwork) -> None:
    network.server()
    # It answers every query with what it was asked.
    await network.client("bob", handler=Recorder(), options=options(), host=BOB)
    tester, at_alice = await a_tester(network, SIZE)
    assert await tester.run() == FAILED
    assert "answers no tests" in at_alice.results[0]["cause"]


@simulated
async def test_where_no_channel_opens_the_way_by_the_server_is_measured_and_nats_are_named(
    network: MemoryNetwork,
) -> None:
    network.server()
    await answering(network)
    tester, at_alice = await a_tester(network, SIZE)
    network.datagrams.keep_apart(ALICE, BOB)
    assert await tester.run() == NO_CHANNEL
    (result,) = at_alice.results
    assert "no channel to 'bob'" in result["cause"]
    assert result["protocol"] is result["opened_in_ms"] is result["rtt_ms"] is result["mbit_s"] is None
    assert result["server_rtt_ms"] >= 0
    # The P2P server answers nobody here.
    assert (result["nat"], result["other_nat"]) == ("unknown", "unknown")
    assert any("esframework nat says more" in text for text in at_alice.texts)
    assert any("messages to bob go by the server" in text for text in at_alice.texts)


@simulated
async def test_who_wants_no_channels_is_said_so(network: MemoryNetwork) -> None:
    network.server()
    await answering(network, answers=False)
    tester, at_alice = await a_tester(network, SIZE)
    assert await tester.run() == NO_CHANNEL
    assert "wants none" in at_alice.results[0]["cause"]


@simulated
async def test_a_server_without_p2p_is_named_as_the_reason(network: MemoryNetwork) -> None:
    network.server()
    tester, at_alice = await a_tester(network, SIZE, server=None)
    assert await tester.run() == NO_CHANNEL
    assert "offers no P2P" in at_alice.results[0]["cause"]


@simulated
async def test_a_stranger_is_not_answered_where_others_are_named(network: MemoryNetwork) -> None:
    network.server()
    await answering(network, frozenset({"carol"}))
    tester, at_alice = await a_tester(network, SIZE)
    assert await tester.run() == FAILED
    assert at_alice.results[0]["opened"] == []
    assert len(network.failures.take(UnhandledType)) == 1


@simulated
async def test_a_channel_that_falls_silent_in_the_middle_ends_the_test(network: MemoryNetwork) -> None:
    network.server()
    await answering(network)
    tester, at_alice = await a_tester(network, 1_000_000_000)
    running: Deferred[int] = Deferred.fromCoroutine(tester.run())
    while not tester.arrived:
        network.advance(0.001)
    network.datagrams.keep_apart(ALICE, BOB)
    network.advance(60.0)
    assert await running == FAILED
    cause = at_alice.results[0]["cause"]
    assert "was lost;" in cause or "nothing has arrived" in cause


@pytest.mark.parametrize("said", [{"got": SIZE}, {"got": SIZE, "digest": "0" * 64}, {"got": 5, "digest": 7}])
@simulated
async def test_who_says_that_something_else_arrived_is_not_believed(network: MemoryNetwork, said: Any) -> None:
    network.server()
    bob, _ = await answering(network)
    tester, at_alice = await a_tester(network, SIZE)
    running: Deferred[int] = Deferred.fromCoroutine(tester.run())
    lie = trial.say(id=tester._test.hex(), **said)
    bob.custom.post("alice", trial.INFORMATION_TYPE, lie)
    code = await running
    assert code == (FAILED if "0" * 64 in said.values() else DONE)
