"""NAT-PMP's bytes, as in RFC 6886, section 3."""

from __future__ import annotations

import pytest

from esframework.machines.nat_pmp import Forwarded, OuterAddress, Refused, ask_address, ask_mapping, read_answer


def test_requests_have_their_bytes() -> None:
    assert ask_address().hex(" ") == "00 00"
    assert ask_mapping("udp", 4531, 4532, 7200).hex(" ") == "00 01 00 00 11 b3 11 b4 00 00 1c 20"
    assert ask_mapping("tcp", 4531, 0, 0).hex(" ") == "00 02 00 00 11 b3 00 00 00 00 00 00"


@pytest.mark.parametrize(
    ("answer", "meaning"),
    [
        ("00 80 00 00 00 00 00 09 cb 00 71 05", OuterAddress("203.0.113.5")),
        ("00 81 00 00 00 00 00 09 11 b3 11 b4 00 00 1c 20", Forwarded("udp", 4531, 4532, 7200)),
        ("00 82 00 00 00 00 00 09 11 b3 00 00 00 00 00 00", Forwarded("tcp", 4531, 0, 0)),
        ("00 81 00 02 00 00 00 09", Refused("udp", 2, "the router does not allow it")),
        ("00 80 00 03 00 00 00 09 00 00 00 00", Refused(None, 3, "the router has no outer address")),
        ("00 82 00 99 00 00 00 09", Refused("tcp", 0x99, "result 153")),
    ],
)
def test_answers_are_read(answer: str, meaning: object) -> None:
    assert read_answer(bytes.fromhex(answer)) == meaning


@pytest.mark.parametrize(
    "datagram",
    [
        "",
        "00 81 00 00 00 00 00",
        "00 81 00 00 00 00 00 09 11 b3 11 b4",
        "00 80 00 00 00 00 00 09 cb 00",
        "01 81 00 00 00 00 00 09 11 b3 11 b4 00 00 1c 20",
        "00 83 00 00 00 00 00 09 11 b3 11 b4 00 00 1c 20",
        "00 01 00 00 11 b3 11 b4 00 00 1c 20",
    ],
)
def test_anything_else_is_no_answer(datagram: str) -> None:
    assert read_answer(bytes.fromhex(datagram)) is None
