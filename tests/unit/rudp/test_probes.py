"""Probes are read by who has the key, and by nobody else as anything."""

from __future__ import annotations

import pytest

from esframework.rudp.keys import CODE_SIZE, probe_code
from esframework.rudp.probes import PROBE_SIZE, Probe, What, read_probe, session_of, write_probe

KEY = b"k" * 32
SESSION = b"sixteen bytes..."
PROBE = Probe(What.NOMINATION, True, 2, 7, 0.025)


@pytest.mark.parametrize("what", What)
@pytest.mark.parametrize("is_by_leader", [True, False])
def test_a_probe_is_read_as_it_was_written(what: What, is_by_leader: bool) -> None:
    probe = PROBE._replace(what=what, is_by_leader=is_by_leader)
    datagram = write_probe(KEY, SESSION, probe)
    assert len(datagram) == PROBE_SIZE
    assert read_probe(KEY, SESSION, datagram) == probe


def test_the_bytes_are_those_of_the_protocols_page() -> None:
    fields = bytes.fromhex("41 82 02 00 00000007 000061a8") + SESSION
    assert write_probe(KEY, SESSION, PROBE) == fields + probe_code(KEY, fields)


@pytest.mark.parametrize(("round_trip", "told"), [(-1.0, 0.0), (1e12, (2**32 - 1) * 1e-6)])
def test_a_round_trip_fits_its_field(round_trip: float, told: float) -> None:
    probe = read_probe(KEY, SESSION, write_probe(KEY, SESSION, PROBE._replace(round_trip=round_trip)))
    assert probe is not None
    assert probe.round_trip == pytest.approx(told)


def test_the_session_is_found_before_anything_is_computed() -> None:
    datagram = write_probe(KEY, SESSION, PROBE)
    assert session_of(datagram) == SESSION
    assert session_of(datagram[:-1]) is None
    assert session_of(datagram + b"\0") is None
    assert session_of(b"") is None
    assert session_of(b"\x40" + datagram[1:]) is None


@pytest.mark.parametrize("position", range(PROBE_SIZE))
def test_a_bit_that_is_changed_makes_it_nothing(position: int) -> None:
    datagram = bytearray(write_probe(KEY, SESSION, PROBE))
    datagram[position] ^= 1
    assert read_probe(KEY, SESSION, bytes(datagram)) is None


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param("40 82 02 00 00000007 000061a8", id="another kind"),
        pytest.param("41 04 02 00 00000007 000061a8", id="says nothing that is known"),
        pytest.param("41 c2 02 00 00000007 000061a8", id="a flag that is not known"),
        pytest.param("41 82 02 01 00000007 000061a8", id="reserved"),
    ],
)
def test_what_is_authentic_and_not_understood_is_nothing(fields: str) -> None:
    data = bytes.fromhex(fields) + SESSION
    assert read_probe(KEY, SESSION, data + probe_code(KEY, data)) is None


def test_another_sessions_probe_and_one_of_another_key_are_nothing() -> None:
    datagram = write_probe(KEY, SESSION, PROBE)
    assert read_probe(KEY, b"another session.", datagram) is None
    assert read_probe(b"x" * 32, SESSION, datagram) is None
    assert read_probe(KEY, SESSION, datagram[:-CODE_SIZE]) is None
