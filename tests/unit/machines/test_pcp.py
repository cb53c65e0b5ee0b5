"""PCP's bytes, as in RFC 6887, sections 7 and 11."""

from __future__ import annotations

import pytest

from esframework.machines.pcp import Forwarded, Refused, ask_mapping, read_answer

NONCE = bytes(range(12))
FOUR_IN_SIX = "00 00 00 00 00 00 00 00 00 00 ff ff"


def answer(result: str = "00", number: str = "11", head: str = "02 81 00") -> bytes:
    """A router's answer for UDP port 4531."""
    return bytes.fromhex(
        f"{head} {result} 00 00 1c 20 00 00 00 09 {'00 ' * 12} {NONCE.hex()} {number} 00 00 00"
        f"11 b3 11 b4 {FOUR_IN_SIX} cb 00 71 05"
    )


def test_a_request_has_its_bytes() -> None:
    asked = ask_mapping("10.0.0.2", NONCE, "udp", 4531, 4532, "203.0.113.5", 7200)
    assert asked == bytes.fromhex(
        f"02 01 00 00 00 00 1c 20 {FOUR_IN_SIX} 0a 00 00 02"
        f"{NONCE.hex()} 11 00 00 00 11 b3 11 b4 {FOUR_IN_SIX} cb 00 71 05"
    )
    given_back = ask_mapping("10.0.0.2", NONCE, "tcp", 4531)
    assert (len(given_back), given_back[4:8], given_back[36]) == (60, bytes(4), 6)


def test_an_answer_is_read() -> None:
    assert read_answer(answer()) == Forwarded(NONCE, "udp", 4531, "203.0.113.5", 4532, 7200)
    assert read_answer(answer(number="06")) == Forwarded(NONCE, "tcp", 4531, "203.0.113.5", 4532, 7200)


def test_a_refusal_says_to_what_and_for_how_long() -> None:
    assert read_answer(answer("08")) == Refused(NONCE, 8, "the router has no room for more", 7200)
    assert read_answer(answer("63")) == Refused(NONCE, 0x63, "result 99", 7200)
    assert read_answer(answer("03")[:24]) == Refused(None, 3, "the request is malformed", 7200)


def test_a_router_of_another_version_says_so() -> None:
    assert read_answer(answer("01", head="01 81 00")) == Refused(None, 1, "the version is not supported", 7200)
    assert read_answer(answer("00", head="01 81 00")) is None


@pytest.mark.parametrize(
    "datagram",
    [b"", answer()[:23], answer()[:59], answer(head="02 01 00"), answer(head="02 80 00"), answer(number="01")],
    ids=["nothing", "half a head", "cut off", "a request", "another operation", "ICMP"],
)
def test_anything_else_is_no_answer(datagram: bytes) -> None:
    assert read_answer(datagram) is None
