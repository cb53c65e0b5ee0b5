"""The benchmark of channels works: its link does as it is told, and every contestant gets through."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from benchmarks.p2p import __main__ as command
from benchmarks.p2p import bulk_loopback, capacity, lossy, replies, sharing
from benchmarks.p2p import link as links
from benchmarks.p2p.contestants import OURS, TCP_CUBIC, bulk, echoes
from benchmarks.p2p.running import Pace, linked

LACKS = links.missing()

pytestmark = [pytest.mark.integration, pytest.mark.skipif(LACKS is not None, reason=f"no link: {LACKS}")]

LOOK = Pace(seconds=0.4, messages=25, rounds=1, lanes=4)


def namespaces() -> set[str]:
    """The network namespaces that this process holds open."""
    held = Path(f"/proc/{os.getpid()}/fd")
    targets = (os.readlink(one) for one in held.iterdir() if os.path.lexists(one))
    return {target for target in targets if target.startswith("net:")}


def test_the_link_delays_and_loses_as_it_is_told_and_leaves_nothing_behind() -> None:
    home, before = os.readlink("/proc/thread-self/ns/net"), namespaces()
    way = links.Way(delay=0.025, loss=0.2)
    with linked(way, way, 1) as (link, pump, folder):
        assert len(namespaces() - before) == 2
        told = echoes(OURS, link, 50, 0.05, folder)
    assert told["answered"] == 50
    assert 50 <= told["p50_ms"] < 200
    shares = [one["lost"] / (one["lost"] + one["passed"]) for one in pump.ways]
    assert all(0.05 < share < 0.4 for share in shares)
    assert (os.readlink("/proc/thread-self/ns/net"), namespaces()) == (home, before)


def test_the_link_carries_no_more_than_its_rate_and_queues_no_more_than_it_holds() -> None:
    way = links.Way(mbit=10.0, delay=0.005, queue=2.0)
    with linked(way, way, 1) as (link, pump, folder):
        told = bulk(TCP_CUBIC, link, 1.0, 0.01, folder)
    assert 5.0 < told["mbit"] < 10.0
    assert pump.ways[0]["dropped"] > 0
    assert 0 < pump.ways[0]["longest_queue"] <= 2.0 * 0.01 * 10e6 / 8


@pytest.mark.parametrize("module", [capacity, lossy, replies, sharing, bulk_loopback], ids=lambda one: one.__name__)
def test_every_row_has_a_figure_of_each_contestant(module: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lossy, "LOSSES", (0.02,))
    monkeypatch.setattr(bulk_loopback, "SIZES", (1200,))
    row = module.measure(LOOK)
    assert row.figures
    for contestants in row.figures.values():
        assert set(contestants) == set(row.order)
        assert all(figures[row.metrics[0]] > 0 for rounds in contestants.values() for figures in rounds)


def test_who_may_not_make_a_link_is_told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert command.main([]) == 2
    assert "need root" in capsys.readouterr().err
