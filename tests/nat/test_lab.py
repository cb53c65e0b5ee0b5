"""The lab is one: its routers are NATs of the kinds that they are called by, packets die where they should, and nothing
of it outlives the process that made it.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.nat.classes import SILENCE, By, Class, Observatory, Stray, classify
from tests.nat.lab import HOPS_TO_THE_INTERNET, Host, Lab, Router
from tests.nat.routers import Kind

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
BY_BOTH = By.ADDRESS_AND_PORT


@pytest.fixture(scope="module")
def observatory(lab: Lab) -> Iterator[Observatory]:
    made = Observatory(lab)
    yield made
    made.close()


@pytest.fixture
def behind(lab: Lab) -> Callable[[Kind], Host]:
    """Makes a host behind a router of a kind."""
    return lambda kind: lab.host(lab.router(kind))


def hears(sock: socket.socket) -> bool:
    """Whether a packet comes, which is taken."""
    heard = bool(select.select([sock], [], [], SILENCE)[0])
    if heard:
        sock.recv(100)
    return heard


# --- kinds ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (Kind.FULL_CONE, Class(By.NOTHING, By.NOTHING, By.NOTHING, Stray.DROPPED)),
        (Kind.ADDRESS_RESTRICTED, Class(By.NOTHING, By.ADDRESS, By.NOTHING, Stray.DROPPED)),
        (Kind.PORT_RESTRICTED, Class(By.NOTHING, BY_BOTH, By.NOTHING, Stray.DROPPED)),
        (Kind.SYMMETRIC, Class(BY_BOTH, BY_BOTH, BY_BOTH, Stray.DROPPED)),
        (Kind.POISONABLE, Class(By.NOTHING, BY_BOTH, By.NOTHING, Stray.REFUSED)),
        (Kind.REFUSING, Class(By.NOTHING, BY_BOTH, By.NOTHING, Stray.REFUSED)),
        (Kind.UDP_BLOCKED, Class(None, None, By.NOTHING, Stray.DROPPED)),
    ],
    ids=lambda each: each if isinstance(each, Kind) else "",
)
def test_a_router_is_a_nat_of_its_kind(
    behind: Callable[[Kind], Host], observatory: Observatory, kind: Kind, expected: Class
) -> None:
    assert classify(observatory, behind(kind)) == expected


def test_a_public_host_is_reached_by_anybody(lab: Lab, observatory: Observatory) -> None:
    host = lab.host()
    assert classify(observatory, host) == Class(By.NOTHING, By.NOTHING, By.NOTHING, Stray.REFUSED)
    with host.namespace.udp_socket() as sock:
        assert observatory.seen(sock) == (host.address, sock.getsockname()[1])


@pytest.mark.parametrize("outer", [Kind.PORT_RESTRICTED, Kind.SYMMETRIC])
def test_behind_a_home_router_and_the_providers_the_worse_one_counts(
    lab: Lab, observatory: Observatory, outer: Kind
) -> None:
    provider = lab.provider(outer)
    host = lab.host(lab.router(Kind.PORT_RESTRICTED, behind=provider))
    mapping = BY_BOTH if outer is Kind.SYMMETRIC else By.NOTHING
    assert classify(observatory, host) == Class(mapping, BY_BOTH, mapping, Stray.DROPPED)
    with host.namespace.udp_socket() as sock:
        seen = observatory.seen(sock)
    assert seen is not None and seen[0] == provider.wan == host.public_address


def test_of_two_hosts_with_one_port_the_second_gets_another_but_the_same_for_all(
    lab: Lab, observatory: Observatory
) -> None:
    router = lab.router(Kind.PORT_RESTRICTED)
    first, second = (lab.host(router).namespace.udp_socket(("0.0.0.0", 5000)) for _ in range(2))
    with first, second:
        assert observatory.seen(first) == (router.wan, 5000)
        seen = observatory.seen(second)
        assert seen is not None and seen != (router.wan, 5000)
        assert observatory.seen(second, address=1) == seen


# --- the internet -----------------------------------------------------------------------------------------------------
def test_hosts_of_one_router_reach_each_other_and_nobody_elses(lab: Lab) -> None:
    router, other = lab.router(Kind.PORT_RESTRICTED), lab.router(Kind.PORT_RESTRICTED)
    host, neighbour, stranger = lab.host(router), lab.host(router), lab.host(other)
    with host.namespace.udp_socket() as asking:
        for target, is_reached in ((neighbour, True), (stranger, False)):
            with target.namespace.udp_socket() as hearing:
                asking.sendto(b"x", (target.address, hearing.getsockname()[1]))
                assert hears(hearing) is is_reached


def exchange(lab: Lab, observatory: Observatory, early: Router, late: Router, ttl: int = 64) -> bool:
    """The early one's packet comes to the late one's router before the late one has sent any; is the late one's own
    heard then?
    """
    with lab.host(early).namespace.udp_socket() as ours, lab.host(late).namespace.udp_socket() as theirs:
        our_place, their_place = observatory.seen(ours), observatory.seen(theirs)
        assert our_place is not None and their_place is not None
        ours.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, ttl)
        ours.sendto(b"early", their_place)
        assert not hears(theirs)
        theirs.sendto(b"late", our_place)
        return hears(ours)


@pytest.mark.parametrize(("kind", "is_heard"), [(Kind.PORT_RESTRICTED, True), (Kind.POISONABLE, False)])
def test_a_packet_that_comes_too_early_takes_the_port_away_where_strays_are_not_dropped(
    lab: Lab, observatory: Observatory, kind: Kind, is_heard: bool
) -> None:
    assert exchange(lab, observatory, lab.router(Kind.PORT_RESTRICTED), lab.router(kind)) is is_heard


def test_a_packet_of_a_short_life_opens_its_own_nat_and_poisons_no_other(lab: Lab, observatory: Observatory) -> None:
    early, late = lab.router(Kind.PORT_RESTRICTED), lab.router(Kind.POISONABLE)
    assert exchange(lab, observatory, early, late, ttl=HOPS_TO_THE_INTERNET)
    assert not exchange(lab, observatory, early, late, ttl=HOPS_TO_THE_INTERNET + 1)


def test_hosts_of_a_router_with_hairpins_are_seen_by_each_other_under_their_outer_addresses(
    lab: Lab, observatory: Observatory
) -> None:
    for has_hairpins in (False, True):
        router = lab.router(Kind.FULL_CONE)
        if has_hairpins:
            router.hairpin()
        with lab.host(router).namespace.udp_socket() as asking, lab.host(router).namespace.udp_socket() as hearing:
            ours, theirs = observatory.seen(asking), observatory.seen(hearing)
            assert ours is not None and theirs is not None
            asking.sendto(b"x", theirs)
            assert bool(select.select([hearing], [], [], SILENCE)[0]) is has_hairpins
            assert not has_hairpins or hearing.recvfrom(100)[1] == ours


# --- changes ----------------------------------------------------------------------------------------------------------
def test_what_is_cut_is_cut_for_that_protocol_both_ways_until_it_is_mended(lab: Lab) -> None:
    one, other = lab.host(), lab.host()
    with one.namespace.udp_socket() as first, other.namespace.udp_socket() as second:

        def passes() -> tuple[bool, bool]:
            first.sendto(b"x", (other.address, second.getsockname()[1]))
            second.sendto(b"x", (one.address, first.getsockname()[1]))
            return hears(second), hears(first)

        assert passes() == (True, True)
        for protocol, expected in (("udp", False), ("tcp", True), ("all", False)):
            lab.cut(one, other, protocol)
            assert passes() == (expected, expected)
            lab.mend(one, other, protocol)
        assert passes() == (True, True)


@pytest.mark.parametrize("kind", [Kind.FULL_CONE, Kind.ADDRESS_RESTRICTED, Kind.PORT_RESTRICTED, Kind.SYMMETRIC])
def test_a_router_that_forgets_lets_nobody_in_by_what_was(
    behind: Callable[[Kind], Host], observatory: Observatory, kind: Kind
) -> None:
    host = behind(kind)
    with host.namespace.udp_socket() as sock:
        outer = observatory.seen(sock)
        assert outer is not None and observatory.reaches(0, 0, outer, sock)
        assert host.router is not None
        host.router.forget()
        assert not observatory.reaches(0, 0, outer, sock)


def test_a_mapping_dies_when_it_is_idle(behind: Callable[[Kind], Host], observatory: Observatory) -> None:
    host = behind(Kind.PORT_RESTRICTED)
    assert host.router is not None
    host.router.keep_mappings_for(1, 1)
    with host.namespace.udp_socket() as sock:
        outer = observatory.seen(sock)
        assert outer is not None and observatory.reaches(0, 0, outer, sock)
        time.sleep(2.2)  # the kernel's clock is no other than the wall's
        assert not observatory.reaches(0, 0, outer, sock)


def test_a_host_that_moves_is_reached_at_its_new_address_alone(lab: Lab) -> None:
    router = lab.router(Kind.PORT_RESTRICTED)
    host, neighbour = lab.host(router), lab.host(router)
    old = host.address
    with host.namespace.udp_socket() as hearing, neighbour.namespace.udp_socket() as asking:
        host.move(router.unused_address())
        for address, is_reached in ((old, False), (host.address, True)):
            asking.sendto(b"x", (address, hearing.getsockname()[1]))
            assert hears(hearing) is is_reached


# --- setting up and clearing away -------------------------------------------------------------------------------------
KEEPER = """
import subprocess, time
from tests.nat.lab import Lab
from tests.nat.namespaces import DIES_WITH_US
lab = Lab()
with lab.internet.inside():
    subprocess.Popen([*DIES_WITH_US, "sleep", "1000"])
print(lab.internet.number, flush=True)
time.sleep(1000)
"""


def namespaces_in_use() -> set[int]:
    """Numbers of all network namespaces that a process is in or holds."""
    numbers = set()
    for link in [*Path("/proc").glob("[0-9]*/ns/net"), *Path("/proc").glob("[0-9]*/fd/*")]:
        try:
            target = os.readlink(link)
        except OSError:  # that process has just ended
            continue
        if target.startswith("net:["):
            numbers.add(int(target[5:-1]))
    return numbers


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda number: number.name)
def test_a_lab_whose_process_ends_leaves_nothing_behind(lab_is_possible: None, number: signal.Signals) -> None:
    arguments = [sys.executable, "-c", KEEPER]
    with subprocess.Popen(arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as keeper:
        assert keeper.stdout is not None
        internet = int(keeper.stdout.readline())
        assert internet in namespaces_in_use()
        keeper.send_signal(number)
    deadline = time.monotonic() + 5
    while internet in namespaces_in_use() and time.monotonic() < deadline:
        time.sleep(0.01)  # of the end of a process that is not ours nobody tells
    assert internet not in namespaces_in_use()


def test_a_closed_lab_is_gone_and_the_machines_own_network_is_as_it_was(lab_is_possible: None) -> None:
    before = subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout
    with Lab() as lab:
        host = lab.host(lab.router(Kind.SYMMETRIC))
        numbers = {lab.internet.number, host.namespace.number}
        assert numbers <= namespaces_in_use()
    assert not numbers & namespaces_in_use()
    assert subprocess.run(["ip", "address"], capture_output=True, text=True, check=True).stdout == before


def test_the_whole_lab_is_there_at_once(lab_is_possible: None) -> None:
    began = time.monotonic()
    with Lab() as lab:
        for kind in Kind:
            for _ in range(2):
                router = lab.router(kind)
                lab.host(router)
                lab.host(router)
    # Half a second on a machine that is free. Tests that set it up each for itself must be able to.
    assert time.monotonic() - began < 20


def test_what_a_program_complains_of_is_told_with_what_it_was_given(lab: Lab) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)nft -f - in internet: .*syntax error.*ta ble"):
        lab.internet.nft("ta ble")
