"""The router of the default route, as Linux shows it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from esframework.net.port_mapping.gateway import default_gateway, gateway_in

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LITTLE = pytest.mark.skipif(sys.byteorder != "little", reason="the tables here are those of a little-endian machine")


def route(destination: str, gateway: str, flags: str = "0003", metric: int = 0, mask: str = "00000000") -> str:
    """One line of the table."""
    return f"eth0\t{destination}\t{gateway}\t{flags}\t0\t0\t{metric}\t{mask}\t0\t0\t0\n"


@LITTLE
def test_the_default_route_leads_to_the_router() -> None:
    table = HEAD + route("0000000A", "00000000", "0001", mask="00FFFFFF") + route("00000000", "0100000A")
    assert gateway_in(table) == "10.0.0.1"


@LITTLE
def test_of_two_the_one_with_the_lower_metric_counts() -> None:
    table = HEAD + route("00000000", "0200000A", metric=600) + route("00000000", "0100000A", metric=100)
    assert gateway_in(table) == "10.0.0.1"


@pytest.mark.parametrize(
    "line",
    [
        route("0000000A", "0100000A", mask="000000FF"),
        route("00000000", "0100000A", mask="00000080"),
        route("00000000", "00000000", "0001"),
        route("00000000", "0100000A", "0002"),
        route("00000000", "nonsense"),
        "eth0\t00000000\n",
        "",
    ],
    ids=["another network", "half of all", "no router", "down", "no number", "cut off", "nothing"],
)
def test_other_routes_lead_to_no_router(line: str) -> None:
    assert gateway_in(HEAD + line) is None


def test_a_system_without_such_a_table_has_none(tmp_path: Path) -> None:
    assert default_gateway(tmp_path / "absent") is None
    strange = tmp_path / "route"
    strange.write_bytes(b"\xff\xfe")
    assert default_gateway(strange) is None


def test_the_table_is_read_from_its_file(tmp_path: Path) -> None:
    table = tmp_path / "route"
    table.write_text(HEAD + route("00000000", "0A0A0A0A"))
    assert default_gateway(table) == "10.10.10.10"
