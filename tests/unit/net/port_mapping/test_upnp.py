"""UPnP by a library that is played: what is asked of it, and which router is believed."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from esframework.errors import MissingExtra, PortNotMapped
from esframework.net.port_mapping.upnp import Upnp, require_library
from tests.upnp_library import FakeLibrary

GATEWAY = "10.0.0.1"


def test_a_port_is_forwarded_for_a_time_and_given_back() -> None:
    library = FakeLibrary()
    upnp = Upnp(GATEWAY, library)
    assert upnp.map("udp", 4531) == ("203.0.113.5", 4531)
    assert library.added == [(4531, "UDP", "10.0.0.2", 4531, "esframework P2P", "", 7200)]
    upnp.unmap("udp", 4531)
    assert (library.added, library.mapped) == (library.added, {})


def test_a_router_that_knows_no_time_forwards_until_it_is_given_back() -> None:
    library = FakeLibrary(only_permanent=True)
    assert Upnp(GATEWAY, library).map("tcp", 4531) == ("203.0.113.5", 4531)
    assert [one[-1] for one in library.added] == [7200, 0]


def test_an_outer_port_that_is_taken_is_replaced_by_the_next() -> None:
    library = FakeLibrary(taken={4531})
    assert Upnp(GATEWAY, library).map("udp", 4531) == ("203.0.113.5", 4532)
    library.taken |= {5000, 5001, 5002}
    with pytest.raises(PortNotMapped, match="does not forward udp port 5000: ConflictInMappingEntry"):
        Upnp(GATEWAY, library).map("udp", 5000)
    library.taken |= {65535}
    with pytest.raises(PortNotMapped, match="does not forward udp port 65535"):
        Upnp(GATEWAY, library).map("udp", 65535)


def test_who_is_not_the_router_is_not_believed() -> None:
    with pytest.raises(PortNotMapped, match="10.0.0.66 says that it is the router, and 10.0.0.1 is"):
        Upnp(GATEWAY, FakeLibrary(url="http://10.0.0.66:5000/ctl")).map("udp", 4531)


def test_no_router_no_mapping() -> None:
    with pytest.raises(PortNotMapped, match="no router has answered: No UPnP device discovered"):
        Upnp(GATEWAY, FakeLibrary(url=None)).map("udp", 4531)


def test_a_port_that_is_not_given_back_is_told() -> None:
    library = FakeLibrary()
    upnp = Upnp(GATEWAY, library)
    upnp.map("udp", 4531)
    library.mapped.clear()
    with pytest.raises(PortNotMapped, match="udp port 4531 is not given back: NoSuchEntryInArray"):
        upnp.unmap("udp", 4531)


def test_without_the_library_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    absent: Any = None
    monkeypatch.setitem(sys.modules, "miniupnpc", absent)
    with pytest.raises(MissingExtra, match=r"UPnP needs the extra 'upnp': pip install 'esframework\[upnp\]'"):
        require_library()
    monkeypatch.setitem(sys.modules, "miniupnpc", SimpleNamespace(UPnP=FakeLibrary))
    assert require_library().UPnP is FakeLibrary
