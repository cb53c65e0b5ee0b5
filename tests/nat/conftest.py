"""What the NAT lab needs of a machine, and the lab itself."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator

import pytest

from tests.conftest import absent, require
from tests.nat.lab import Lab
from tests.nat.routers import Kind

PACKAGES = {
    "ip": "iproute2",
    "nft": "nftables",
    "conntrack": "conntrack",
    "setpriv": "util-linux",
    "miniupnpd": "miniupnpd-nftables",
}
"""The programs, and the packages of Debian that hold them."""


@pytest.fixture(scope="session")
def lab_is_possible() -> None:
    """No test without root's rights on Linux and the programs that make networks."""
    if sys.platform != "linux":
        absent("the NAT lab is made of Linux's network namespaces")
    for program, package in PACKAGES.items():
        require(program, f"the NAT lab is made with it: apt-get install {package}")
    if os.geteuid() != 0:
        absent("the NAT lab makes network namespaces, which only root may (or whoever runs it by unshare -rn)")
    try:
        with Lab() as trial:
            trial.host(trial.router(Kind.SYMMETRIC))
    except (OSError, RuntimeError) as error:
        # Root of a container, perhaps, or a kernel without NAT.
        absent(f"no NAT lab can be made here: {error}")


@pytest.fixture(scope="module")
def lab(lab_is_possible: None) -> Iterator[Lab]:
    """An internet without anybody."""
    with Lab() as made:
        yield made
