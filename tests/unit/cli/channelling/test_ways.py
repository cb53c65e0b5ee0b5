"""Ways in words."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from esframework.cli.channelling.ways import milliseconds, place, way_to


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "0.0 ms"), (0.00123, "1.2 ms"), (0.00996, "10 ms"), (0.0123, "12 ms"), (1.5, "1500 ms")],
)
def test_round_trips(seconds: float, shown: str) -> None:
    assert milliseconds(seconds) == shown


@pytest.mark.parametrize(
    ("address", "shown"),
    [(("192.0.2.7", 4530), "192.0.2.7:4530"), (("2001:db8::7", 1), "[2001:db8::7]:1"), (("", 7), "*:7")],
)
def test_places(address: tuple[str, int], shown: str) -> None:
    assert place(address) == shown


def test_the_way_to_somebody() -> None:
    state = SimpleNamespace(protocol="udp", round_trip=0.012)
    p2p = SimpleNamespace(channel_state=lambda user: state if user == "bob" else None)
    assert way_to(SimpleNamespace(p2p=p2p), "bob") == "direct (udp, 12 ms)"
    assert way_to(SimpleNamespace(p2p=p2p), "carol") == way_to(SimpleNamespace(p2p=None), "bob") == "by the server"
