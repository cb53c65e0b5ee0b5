"""What a program may log on with."""

from __future__ import annotations

from typing import Any

import pytest

from esframework.client.arguments import check_log_on
from esframework.errors import InvalidUserId, LocalError
from esframework.testing import MemoryNetwork, simulated

PLACE = "tcp:127.0.0.1:4530"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((None, "secret", PLACE), "user_id is None; a text"),
        ((b"bob", "secret", PLACE), "user_id is b'bob'; a text"),
        (("", "secret", PLACE), "user_id is ''; .*not empty"),
        (("1#", "secret", PLACE), "user_id is '1#'; .*not empty"),
        (("\ud800", "secret", PLACE), "user_id is .*; a text"),
        (("bob", None, PLACE), "password is NoneType; a text"),
        (("bob", b"secret", PLACE), "password is bytes; a text"),
        (("bob", "secret\ud800", PLACE), "password holds half a surrogate pair"),
        (("bob", "secret", None), "endpoint is None; a text such as"),
        (("bob", "secret", ("localhost", 4530)), "endpoint is .*; a text such as"),
    ],
)
def test_what_is_wrong_is_named_with_what_is_expected(arguments: tuple[Any, ...], said: str) -> None:
    with pytest.raises(LocalError, match=said) as raised:
        check_log_on(*arguments)
    assert "secret" not in str(raised.value)


def test_names_that_cannot_be_are_errors_of_names() -> None:
    with pytest.raises(InvalidUserId):
        check_log_on("", "", PLACE)


@simulated
async def test_an_engine_is_as_it_was_after_a_wrong_argument(network: MemoryNetwork) -> None:
    server = network.server()
    client = network.new_client()
    endpoint: Any = network.endpoint_of(client)
    nothing: Any = None
    began = client.clock.seconds()
    for arguments in ("bob", nothing, endpoint), ("bob", "", nothing), ("", "", endpoint):
        with pytest.raises(LocalError):
            await client.log_on(*arguments)
        with pytest.raises(LocalError):
            await client.accounts.register(*arguments)
        await client.close()
    assert client.clock.seconds() == began
    await client.log_on("bob", "", endpoint)
    assert server.users.ids() == ["bob"]


@simulated
async def test_an_endpoint_that_raises_leaves_the_engine_usable(network: MemoryNetwork) -> None:
    class Broken:
        def connect(self, factory: Any) -> Any:
            raise ZeroDivisionError("no endpoint")

    network.server()
    client = network.new_client()
    broken: Any = Broken()
    with pytest.raises(Exception, match="cannot connect to .*: no endpoint"):
        await client.log_on("bob", "", broken)
    await client.log_on("bob", "", network.endpoint_of(client))
    assert client.connected
