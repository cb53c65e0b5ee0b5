"""Sealed and opened datagrams: what opens once, and what never does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esframework.errors import KeyRefused, LocalError
from esframework.limits import rudp as limits
from esframework.rudp import keys
from esframework.rudp.keys import Opener, Sealer, derive
from esframework.rudp.packet import HEADER

INDEX = 0xDECAF
SHARED = bytes(range(32))


def ends(cipher: str = keys.CHACHA20, **changed: bytes) -> tuple[keys.Keys, keys.Keys]:
    """The keys of leader and follower; `changed` says what the follower has otherwise."""
    known = {"secret": b"s" * 32, "shared": SHARED, "session": b"id"}
    return (
        derive(known["secret"], known["shared"], True, known["session"], cipher),
        derive(is_leader=False, cipher=cipher, **(known | changed)),  # type: ignore[arg-type]
    )


def pair(cipher: str = keys.CHACHA20) -> tuple[Sealer, Opener]:
    """One direction."""
    leader, follower = ends(cipher)
    return Sealer(leader, INDEX, 0.0), Opener(follower)


@pytest.mark.parametrize("cipher", [keys.CHACHA20, keys.AES_GCM])
def test_what_one_seals_the_other_opens(cipher: str) -> None:
    leader, follower = ends(cipher)
    for sender, receiver in (leader, follower), (follower, leader):
        datagram = Sealer(sender, INDEX, 0.0).seal(bytearray(b"frames"), 7)
        assert (HEADER.unpack_from(datagram)[3:], len(datagram)) == ((INDEX, 7), 32 + 6)
        assert b"frames" not in datagram
        assert Opener(receiver).open(memoryview(datagram)) == (7, b"frames")


def test_both_ends_of_an_exchange_share_a_secret() -> None:
    alice, bob = b"a" * 32, b"b" * 32
    assert keys.exchange(alice, keys.public_key(bob)) == keys.exchange(bob, keys.public_key(alice))


@pytest.mark.parametrize("public", [bytes(32), b"short", b"\1" + bytes(31)])
def test_a_public_key_that_shares_nothing_secret_is_refused(public: bytes) -> None:
    with pytest.raises(KeyRefused, match=public.hex()):
        keys.exchange(b"a" * 32, public)


def test_the_cipher_is_the_first_of_the_leaders_that_both_have() -> None:
    assert keys.agree([keys.AES_GCM, keys.CHACHA20], [keys.CHACHA20, keys.AES_GCM]) == keys.AES_GCM
    assert keys.agree(["rot13", keys.CHACHA20], ["rot13", keys.CHACHA20]) == keys.CHACHA20
    with pytest.raises(KeyRefused, match="rot13"):
        keys.agree(["rot13"], ["rot13"])


@pytest.mark.parametrize("other", [{"secret": b"t" * 32}, {"shared": bytes(32)}, {"session": b"ie"}])
def test_other_secrets_and_sessions_open_nothing(other: dict[str, bytes]) -> None:
    leader, follower = ends(**other)
    opener = Opener(follower)
    assert opener.open(Sealer(leader, INDEX, 0.0).seal(b"frames", 0)) is None
    assert opener.refused == {"forged": 1}


def test_a_datagram_that_is_thrown_back_does_not_open() -> None:
    leader, _ = ends()
    assert Opener(leader).open(Sealer(leader, INDEX, 0.0).seal(b"frames", 0)) is None


def test_ciphers_have_keys_of_their_own() -> None:
    leader, follower = ends()
    as_aes = replace(follower, cipher=keys.AES_GCM)
    assert Opener(as_aes).open(Sealer(leader, INDEX, 0.0).seal(b"frames", 0)) is None
    assert ends(keys.AES_GCM)[0].sending != leader.sending


def test_keys_are_not_shown() -> None:
    leader, _ = ends()
    assert repr(leader) == "Keys(cipher='chacha20-poly1305')"


def test_nothing_counts_before_the_first_datagram_that_opens() -> None:
    sealer, opener = pair()
    datagram = sealer.seal(b"frames", 0)
    opener.open(datagram[:-1] + bytes([datagram[-1] ^ 1]))
    assert (opener.is_confirmed, len(opener.received)) == (False, 0)
    opener.open(datagram)
    assert (opener.is_confirmed, list(opener.received)) == (True, [(0, 1)])


@pytest.mark.parametrize("at", range(16))
def test_no_byte_of_the_header_can_be_changed(at: int) -> None:
    sealer, opener = pair()
    changed = bytearray(sealer.seal(b"frames", 0))
    changed[at] ^= 1
    assert opener.open(changed) is None
    assert not opener.is_confirmed
    assert sum(opener.refused.values()) == 1


def test_a_datagram_opens_once() -> None:
    sealer, opener = pair()
    datagram = sealer.seal(b"frames", 3)
    assert opener.open(datagram) is not None
    assert opener.open(datagram) is None
    assert opener.refused == {"duplicate": 1}


def test_late_ones_open_as_far_as_the_window_goes() -> None:
    sealer, opener = pair()
    oldest, old = sealer.seal(b"", 0), sealer.seal(b"", 1)
    opener.open(sealer.seal(b"", limits.REPLAY_WINDOW))
    assert opener.open(oldest) is None
    assert opener.open(old) == (1, b"")
    assert opener.refused == {"old": 1}


def test_what_was_forgotten_does_not_open_again() -> None:
    sealer, opener = pair()
    datagrams = [sealer.seal(b"", number) for number in range(0, 2 * limits.RECEIVED_RANGES + 2, 2)]
    for datagram in datagrams:
        opener.open(datagram)
    assert len(opener.received) == limits.RECEIVED_RANGES
    assert opener.open(datagrams[0]) is None
    assert opener.refused == {"old": 1}


@pytest.mark.parametrize("raw", [b"", bytes(31), b"\x40" * 15])
def test_what_is_too_short_is_dropped(raw: bytes) -> None:
    _, opener = pair()
    assert opener.open(raw) is None
    assert opener.refused == {"short": 1}


def test_a_number_is_never_used_twice() -> None:
    sealer, _ = pair()
    sealer.seal(b"", 5)
    with pytest.raises(LocalError, match="packet 5 comes after packet 5"):
        sealer.seal(b"", 5)


def test_keys_are_renewed_after_their_time_and_their_packets() -> None:
    sealer, opener = pair()
    phases = []
    for number, now in [
        (0, 0.0),
        (1, limits.KEY_PHASE_TIME - 1),
        (2, limits.KEY_PHASE_TIME),
        (limits.KEY_PHASE_PACKETS + 1, limits.KEY_PHASE_TIME),
        (limits.KEY_PHASE_PACKETS + 2, limits.KEY_PHASE_TIME),
    ]:
        sealer.renew(now)
        datagram = sealer.seal(b"frames", number)
        phases.append(datagram[1])
        assert opener.open(datagram) == (number, b"frames")
    assert phases == [0, 0, 1, 1, 0]


def test_packets_that_change_places_around_a_new_key_open_all_the_same() -> None:
    sealer, opener = pair()
    early = [sealer.seal(b"early", number) for number in range(3)]
    sealer.renew(limits.KEY_PHASE_TIME)
    late = [sealer.seal(b"late", number) for number in range(3, 6)]
    opened = [opener.open(datagram) for datagram in (early[0], late[1], early[2], late[0], early[1], late[2])]
    assert [each[0] for each in opened if each] == [0, 4, 2, 3, 1, 5]


def test_a_forged_key_phase_changes_nothing() -> None:
    sealer, opener = pair()
    opener.open(sealer.seal(b"", 0))
    forged = bytearray(sealer.seal(b"", 1))
    forged[1] ^= 1
    assert opener.open(forged) is None
    assert opener.open(sealer.seal(b"frames", 2)) == (2, b"frames")


def test_codes_of_probes() -> None:
    leader, follower = ends()
    code = keys.probe_code(leader.probes, b"probe")
    assert len(code) == keys.CODE_SIZE
    assert keys.is_probe_code(follower.probes, b"probe", code)
    assert not keys.is_probe_code(follower.probes, b"probf", code)
    assert not keys.is_probe_code(follower.probes, b"probe", code[:-1])
