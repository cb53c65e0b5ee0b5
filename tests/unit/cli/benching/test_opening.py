"""Opening many connections: descriptors and addresses enough, and not too many at the same time."""

from __future__ import annotations

import resource
from typing import Any

import pytest

from esframework.cli.benching import opening
from esframework.cli.benching.opening import (
    AT_THE_SAME_TIME,
    CONNECTIONS_PER_ADDRESS,
    Opened,
    TooFewDescriptors,
    open_connections,
    raise_descriptor_limit,
    source_address,
)
from esframework.cli.benching.schemes import make_plan
from esframework.testing import MemoryNetwork, simulated


@pytest.mark.parametrize(
    ("endpoint", "number", "address"),
    [
        ("tcp:127.0.0.1:4530", 0, None),
        ("tcp:127.0.0.1:4530", CONNECTIONS_PER_ADDRESS - 1, None),
        ("tcp:127.0.0.1:4530", CONNECTIONS_PER_ADDRESS, "127.0.0.2"),
        ("tcp:localhost:4530", 3 * CONNECTIONS_PER_ADDRESS, "127.0.0.4"),
        ("tcp:192.0.2.1:4530", CONNECTIONS_PER_ADDRESS, None),
        ("tls:127.0.0.1:4530", CONNECTIONS_PER_ADDRESS, None),
        ("unix:/run/es.sock", CONNECTIONS_PER_ADDRESS, None),
    ],
)
def test_loopback_has_more_source_addresses_than_one(endpoint: str, number: int, address: str | None) -> None:
    assert source_address(endpoint, number) == address


@pytest.fixture
def limits(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The soft and the hard limit that the process has, in place of the real ones."""
    in_force: list[Any] = [1024, 4096]

    def change(kind: int, pair: tuple[int, int]) -> None:
        if pair[1] > 4096:
            raise ValueError("not allowed to raise maximum limit")
        in_force[:] = pair

    monkeypatch.setattr(resource, "getrlimit", lambda kind: tuple(in_force))
    monkeypatch.setattr(resource, "setrlimit", change)
    return in_force


@pytest.mark.parametrize(("connections", "soft"), [(500, 1024), (3000, 3000 + opening.SPARE_DESCRIPTORS)])
def test_the_soft_limit_is_raised_as_far_as_it_is_needed(limits: list[Any], connections: int, soft: int) -> None:
    raise_descriptor_limit(connections)
    assert limits == [soft, 4096]


def test_a_limit_that_cannot_be_raised_is_told_with_the_way_out(limits: list[Any]) -> None:
    with pytest.raises(TooFewDescriptors, match="ulimit -Hn 6100"):
        raise_descriptor_limit(6000)


@simulated
async def test_all_are_opened_and_few_at_the_same_time(network: MemoryNetwork) -> None:
    server = network.server()
    network.conditions.delay = 0.1
    plan = make_plan("flood", connections=3 * AT_THE_SAME_TIME, seconds=1.0, user_prefix="u")
    opened, told, waiting = Opened(), list[int](), list[int]()
    endpoint = network.client_endpoint()

    def progress(number: int) -> None:
        told.append(number)
        waiting.append(server.connection_count - len(server.users.ids()))

    await open_connections(network.reactor, opened, plan, plan.user_names, "", endpoint, progress)
    assert told == list(range(1, 3 * AT_THE_SAME_TIME + 1))
    assert max(waiting) <= AT_THE_SAME_TIME
    assert sorted(server.users.ids()) == sorted(plan.user_names)
    await opened.close(network.reactor)
    network.advance(1.0)
    assert server.connection_count == 0
