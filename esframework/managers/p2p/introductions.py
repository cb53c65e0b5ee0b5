"""What a server does for clients of ours that want a channel: it says where the P2P servers are, adds the secret to
their offers and answers, and tells those who may have channels what changes about each other.

Offers and what follows them are relayed like messages, so that whoever may not write to somebody may not offer either.
Knows nothing of addresses' worth, and never learns what goes by a channel.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, TypeVar

from esframework import limits
from esframework.interfaces import IServerContext, Undeliverable
from esframework.managers.p2p.contracts import (
    ACQUAINTANCE,
    ANSWER,
    INTRODUCTION,
    OFFER,
    AcquaintanceBody,
    AnswerBody,
    IntroductionBody,
    OfferBody,
)
from esframework.managers.p2p.rendezvous import Rendezvous
from esframework.net.stream import is_loopback
from esframework.rudp.probes import SESSION_SIZE
from esframework.wire.login_id import Source, bare_id
from esframework.wire.types import MessageType, RequestFailure

RELAYABLE: Final = frozenset(range(MessageType.P2P_OFFER, MessageType.P2P_COUNTS + 1))

_Body = TypeVar("_Body", OfferBody, AnswerBody)


class Introductions:
    """Of one server. `random(n)` gives n random bytes; the secrets of all attempts follow from what it gives first."""

    def __init__(self, server: IServerContext, rendezvous: Rendezvous, random: Callable[[int], bytes]) -> None:
        self._server = server
        self._rendezvous = rendezvous
        self._secret = random(hashlib.sha256().digest_size)
        # Who offered to whom and was answered, or says so after a log-on: where both say so, channels may be open. And
        # who has been told that none may be.
        self._acquainted: dict[str, set[str]] = {}
        self._parted: set[tuple[str, str]] = set()
        # How much each device may still offer, and since when; and what was offered and not answered, until when.
        self._offers: dict[str, tuple[float, float]] = {}
        self._unanswered: dict[tuple[str, str, bytes], float] = {}
        server.router.inspect(MessageType.P2P_OFFER, self._offered)
        server.router.inspect(MessageType.P2P_ANSWER, self._answered)
        server.router.inspect(MessageType.P2P_EPOCH_OF_MESSAGES, self._announced)

    def undeliverable(self) -> dict[int, Undeliverable]:
        """Message type to method, for the registrations."""
        return {MessageType.P2P_OFFER: _say_why, MessageType.P2P_ASK: _say_why}

    # --- what clients ask -------------------------------------------------------------------------------------------
    def introduce(self, sender: Any, message_id: int, body: bytes) -> None:
        """1120."""
        servers = [f"{host}:{port}" if ":" not in host else f"[{host}]:{port}" for host, port in self._servers()]
        introduction = IntroductionBody(is_loopback(sender.address[0]), servers, self._rendezvous.token())
        sender.reply(MessageType.P2P_INTRODUCTION, INTRODUCTION.encode(introduction), message_id)

    def _servers(self) -> list[tuple[str, int]]:
        return self._rendezvous.endpoints()

    # --- what is relayed (IRouter.inspect) --------------------------------------------------------------------------
    def _offered(self, sender: Any, target: str, body: bytes) -> bytes | None:
        if self._is_too_long(body) or not self._may_offer(sender, target) or self._is_for_several(sender, target):
            return None
        offer = OFFER.decode(body)
        if len(offer.session) != SESSION_SIZE:
            # It is kept until it is answered.
            self._server.refuse("p2p_offer_malformed")
            return None
        until = self._server.clock.seconds() + 2 * limits.P2P_ANSWER_TIMEOUT
        self._unanswered[str(sender.name), bare_id(target), offer.session] = until
        return OFFER.encode(self._introduced(sender, target, offer))

    def _answered(self, sender: Any, target: str, body: bytes) -> bytes | None:
        if self._is_too_long(body):
            return None
        answer = ANSWER.decode(body)
        if self._unanswered.pop((bare_id(target), str(sender.name), answer.session), None) is None:
            # Nobody has offered: else one could make oneself the acquaintance of anybody, and hear of their devices.
            self._server.refuse("p2p_answer_to_no_offer")
            return None
        self._acquaint(str(sender.name), bare_id(target))
        return ANSWER.encode(self._introduced(sender, target, answer))

    def _is_too_long(self, body: bytes) -> bool:
        if len(body) <= limits.P2P_LONGEST_OFFER:
            return False
        self._server.refuse("p2p_offer_too_long")
        return True

    def _announced(self, sender: Any, target: str, body: bytes) -> bytes:
        # Said again by who has been away: its channels have outlived its session.
        self._acquaint(str(sender.name), bare_id(target))
        return body

    def _introduced(self, sender: Any, target: str, body: _Body) -> _Body:
        receivers: tuple[Any, ...] = self._server.users.find_all(target, sender.layout.profile)
        both_local = all(is_loopback(each.address[0]) for each in (sender, *receivers))
        ends: list[str] = sorted((str(sender.name), bare_id(target)))
        named = b"\0".join((body.session, *(end.encode() for end in ends)))
        return replace(
            body,
            both_local=both_local,
            devices=len(self._server.users.devices_of(str(sender.name))),
            secret=hmac.digest(self._secret, named, "sha256"),
        )

    def _is_for_several(self, sender: Any, target: str) -> bool:
        return len(self._server.users.find_all(target, sender.layout.profile)) > 1

    def _may_offer(self, sender: Any, target: str) -> bool:
        if not self._server.permit("p2p", str(sender.name), bare_id(target), lambda: True):
            return False
        now = self._server.clock.seconds()
        left, since = self._offers.get(sender.login_id, (float(limits.P2P_OFFERS_AT_ONCE), now))
        left = min(limits.P2P_OFFERS_AT_ONCE, left + (now - since) * limits.P2P_OFFERS_PER_SECOND)
        if left < 1:
            self._server.refuse("p2p_offers_too_fast")
            return False
        self._offers[sender.login_id] = left - 1, now
        return True

    # --- who may have channels with whom ----------------------------------------------------------------------------
    def _acquaint(self, name: str, other: str) -> None:
        for one, another in ((name, other), (other, name)):
            self._admit(one, another)

    def _admit(self, name: str, other: str) -> bool:
        """Let somebody hear of a user's devices, who must say the same; whether that is new."""
        known = self._acquainted.setdefault(name, set())
        if other in known:
            return False
        if len(known) >= limits.P2P_ACQUAINTANCES:
            known.pop()
        known.add(other)
        return True

    def acquainted(self, sender: Any, message_id: int, body: bytes) -> None:
        """1130 of a client: it is back, and has a channel to somebody still. Of an end that says the same it is told
        what has changed meanwhile."""
        name, other = str(sender.name), bare_id(ACQUAINTANCE.decode(body).user_id)
        if not self._server.users.is_online(other) or not self._admit(name, other):
            return
        if name in self._acquainted.get(other, ()):
            router = self._server.router
            is_admitted = other not in router.refused_by(name) and name not in router.refused_by(other)
            self._tell(other, {name}, is_admitted)
            self._tell(name, {other}, is_admitted)

    def _acquaintances(self, name: str) -> set[str]:
        """Who may hear of a user's devices: not those whom it has blocked."""
        refused = self._server.router.refused_by(name)
        others = self._acquainted.get(name, ())
        return {other for other in others if other not in refused and name in self._acquainted.get(other, ())}

    def logged_on(self, sender: Any) -> None:
        """A device of somebody is there: to the account's name no channel leads any more, when it is the second."""
        self._tell_acquaintances(str(sender.name))

    def logged_off(self, source: Source | None) -> None:
        """A device is gone; with the last one, those who may hear of it."""
        if source is None:
            return
        name = str(source)
        self._offers.pop(source.login_id, None)
        self._tell_acquaintances(name)
        if not self._server.users.is_online(name):
            # The others go on admitting it: it may be back in a moment, with its channels.
            self._acquainted.pop(name, None)

    def _tell_acquaintances(self, name: str) -> None:
        others = self._acquaintances(name)
        if others:
            self._tell(name, others, is_admitted=True)

    def _tell(self, name: str, others: set[str], is_admitted: bool) -> None:
        devices = len(self._server.users.devices_of(name))
        body = ACQUAINTANCE.encode(AcquaintanceBody(devices, is_admitted, name))
        self._server.router.notify(
            others, lambda generation, is_ours: (MessageType.P2P_ACQUAINTANCE, body) if is_ours else None
        )

    def sweep(self, now: float) -> None:
        """Part those of whom one has blocked the other: what goes by a channel never comes past the server. And forget
        offers that nobody answered."""
        self._unanswered = {offer: until for offer, until in self._unanswered.items() if now < until}
        parted: set[tuple[str, str]] = set()
        for name, others in self._acquainted.items():
            parted.update((name, other) for other in self._server.router.refused_by(name) & others)
        for name, other in parted - self._parted:
            self._tell(other, {name}, is_admitted=False)
            self._tell(name, {other}, is_admitted=False)
        self._parted = parted


def _say_why(sender: Any, target: str, message_id: int, body: bytes, reason: RequestFailure) -> None:
    if reason is RequestFailure.DROPPED_BY_FILTER:
        text = (
            "the server does not allow it, too many channels were asked for in a short time, the offer is too long, or "
            "the user is logged on with several devices, of which one is to be named"
        )
        sender.request_failed(message_id, RequestFailure.NOT_ALLOWED, text)
    else:
        sender.request_failed(message_id, reason, reason.name.lower().replace("_", " "))
