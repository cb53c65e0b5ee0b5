"""Which addresses are this machine's, and which it has lost."""

from __future__ import annotations

import pytest

from esframework.limits import P2P_LOOK_AROUND
from esframework.net.own_addresses import AddressWatch, has_lost, own_addresses
from esframework.testing import MemoryNetwork


def test_loopback_is_not_told_of() -> None:
    assert not any(host.startswith("127.") or host == "::1" for host in own_addresses(object()))


def test_an_address_that_went_is_lost() -> None:
    network = MemoryNetwork()
    machine = network.machine("10.0.0.1")
    assert own_addresses(machine) == ["10.0.0.1"]
    assert not has_lost(machine, "10.0.0.1")
    network.datagrams.move(machine, "10.0.0.2")
    assert has_lost(machine, "10.0.0.1") and not has_lost(machine, "10.0.0.2")


@pytest.mark.parametrize("host", ["127.0.0.1", "::1", "fe80::1%eth0", "169.254.3.4", "", "a name"])
def test_of_what_is_never_told_of_nothing_is_lost(host: str) -> None:
    assert not has_lost(MemoryNetwork().machine("10.0.0.1"), host)


def test_other_addresses_are_told_of_once_and_only_while_somebody_looks() -> None:
    network = MemoryNetwork()
    machine = network.machine("10.0.0.1")
    told: list[str] = []
    watch = AddressWatch(machine, lambda: told.append("changed"))
    watch.start()
    watch.start()
    network.advance(3 * P2P_LOOK_AROUND)
    assert told == []
    network.datagrams.move(machine, "10.0.0.2")
    network.advance(3 * P2P_LOOK_AROUND)
    assert told == ["changed"]
    watch.stop()
    watch.stop()
    network.datagrams.move(machine, "10.0.0.3")
    network.advance(3 * P2P_LOOK_AROUND)
    assert told == ["changed"]
    assert network.reactor.getDelayedCalls() == []
