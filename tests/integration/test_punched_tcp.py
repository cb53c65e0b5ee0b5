"""P2P channels over TCP on real sockets: each reactor, IPv4 and IPv6, and two ends whose SYNs cross."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import absent, require
from tests.integration.tcp_channel_ends import FILE

pytestmark = pytest.mark.integration

ENDS = Path(__file__).with_name("tcp_channel_ends.py")
ROOT = ENDS.parents[2]

# A line on which what was sent before holds up what comes after it for 10 ms.
SLOW_LINE = """
ip link set lo mtu 1500 up
tc qdisc add dev lo root tbf rate 50mbit burst 1600 latency 2s
exec "$@" 45
"""


def run(*command: str) -> dict[str, Any]:
    """What the program printed."""
    done = subprocess.run(
        command, env=os.environ | {"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return dict(json.loads(done.stdout))


def check(told: dict[str, Any]) -> None:
    """Everything arrived, the message before the file, and both ends know why it ended."""
    assert told["sizes"] == [[0, FILE, 0], [7, 0, FILE]]
    assert told["first"] == 0
    assert told["closed"] == [[64, "enough", False], [64, "enough", True]]
    assert told["facts"]["round_trip"] > 0


@pytest.mark.parametrize("kind", ["epoll", "asyncio", "select", "poll"])
def test_a_channel_carries_streams_under_each_reactor(kind: str) -> None:
    told = run(sys.executable, str(ENDS), kind, "127.0.0.1")
    assert kind in told["reactor"].lower()
    # On loopback the second dial finds the first one's connection: from these ports there can be only one.
    assert told["found"] == [1, 1]
    check(told)


@pytest.mark.skipif(not socket.has_ipv6 or not Path("/proc/net/if_inet6").exists(), reason="there is no IPv6 here")
def test_a_channel_goes_by_ipv6() -> None:
    check(run(sys.executable, str(ENDS), "epoll", "::1"))


def test_two_ends_whose_syns_cross_have_one_connection() -> None:
    if os.geteuid() != 0:
        absent("the test makes a slow line in a network of its own: it needs root")
    unshare = require("unshare", "a network of the test's own: apt-get install util-linux")
    require("tc", "a slow line: apt-get install iproute2")
    told = run(unshare, "--net", "sh", "-ec", SLOW_LINE, "sh", sys.executable, str(ENDS), "epoll", "127.0.0.1")
    assert (told["dialled"], told["found"]) == ([True, True], [1, 1])
    check(told)
