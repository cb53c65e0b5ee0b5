"""Bodies of P2P between clients of ours (protocol: 1120 to 1130). Clients of other makes never see them.

Whatever the server fills in is empty when it leaves a client, and believed only because no client can send it past the
server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from esframework.wire.compact import UInt16, UInt32, UInt64, codec

SIGNALLING: Final = "p2p-signalling"
"""The word by which a server announces that it brings offers from one client to another."""


@dataclass(frozen=True, slots=True)
class IntroductionBody:
    """Answer to 1120: what a client needs before it can offer anything.

    `servers` are "host:port" of P2P servers; an empty host is the one of the log-on. `token` opens them for a minute.
    `is_local`: the log-on came from this very machine.
    """

    is_local: bool
    servers: list[str]
    token: bytes


@dataclass(frozen=True, slots=True)
class CandidateBody:
    """Where a client may be reached: see `rudp.candidates`."""

    host: str
    kind: str
    port: UInt16
    protocol: str


@dataclass(frozen=True, slots=True)
class OfferBody:
    """1121: let us open a channel. `session` is random and names the attempt; `index` is the sender's for datagrams.

    `instance` names the sender's process.

    The server fills in: `secret`, which both ends get and nobody else; `both_local`, that both log-ons came from its
    own machine; `devices`, on how many the sender is logged on.
    """

    candidates: list[CandidateBody]
    ciphers: list[str]
    generation: int
    index: UInt32
    instance: UInt64
    mode: int
    public_key: bytes
    session: bytes
    both_local: bool = False
    devices: int = 0
    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class AnswerBody:
    """1122: agreed. `session` is the offer's, `nonce` the answerer's part of the attempt's name; `waited` how many
    milliseconds the offer waited for this answer. What the server fills in is as in an offer."""

    candidates: list[CandidateBody]
    cipher: str
    generation: int
    index: UInt32
    instance: UInt64
    mode: int
    nonce: bytes
    public_key: bytes
    session: bytes
    waited: UInt32
    both_local: bool = False
    devices: int = 0
    secret: bytes = b""


@dataclass(frozen=True, slots=True)
class SyncBody:
    """1123: a round of the attempt begins."""

    round: int
    session: bytes


@dataclass(frozen=True, slots=True)
class RefusalBody:
    """1124: no channel; `reason` for people."""

    reason: str
    session: bytes


@dataclass(frozen=True, slots=True)
class MoreCandidatesBody:
    """1125: what was found out after the offer or the answer."""

    candidates: list[CandidateBody]
    session: bytes


@dataclass(frozen=True, slots=True)
class EpochBody:
    """1126 (messages) and 1127 (everything else): what follows comes by channels. 1128: how much of it is there?

    `instance` is the receiver's, from its offer or answer: another device, or process, of the same name says nothing.
    """

    epoch: UInt64
    instance: UInt64


@dataclass(frozen=True, slots=True)
class CountsBody:
    """1129: so many records of an epoch are delivered, by stream, and no more are taken."""

    blobs: UInt64
    epoch: UInt64
    files: UInt64
    is_known: bool
    messages: UInt64


@dataclass(frozen=True, slots=True)
class AcquaintanceBody:
    """1130, by the server: on how many devices somebody is logged on with whom channels may be open, and whether they
    may be. By a client that has logged on again: that a channel to somebody is open still; the rest means nothing."""

    devices: int
    is_admitted: bool
    user_id: str


INTRODUCTION = codec(IntroductionBody)
OFFER = codec(OfferBody)
ANSWER = codec(AnswerBody)
SYNC = codec(SyncBody)
REFUSAL = codec(RefusalBody)
MORE_CANDIDATES = codec(MoreCandidatesBody)
EPOCH = codec(EpochBody)
COUNTS = codec(CountsBody)
ACQUAINTANCE = codec(AcquaintanceBody)
