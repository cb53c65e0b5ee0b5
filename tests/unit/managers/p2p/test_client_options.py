"""What a client is told of P2P is checked where it is written, not when a channel is wanted."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ClientP2POptions, P2PChannelMode
from esframework.errors import InvalidOption


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"mode": "udp"}, "mode is 'udp'; one of .*P2PChannelMode.UDP"),
        ({"mode": 1}, "mode is 1; one of"),
        ({"server": "example.org"}, "'example.org' names no P2P server"),
        ({"server": "example.org:99999"}, "something like 'example.org:9901' is expected"),
        ({"server": "2001:db8::1:9901"}, "names no P2P server"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidOption, match=words):
        ClientP2POptions(**wrong)


@pytest.mark.parametrize("server", [None, "example.org:9901", "[2001:db8::1]:9901", ":9901"])
def test_servers_are_named_by_host_and_port(server: str | None) -> None:
    assert ClientP2POptions(server=server, mode=P2PChannelMode.TCP).server == server
