"""Real clients behind real NATs: a channel between exactly those pairs where one can be, by UDP and by TCP; the others
stay with the server; and all of them talk, before, meanwhile and after.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping

import pytest
import pytest_twisted

from esframework.limits import rudp as limits
from tests.nat.lab import Lab
from tests.nat.matrix import Met, met
from tests.nat.people import started_server
from tests.nat.places import ALL, BY_CHANCE, BY_TCP, BY_UDP, Map, Places

pytestmark = pytest.mark.integration
BUSY = 2.0
"""Seconds that a busy machine may take on top of any time that is promised."""
FAILS_WITHIN = limits.ROUNDS * limits.ROUND_TIME + 2 * limits.NOMINATION_TIME + BUSY


@pytest_twisted.async_yield_fixture(scope="module")
async def everywhere(lab: Lab, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Map]:
    server = await started_server(lab, tmp_path_factory.mktemp("server")).ready()
    yield Map(lab)
    await server.end()


@pytest_twisted.async_fixture(scope="module")
async def meetings(everywhere: Map) -> Mapping[Places, Met]:
    return await met(everywhere, ALL)


@pytest.mark.parametrize("places", BY_UDP, ids=" - ".join)
def test_a_channel_by_udp_opens_between_exactly_these(meetings: Mapping[Places, Met], places: Places) -> None:
    opened = meetings[places].opened["UDP"]
    assert opened.protocol == ("udp" if BY_UDP[places] else None), opened
    assert opened.seconds < (limits.FIRST_SHOT_LEAD + 0.3 + BUSY if opened.protocol else FAILS_WITHIN)


@pytest.mark.parametrize("places", BY_TCP, ids=" - ".join)
def test_a_channel_by_tcp_opens_between_exactly_these(meetings: Mapping[Places, Met], places: Places) -> None:
    opened = meetings[places].opened["TCP"]
    if places not in BY_CHANCE:
        assert opened.protocol == ("tcp" if BY_TCP[places] else None), opened
    assert opened.seconds < (1.0 + 0.3 + BUSY if opened.protocol else FAILS_WITHIN)


@pytest.mark.parametrize("places", ALL, ids=" - ".join)
def test_nobody_notices_whether_there_is_a_channel(meetings: Mapping[Places, Met], places: Places) -> None:
    # That no word was lost, doubled or out of order was seen to while they talked.
    assert meetings[places].silence < BUSY
