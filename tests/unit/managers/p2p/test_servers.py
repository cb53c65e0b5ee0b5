"""Where P2P servers are: what their names say, and what is none."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorPluggableNameResolver
from twisted.internet.task import Clock
from zope.interface import implementer

from esframework.managers.p2p.client_options import ClientP2POptions
from esframework.managers.p2p.servers import server_addresses

NAMES = {
    "both.example": [
        IPv6Address("TCP", "2001:db8::1", 0),
        IPv4Address("TCP", "203.0.113.1", 0),
        IPv4Address("TCP", "203.0.113.2", 0),
    ],
    "old.example": [IPv4Address("TCP", "203.0.113.3", 0)],
}


@implementer(IReactorPluggableNameResolver)
class Reactor(Clock):
    """Knows a few names."""

    def __init__(self) -> None:
        super().__init__()
        self.nameResolver: Any = self

    def installNameResolver(self, resolver: Any) -> Any:
        raise NotImplementedError("it has its own")

    def resolveHostName(self, receiver: Any, host: str, port: int = 0, *arguments: Any, **more: Any) -> None:
        receiver.resolutionBegan(None)
        for address in NAMES.get(host, ()):
            receiver.addressResolved(address)
        self.callLater(0.1, receiver.resolutionComplete)


def addresses(
    *introduced: str, own: str | None = None, reactor: Any = None, server_host: str = "192.0.2.1"
) -> list[tuple[str, int]]:
    clock = reactor or Reactor()
    client: Any = SimpleNamespace(
        clock=clock, server_host=server_host, options=SimpleNamespace(p2p=ClientP2POptions(server=own))
    )
    found = Deferred.fromCoroutine(server_addresses(client, list(introduced)))
    clock.pump([0.1] * (len(introduced) + 1))
    result: list[tuple[str, int]] = found.result  # type: ignore[assignment]
    return result


def test_a_server_of_which_nobody_knows_where_it_is_is_not_asked() -> None:
    assert addresses(":4531") == [("192.0.2.1", 4531)]
    assert addresses(":4531", "203.0.113.9:9901", server_host="") == [("203.0.113.9", 9901)]


def test_a_name_is_asked_for_both_families_and_one_of_each_is_enough() -> None:
    assert addresses("both.example:9901", "old.example:9902") == [
        ("2001:db8::1", 9901),
        ("203.0.113.1", 9901),
        ("203.0.113.3", 9902),
    ]


def test_an_address_is_what_it_says_and_without_one_it_is_the_application_server_itself() -> None:
    assert addresses("[2001:db8::7]:4531", "203.0.113.7:4531", ":4531") == [
        ("2001:db8::7", 4531),
        ("203.0.113.7", 4531),
        ("192.0.2.1", 4531),
    ]


def test_the_clients_own_choice_counts_alone() -> None:
    assert addresses("203.0.113.7:4531", own="old.example:1") == [("203.0.113.3", 1)]


@pytest.mark.parametrize("text", ["nowhere.example:9901", "203.0.113.7:no number", "203.0.113.7:70000"])
def test_what_leads_nowhere_is_left_out(text: str) -> None:
    assert addresses(text, "203.0.113.7:4531") == [("203.0.113.7", 4531)]


def test_a_reactor_that_knows_no_names_has_addresses_only() -> None:
    assert addresses("old.example:1", "203.0.113.7:4531", reactor=Clock()) == [("203.0.113.7", 4531)]
