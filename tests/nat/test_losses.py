"""What becomes of channels of real clients when the network fails them: it is noticed in time, the server takes over,
no word is lost, doubled or out of order, and a channel comes again.

Each of these takes as long as a dead channel takes to be noticed, so they all happen at the same time, on routers of
their own; a test is what came of one of them.
"""

from __future__ import annotations

import filecmp
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted
from twisted.internet.defer import Deferred, DeferredList
from twisted.python.failure import Failure

from tests.nat.lab import SERVERS, Host, Lab, Router
from tests.nat.matrix import BOTH
from tests.nat.meetings import Meeting, pause
from tests.nat.people import Person, started_server
from tests.nat.routers import Kind

pytestmark = pytest.mark.integration
NOTICED_WITHIN = 15.0
BUSY = 3.0
"""Seconds that a busy machine may take on top of any time that is promised."""
AGAIN_WITHIN = 30.0
"""Seconds after which there is a channel again: it is tried again soon, in three rounds of four seconds."""
FILE = 48 * 1024 * 1024


class Stage:
    """Where the scenes are played."""

    def __init__(self, lab: Lab, folder: Path) -> None:
        self.lab = lab
        self.folder = folder

    def hosts(self, one: Kind | None, other: Kind | None, network: str | None = None) -> tuple[Host, Host]:
        """Hosts behind routers that nobody else has; of kind None, public ones."""
        first, second = (
            self.lab.host(None if kind is None else self.lab.router(kind, network=network)) for kind in (one, other)
        )
        return first, second

    async def meeting(self, one: Kind | None, other: Kind | None, mode: str, **options: Any) -> Meeting:
        """Two people who talk, and by what kind of channel: "UDP", "TCP", or "TCP_AND_UDP", which ends with TCP."""
        meeting = await Meeting.begun(self.hosts(one, other), **options)
        meeting.talk()
        opened = await meeting.open(mode)
        assert opened.protocol is not None, opened
        await meeting.have("udp" if mode == "UDP" else "tcp", 10.0)
        await pause(0.5)
        return meeting


Scene = Callable[[Stage], Coroutine[Any, Any, None]]
SCENES: dict[str, Scene] = {}


def scene(play: Scene) -> Scene:
    """One of those that are played."""
    SCENES[play.__name__] = play
    return play


async def both_notice(meeting: Meeting, since: float) -> None:
    """Waits until both have lost a channel; fails if it took them too long."""
    for person in meeting.both:
        closed = await person.tells("closed", seconds=NOTICED_WITHIN + 4 * BUSY)
        assert closed["at"] - since < NOTICED_WITHIN + BUSY, (person.user_id, closed["at"] - since)


async def survives_a_cut(stage: Stage, mode: str) -> None:
    """A channel is cut, and mended when both have noticed: what was said meanwhile comes by the server."""
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, mode)
    hosts = meeting.one.host, meeting.other.host
    stage.lab.cut(*hosts)
    await both_notice(meeting, time.monotonic())
    await meeting.have(None, BUSY)
    await pause(1.0)
    stage.lab.mend(*hosts)
    await meeting.have("udp" if mode == "UDP" else "tcp", AGAIN_WITHIN)
    await pause(0.5)
    assert await meeting.hush() < NOTICED_WITHIN + BUSY
    await meeting.end()


# --- scenes -----------------------------------------------------------------------------------------------------------
@scene
async def a_channel_by_udp_is_cut_and_comes_again(stage: Stage) -> None:
    await survives_a_cut(stage, "UDP")


@scene
async def a_channel_by_tcp_is_cut_and_comes_again(stage: Stage) -> None:
    await survives_a_cut(stage, "TCP")


@scene
async def channels_by_both_are_cut_and_come_again(stage: Stage) -> None:
    await survives_a_cut(stage, BOTH)


@scene
async def udp_takes_over_when_only_tcp_is_cut(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, BOTH)
    began = time.monotonic()
    stage.lab.cut(meeting.one.host, meeting.other.host, "tcp")
    await both_notice(meeting, began)
    await meeting.have("udp", AGAIN_WITHIN)
    assert await meeting.hush() < NOTICED_WITHIN + BUSY
    await meeting.end()


@scene
async def a_channel_that_was_closed_may_be_opened_at_once(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "TCP")
    for mode, protocol in (("TCP", "tcp"), ("UDP", "udp"), (BOTH, "tcp"), ("TCP", "tcp")):
        await meeting.close()
        opened = await meeting.open(mode)
        assert opened.protocol is not None and opened.seconds < 4.0 + BUSY, (mode, opened)
        await meeting.have(protocol, 4.0 + BUSY)
    await meeting.hush()
    await meeting.end()


@scene
async def both_want_a_channel_at_the_same_time(stage: Stage) -> None:
    meeting = await Meeting.begun(stage.hosts(Kind.PORT_RESTRICTED, Kind.FULL_CONE))
    meeting.talk()
    for person, other in (meeting.both, meeting.both[::-1]):
        person.does("connect", to=other.user_id, mode=BOTH)
    for person in meeting.both:
        assert (await person.tells("connected", "not connected"))["event"] == "connected"
    await meeting.have("tcp", 4.0 + BUSY)
    await pause(5.0)
    await meeting.have("tcp", BUSY)
    await meeting.hush()
    await meeting.end()


@scene
async def who_is_killed_is_missed_in_time_and_found_again(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "UDP")
    began = time.monotonic()
    meeting.other.tell(signal.SIGKILL)
    closed = await meeting.one.tells("closed", seconds=NOTICED_WITHIN + 4 * BUSY)
    assert closed["at"] - began < NOTICED_WITHIN + BUSY
    again = await Person(meeting.other.host, meeting.other.user_id).logged_on()
    try:
        # Nobody tells that somebody is back: the first wish finds them, not the one that is tried again in a minute.
        meeting.one.does("disconnect", to=again.user_id)
        meeting.one.does("connect", to=again.user_id, mode="UDP")
        assert (await meeting.one.tells("connected", "not connected"))["event"] == "connected"
        await pause(1.0)
        again.does("report", of=meeting.one.user_id)
        report = await again.tells("report")
        # What was said while nobody was there is gone; from the first word heard on there is no gap.
        assert report["heard"] > 0 and len(report["wrong"]) == 1, report
    finally:
        await again.end()
        await meeting.end()


@scene
async def routers_that_forget_their_mappings_lose_no_word(stage: Stage) -> None:
    for mode in ("UDP", "TCP"):
        meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, mode)
        for person in meeting.both:
            assert person.host.router is not None
            person.host.router.forget()
        await pause(2.0)
        assert await meeting.hush() < NOTICED_WITHIN + BUSY
        await meeting.end()


@scene
async def a_symmetric_router_that_forgets_moves_its_channel(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.SYMMETRIC, None, "UDP")
    router = meeting.one.host.router
    assert router is not None
    before = (await _state(meeting.other, meeting.one))["address"]
    router.forget()
    await pause(3.0)
    after = await _state(meeting.other, meeting.one)
    assert after.get("protocol") == "udp" and after["address"] != before
    # The connection to the server ends by that, too: who talks by the channel does not notice.
    await meeting.hush()
    await meeting.end()


@scene
async def an_idle_channel_outlives_short_mappings(stage: Stage) -> None:
    meeting = await Meeting.begun(stage.hosts(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED))
    for person in meeting.both:
        assert person.host.router is not None
        person.host.router.keep_mappings_for(10, 10)
    assert (await meeting.open("UDP")).protocol == "udp"
    opened_at = time.monotonic()
    await pause(25.0)
    assert not any(person.since(opened_at, "closed") for person in meeting.both)
    meeting.talk()
    await pause(0.5)
    assert await meeting.hush() < BUSY
    await meeting.end()


@scene
async def who_comes_to_another_network_keeps_the_channel(stage: Stage) -> None:
    # Its router gives the new address another port: the other's must let that in.
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.ADDRESS_RESTRICTED, "UDP")
    host = meeting.one.host
    assert host.router is not None
    moved_at = time.monotonic()
    host.move(host.router.unused_address())
    meeting.one.does("move")
    await pause(5.0)
    assert not any(person.since(moved_at, "closed") for person in meeting.both)
    await meeting.have("udp", BUSY)
    await meeting.hush()
    await meeting.end()


@scene
async def who_comes_to_another_network_where_nobody_lets_it_in_has_another_channel_soon(stage: Stage) -> None:
    # Both ends' NATs have other ports then, and the session with the server is as dead as the channel.
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "UDP")
    host = meeting.one.host
    assert host.router is not None
    host.move(host.router.unused_address())
    meeting.one.does("move")
    await meeting.one.tells("server back")
    await pause(9.0)
    await meeting.have("udp", BUSY)
    # By silence alone it would take fifteen seconds.
    assert await meeting.hush() < 10.0
    await meeting.end()


@scene
async def who_does_not_say_that_it_has_moved_finds_out_by_itself(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "UDP")
    host = meeting.one.host
    assert host.router is not None
    host.move(host.router.unused_address())
    await meeting.one.tells("server back")
    await meeting.have("udp", AGAIN_WITHIN)
    assert await meeting.hush() < NOTICED_WITHIN + BUSY
    await meeting.end()


@scene
async def the_channel_goes_on_without_the_server(stage: Stage) -> None:
    data = stage.folder / "own server"
    server = await started_server(stage.lab, data, SERVERS[1]).ready()
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "UDP", server=SERVERS[1])
    await server.end(signal.SIGKILL)
    for person in meeting.both:
        await person.tells("server lost")
    began = time.monotonic()
    await pause(3.0)
    assert not any(person.since(began, "closed") for person in meeting.both)
    again = await started_server(stage.lab, data, SERVERS[1]).ready()
    for person in meeting.both:
        await person.tells("server back")
    assert await meeting.hush() < BUSY
    await meeting.end()
    await again.end()


@scene
async def a_file_whose_channel_dies_goes_on_by_the_server(stage: Stage) -> None:
    meeting = await stage.meeting(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, "UDP")
    source, inbox = stage.folder / "film", stage.folder / "inbox"
    inbox.mkdir()
    source.write_bytes(os.urandom(FILE))
    meeting.other.does("receive_into", folder=str(inbox))
    meeting.one.does("send_file", to=meeting.other.user_id, path=str(source))
    await meeting.one.tells("file begun")
    sent = 0
    while sent < FILE // 8:
        meeting.one.does("progress")
        sent = (await meeting.one.tells("progress"))["bytes"]
    by_channel = await _state(meeting.one, meeting.other)
    assert sent < FILE and by_channel["facts"]["bytes_sent"] > sent // 2, (sent, by_channel)
    stage.lab.cut(meeting.one.host, meeting.other.host)
    done = await meeting.one.tells("file sent", "file not sent", seconds=90.0)
    assert done["event"] == "file sent", done
    assert filecmp.cmp(source, inbox / "film", shallow=False)
    await meeting.hush()
    await meeting.end()


@scene
async def homes_with_the_same_private_addresses_are_no_neighbours(stage: Stage) -> None:
    meeting = await Meeting.begun(stage.hosts(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED, network="192.168.1"))
    assert meeting.one.host.address == meeting.other.host.address
    await opens_by_each(meeting)


@scene
async def their_programs_run_on_asyncio(stage: Stage) -> None:
    hosts = stage.hosts(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED)
    await opens_by_each(await Meeting.begun(hosts, reactor="asyncio"))


@scene
async def their_programs_run_on_select(stage: Stage) -> None:
    hosts = stage.hosts(Kind.PORT_RESTRICTED, Kind.PORT_RESTRICTED)
    await opens_by_each(await Meeting.begun(hosts, reactor="select"))


@scene
async def neighbours_reach_each_other_in_their_lan(stage: Stage) -> None:
    router = stage.lab.router(Kind.SYMMETRIC)
    meeting = await Meeting.begun((stage.lab.host(router), stage.lab.host(router)))
    assert await opens_by_each(meeting) == [meeting.other.host.address] * 2


async def _state(of: Person, to: Person) -> dict[str, Any]:
    of.does("state", of=to.user_id)
    return await of.tells("state")


async def opens_by_each(meeting: Meeting, modes: Sequence[str] = ("UDP", "TCP")) -> list[str]:
    """Channels of these kinds can be opened, one after the other; at which hosts the first one reached the other. And
    the meeting is over."""
    addresses = []
    meeting.talk()
    for mode in modes:
        opened = await meeting.open(mode)
        assert opened.protocol == mode.lower(), opened
        addresses.append((await _state(meeting.one, meeting.other))["address"][0])
        await pause(0.5)
        await meeting.close()
    await meeting.hush()
    await meeting.end()
    return addresses


@scene
async def a_router_forwards_ports_that_it_is_asked_for_by_pcp(stage: Stage) -> None:
    await is_helped_by_forwarding(stage, "pcp")


@scene
async def a_router_forwards_ports_that_it_is_asked_for_by_upnp(stage: Stage) -> None:
    await is_helped_by_forwarding(stage, "upnp")


async def is_helped_by_forwarding(stage: Stage, by: str) -> None:
    """Two symmetric NATs, between which nothing else goes."""
    meeting = await Meeting.begun(stage.hosts(Kind.SYMMETRIC, Kind.SYMMETRIC), upnp=by == "upnp")
    router = meeting.other.host.router
    assert router is not None
    folder = stage.folder / by
    folder.mkdir()
    router.forward_on_request(folder, only_upnp=by == "upnp")
    assert await opens_by_each(meeting) == [router.wan, router.wan]


@scene
async def ipv6_behind_firewalls_needs_no_nat(stage: Stage) -> None:
    hosts = stage.hosts(Kind.SYMMETRIC, Kind.SYMMETRIC)
    _, address = [stage.lab.give_ipv6(host) for host in hosts]
    assert await opens_by_each(await Meeting.begun(hosts)) == [address, address]


def customers(stage: Stage, kind: Kind) -> tuple[Router, tuple[Host, Host]]:
    """A provider's router, and hosts behind the routers of two of its customers."""
    provider = stage.lab.provider(kind)
    one, other = (stage.lab.host(stage.lab.router(Kind.PORT_RESTRICTED, behind=provider)) for _ in range(2))
    return provider, (one, other)


@scene
async def customers_of_a_provider_meet_at_its_router_if_that_lets_them(stage: Stage) -> None:
    provider, hosts = customers(stage, Kind.FULL_CONE)
    provider.hairpin()
    assert await opens_by_each(await Meeting.begun(hosts), ["UDP"]) == [provider.wan]


@scene
async def customers_of_a_provider_talk_by_the_server_if_its_router_does_not_let_them_meet(stage: Stage) -> None:
    meeting = await Meeting.begun(customers(stage, Kind.FULL_CONE)[1])
    meeting.talk()
    assert (await meeting.open(BOTH)).protocol is None
    await meeting.hush()
    await meeting.end()


# --- tests ------------------------------------------------------------------------------------------------------------
@pytest_twisted.async_yield_fixture(scope="module")
async def played(
    request: pytest.FixtureRequest, lab: Lab, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Mapping[str, Failure | None]]:
    """What came of each scene that is asked for: None, or how it failed."""
    callspecs = [getattr(item, "callspec", None) for item in request.session.items if item.path == request.path]
    names = [callspec.params["name"] for callspec in callspecs if callspec is not None]
    folder = tmp_path_factory.mktemp("scenes")
    server = await started_server(lab, folder / "server").ready()
    stage = Stage(lab, folder)
    playing = [Deferred.fromCoroutine(SCENES[name](stage)) for name in names]
    results = await DeferredList(playing, consumeErrors=True)
    yield {name: None if succeeded else result for name, (succeeded, result) in zip(names, results, strict=True)}
    await server.end()


@pytest.mark.parametrize("name", SCENES)
def test_nobody_loses_a_word_when(played: Mapping[str, Failure | None], name: str) -> None:
    failure = played[name]
    if failure is not None:
        print(failure.getTraceback())
        failure.raiseException()
