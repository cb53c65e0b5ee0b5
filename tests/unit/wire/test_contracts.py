"""The shared bodies, byte for byte as real clients wrote and took them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esframework.errors import MalformedBody
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnBody, LogOnReplyBody

LOG_ON_OF_A_REAL_CLIENT = (
    bytes.fromhex("21000000 08000000")
    + b"FreeUser"
    + bytes.fromhex("02000000")
    + b"pw"
    + (bytes.fromhex("0b000000") + b"20261120tok")
)
REPLY_THAT_A_REAL_CLIENT_TOOK = bytes.fromhex("0b000000 00000000 01 00000000 01 01")


def test_a_real_generation_seven_log_on() -> None:
    body = LogOnBody("FreeUser", "pw", "20261120tok")
    assert LOG_ON.decode(LOG_ON_OF_A_REAL_CLIENT) == body
    assert LOG_ON.encode(body) == LOG_ON_OF_A_REAL_CLIENT


def test_a_reply_that_a_real_client_took() -> None:
    body = LogOnReplyBody("", True, 0, True, True)
    assert LOG_ON_REPLY.encode(body) == REPLY_THAT_A_REAL_CLIENT_TOOK
    assert LOG_ON_REPLY.decode(REPLY_THAT_A_REAL_CLIENT_TOOK) == body


@pytest.mark.parametrize("field", ["authorized_user", "password", "system_token"])
def test_every_text_of_a_log_on_may_be_null(field: str) -> None:
    body = replace(LogOnBody("a", "b", "c"), **{field: None})
    assert LOG_ON.decode(LOG_ON.encode(body)) == body


def test_a_log_on_that_was_cut_off_anywhere_is_malformed() -> None:
    for length in range(len(LOG_ON_OF_A_REAL_CLIENT)):
        with pytest.raises(MalformedBody):
            LOG_ON.decode(LOG_ON_OF_A_REAL_CLIENT[:length])
