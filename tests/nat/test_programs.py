"""What `esframework nat` says behind NATs of every kind, and `p2p test` where a channel opens and where none does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import pytest
import pytest_twisted

from tests.integration.support import Child
from tests.nat.lab import SERVERS, Host, Lab
from tests.nat.people import PORT, program, started_server
from tests.nat.places import Map, Place

pytestmark = pytest.mark.integration
TWO_ADDRESSES = f'[p2p]\nsecond_address = "{SERVERS[1]}"\n'

KINDS = {
    Place.PUBLIC: "full cone",
    Place.FULL_CONE: "full cone",
    Place.ADDRESS_RESTRICTED: "restricted cone",
    Place.PORT_RESTRICTED: "port-restricted cone",
    Place.SYMMETRIC: "symmetric",
    Place.POISONABLE: "port-restricted cone",
    Place.REFUSING: "port-restricted cone",
    Place.UDP_BLOCKED: "no UDP",
    Place.PROVIDER: "port-restricted cone",
    Place.SYMMETRIC_PROVIDER: "symmetric",
}


def account(name: str) -> str:
    """A user of the lab's server, as the command line says it."""
    return f"{name}@{SERVERS[0]}:{PORT}"


@pytest_twisted.async_yield_fixture(scope="module")
async def everywhere(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Map]:
    server = await started_server(lab, tmp_path_factory.mktemp("server"), config=TWO_ADDRESSES).ready()
    yield Map(lab)
    await server.end()


async def told(child: Child, code: int = 0) -> dict[str, Any]:
    """The one object that a program prints."""
    assert await child.over() == code, child.shown
    (line,) = [line for line in child.shown.splitlines() if line.startswith("{")]
    return dict(json.loads(line))


@pytest_twisted.async_fixture(scope="module")
async def reports(everywhere: Map) -> dict[Place, tuple[Host, dict[str, Any]]]:
    """What people at all places are told; a few ask at the same time."""
    reports: dict[Place, tuple[Host, dict[str, Any]]] = {}
    for some in batched(KINDS, 3):
        hosts = {place: everywhere.hosts((place, Place.PUBLIC))[0] for place in some}
        asking = [program(host, "nat", account(place.name), "--json") for place, host in hosts.items()]
        for place, child in zip(some, asking, strict=True):
            reports[place] = hosts[place], await told(child)
    return reports


def batched(places: Iterable[Place], size: int) -> Iterator[list[Place]]:
    """So many at a time."""
    left = list(places)
    while left:
        yield left[:size]
        left = left[size:]


@pytest.mark.parametrize("place", KINDS, ids=str)
def test_somebody_learns_behind_which_nat_they_are(
    reports: dict[Place, tuple[Host, dict[str, Any]]], place: Place
) -> None:
    host, report = reports[place]
    assert report["nat"] == KINDS[place]
    assert report["addresses"] == [host.address]
    assert report["is_near"] is False
    assert report["is_translated"] is (place is not Place.PUBLIC)
    assert report["tcp"].startswith(f"{host.public_address}:")
    if place is Place.UDP_BLOCKED:
        assert report["udp"] is None
    else:
        assert report["udp"].startswith(f"{host.public_address}:")


@pytest_twisted.ensureDeferred
async def test_where_no_channel_opens_both_nats_are_named_and_the_server_is_measured(everywhere: Map) -> None:
    one, other = everywhere.hosts((Place.SYMMETRIC, Place.PORT_RESTRICTED))
    bob = program(other, "p2p", "answer", account("bob"))
    await bob.shows("^answering tests as bob")
    alice = program(one, "p2p", "test", "bob", "--as", account("alice"))
    assert await alice.over() == 5, alice.shown
    assert "you are behind a symmetric NAT, bob is behind a port-restricted cone: " in alice.shown
    assert "messages to bob go by the server: " in alice.shown
    await bob.end()


@pytest.mark.parametrize("mode", ["udp", "tcp"])
@pytest_twisted.ensureDeferred
async def test_between_homes_a_channel_is_measured(everywhere: Map, mode: str) -> None:
    one, other = everywhere.hosts((Place.PORT_RESTRICTED, Place.PORT_RESTRICTED))
    bob = program(other, "p2p", "answer", account("bob"))
    await bob.shows("^answering tests as bob")
    alice = program(one, "p2p", "test", "bob", "--as", account("alice"), "--mode", mode, "--megabytes", "5", "--json")
    result = await told(alice)
    assert (result["protocol"], result["bytes"]) == (mode, 5_000_000)
    assert result["address"].startswith(f"{other.public_address}:")
    await bob.end()
