"""Offers and answers between this client and others, by the server: how attempts begin, at both ends (1120 to 1125).

    who offers                            who answers
    asks the server who P2P servers are   the same, when the offer has come
    gathers its addresses                 gathers its addresses
    OFFER            ->                   of two that cross, that with the smaller name is dropped
    begins to lead   <-                   ANSWER, or REFUSAL; begins to follow
    SYNC, MORE CANDIDATES, as they come

Refuses to know what a channel carries, and when somebody wants one.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import (
    EsError,
    KeyRefused,
    LocalError,
    NotDelivered,
    NotLoggedOn,
    P2PConnectFailed,
    RequestError,
)
from esframework.interfaces import Handler, IClientContext
from esframework.managers.p2p.contracts import (
    ANSWER,
    INTRODUCTION,
    MORE_CANDIDATES,
    OFFER,
    REFUSAL,
    SYNC,
    AnswerBody,
    IntroductionBody,
    MoreCandidatesBody,
    OfferBody,
    RefusalBody,
    SyncBody,
)
from esframework.managers.p2p.gathering import Gathering
from esframework.managers.p2p.links import Links
from esframework.managers.p2p.meeting import Agreement, Meeting, common_mode, offered, told
from esframework.managers.p2p.ports import Ports
from esframework.managers.p2p.servers import server_addresses
from esframework.rudp.candidates import Candidate
from esframework.rudp.keys import AES_GCM, CHACHA20, KEY_SIZE, agree, public_key
from esframework.rudp.probes import SESSION_SIZE
from esframework.wire.types import BY_SERVER, MessageType, P2PChannelMode, RequestFailure

_log = Logger()

CIPHERS = (AES_GCM, CHACHA20)


class Offer:
    """What this end has offered and nobody has answered yet."""

    def __init__(self, target: str) -> None:
        self.target = target
        self.session = os.urandom(SESSION_SIZE)
        self.private = os.urandom(KEY_SIZE)
        self.index = 0
        self.local: list[Candidate] = []
        self.asked: Deferred[Any] | None = None
        self.is_crossed = False


class Signalling:
    """Of one client. `mode()` is what the application wants now; `permits(user_id)`, whether somebody may have a
    channel.

    `over(sender, error)` is told how each attempt ended; error None: a path was agreed on.
    """

    def __init__(
        self,
        client: IClientContext,
        ports: Ports,
        links: Links,
        mode: Callable[[], P2PChannelMode],
        permits: Callable[[str], bool],
        over: Callable[[Any, EsError | None], None],
    ) -> None:
        self._client = client
        self._reactor = client.clock
        self._ports = ports
        self._links = links
        self._mode = mode
        self._permits = permits
        self._over = over
        self.gathering = Gathering(client.clock, client.options.p2p, ports, self._found)
        self.refused: dict[str, int] = {}
        self._offers: dict[str, Offer] = {}
        self._attempts_refused: Counter[str] = Counter()
        # From the end of a session to the next: nothing is offered and nothing answered.
        self._is_over = False
        self._answering = 0
        self._introduction: tuple[float, IntroductionBody] | None = None
        # By the other end's LoginID and the offer's session, which anybody may name as theirs; with the other end.
        self._meetings: dict[tuple[str, bytes], tuple[Meeting, Any]] = {}

    def handlers(self) -> dict[int, Handler]:
        """Message type to method, for the registrations."""
        return {
            MessageType.P2P_INTRODUCTION: self._introduced,
            MessageType.P2P_OFFER: self._unless_too_long(self._offer_came),
            MessageType.P2P_ANSWER: self._unless_too_long(self._answer_came),
            MessageType.P2P_SYNC: self._sync_came,
            MessageType.P2P_REFUSAL: self._unless_too_long(self._refusal_came),
            MessageType.P2P_MORE_CANDIDATES: self._unless_too_long(self._more_came),
        }

    def _unless_too_long(self, handler: Handler) -> Handler:
        def handle(sender: Any, message_id: int, body: bytes) -> None:
            if len(body) > limits.P2P_LONGEST_OFFER:
                self.refused["too_long"] = self.refused.get("too_long", 0) + 1
            else:
                handler(sender, message_id, body)

        return handle

    def all_refused(self) -> Counter[str]:
        """Offers and the like that were not taken, and what attempts did not take, by reason."""
        refused = Counter(self.refused) + self._attempts_refused
        for meeting, _ in self._meetings.values():
            refused.update(meeting.refused)
        return refused

    def stop(self, reason: str) -> Deferred[None]:
        """Give up all attempts; fires when nothing of them is left in the network."""
        self._is_over = True
        for meeting, _ in list(self._meetings.values()):
            meeting.stop(reason)
        for offer in list(self._offers.values()):
            if offer.asked is not None:
                offer.asked.cancel()
        self._offers.clear()
        return self.gathering.close()

    # --- before everything ------------------------------------------------------------------------------------------
    async def introduce(self) -> IntroductionBody:
        """Ask the server who the P2P servers are, if it was not asked a moment ago. Fails with a RequestError."""
        way = self._client.channel(None)
        now = self._reactor.seconds()
        if self._introduction is not None and now - self._introduction[0] < limits.P2P_INTRODUCTION_FRESH:
            return self._introduction[1]
        body = await self._client.calls.ask(
            lambda message_id: way.send(MessageType.P2P_INTRODUCTION, b"", message_id),
            None,
            MessageType.P2P_INTRODUCTION,
            MessageType.P2P_INTRODUCTION,
            self._client.options.response_timeout,
        )
        introduction = INTRODUCTION.decode(body)
        self._introduction = now, introduction
        return introduction

    def begin(self) -> None:
        """Logged on: the server is another one, or has forgotten what it said."""
        self._is_over = False
        self._introduction = None

    def _introduced(self, sender: Any, message_id: int, body: bytes) -> None:
        self._client.calls.answer(message_id, sender.name, MessageType.P2P_INTRODUCTION, body)

    async def _gather(self) -> list[Candidate]:
        introduction = await self.introduce()
        if self._is_over:
            raise LocalError("the session is over")
        if self._ports.open():
            self.gathering.forget_tcp()
        servers = await server_addresses(self._client, introduction.servers)
        await self.gathering.ask(servers, introduction.token, introduction.is_local)
        return self.gathering.candidates(introduction.is_local)

    # --- who offers -------------------------------------------------------------------------------------------------
    async def offer(self, target: str) -> None:
        """Ask a user, or one device, for a channel; returns when the attempt is under way, this end's or that which the
        other end offered meanwhile. Fails with a RequestError, KeyRefused or LocalError."""
        offer = self._offers[target] = Offer(target)
        try:
            offer.local = await self._gather()
            if not offer.is_crossed:
                await self._make(offer)
        except CancelledError:
            if not offer.is_crossed:
                raise
        finally:
            if self._offers.get(target) is offer:
                del self._offers[target]

    async def _make(self, offer: Offer) -> None:
        offer.index = self._ports.new_index()
        body = OFFER.encode(
            OfferBody(
                told(offer.local),
                list(CIPHERS),
                self._client.options.generation,
                offer.index,
                self._links.instance,
                self._mode(),
                public_key(offer.private),
                offer.session,
            )
        )
        way = self._client.channel(offer.target, BY_SERVER)
        asked_at = self._reactor.seconds()
        offer.asked = self._client.calls.ask(
            lambda message_id: way.send(MessageType.P2P_OFFER, body, message_id, offer.target),
            offer.target,
            MessageType.P2P_OFFER,
            MessageType.P2P_ANSWER,
            limits.P2P_ANSWER_TIMEOUT,
        )
        sender, answer = await offer.asked
        took = self._reactor.seconds() - asked_at - answer.waited / 1000
        self._lead(offer, sender, answer, max(0.0, took))

    def _lead(self, offer: Offer, sender: Any, answer: AnswerBody, round_trip: float) -> None:
        mode = common_mode(self._mode(), answer.mode)
        if mode is None:
            raise KeyRefused("the two ends want different kinds of channels")
        agreement = Agreement(
            is_leader=True,
            session=offer.session + answer.nonce,
            secret=answer.secret,
            private=offer.private,
            public=answer.public_key,
            cipher=agree([answer.cipher], CIPHERS),
            index=offer.index,
            receiver=answer.index,
            mode=mode,
            both_local=answer.both_local,
        )
        self._begin(offer.session, sender, answer, agreement, offer.local, round_trip)

    def _answer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        self._client.calls.answer(message_id, sender.name, MessageType.P2P_ANSWER, (sender, ANSWER.decode(body)))

    def _refusal_came(self, sender: Any, message_id: int, body: bytes) -> None:
        reason = REFUSAL.decode(body).reason

        def why(target: str | None, request: int) -> RequestError:
            return NotDelivered(f"{target!r} opens no channel: {reason!r}", target, request, RequestFailure.NOT_ALLOWED)

        self._client.calls.fail(message_id, sender.name, MessageType.P2P_ANSWER, why)

    # --- who answers ------------------------------------------------------------------------------------------------
    def _offer_came(self, sender: Any, message_id: int, body: bytes) -> None:
        offer = OFFER.decode(body)
        mode = common_mode(self._mode(), offer.mode)
        if sender.name is None:
            return
        own = [each for name in {sender.login_id, str(sender.name)} if (each := self._offers.get(name)) is not None]
        if self._is_over:
            self._refuse(sender, message_id, offer, "it logs off")
        # Whoever asks somebody for a channel has told its addresses, and has room for one.
        elif mode is None or not (own or self._permits(str(sender.name))):
            self._refuse(sender, message_id, offer, "it wants none, or none of that kind")
        elif not own and self._is_taken_up(sender):
            self._refuse(sender, message_id, offer, "it opens, or has, too many already")
        elif not self._counts_more(own, offer):
            self._answering += 1
            answering = Deferred.fromCoroutine(self._answer(sender, message_id, offer))
            answering.addErrback(lambda failure: self._not_answered(failure, sender, message_id, offer))
            answering.addBoth(self._answered)

    def _is_taken_up(self, sender: Any) -> bool:
        """Whether this end opens, or has, as many channels as others may want of it; one that takes the place of
        another is not one more."""
        if len(self._meetings) + self._answering >= limits.P2P_ATTEMPTS:
            return True
        with_channels = {link.login_id for link in self._links.all() if link.channels}
        return sender.login_id not in with_channels and len(with_channels) >= limits.P2P_CHANNELS

    def _answered(self, _: object) -> None:
        self._answering -= 1

    @staticmethod
    def _counts_more(own: list[Offer], theirs: OfferBody) -> bool:
        """Whether of offers that cross this end's own is the one that counts; if not, it is dropped."""
        for offer in own:
            if offer.session > theirs.session and offer.asked is not None:
                return True
            offer.is_crossed = True
            if offer.asked is not None:
                offer.asked.cancel()
        return False

    async def _answer(self, sender: Any, message_id: int, offer: OfferBody) -> None:
        came_at = self._reactor.seconds()
        private, nonce = os.urandom(KEY_SIZE), os.urandom(SESSION_SIZE)
        cipher = agree(offer.ciphers, CIPHERS)
        local = await self._gather()
        mode = common_mode(self._mode(), offer.mode)
        if mode is None:
            raise LocalError("no channel is wanted any more")
        agreement = Agreement(
            is_leader=False,
            session=offer.session + nonce,
            secret=offer.secret,
            private=private,
            public=offer.public_key,
            cipher=cipher,
            index=self._ports.new_index(),
            receiver=offer.index,
            mode=mode,
            both_local=offer.both_local,
        )
        self._begin(offer.session, sender, offer, agreement, local, 0.0)
        waited = round((self._reactor.seconds() - came_at) * 1000)
        answer = AnswerBody(
            told(local),
            cipher,
            self._client.options.generation,
            agreement.index,
            self._links.instance,
            self._mode(),
            nonce,
            public_key(private),
            offer.session,
            waited,
        )
        sender.reply(MessageType.P2P_ANSWER, ANSWER.encode(answer), message_id)

    def _not_answered(self, failure: Failure, sender: Any, message_id: int, offer: OfferBody) -> None:
        if not failure.check(EsError, CancelledError):
            _log.failure("an offer of {name} could not be answered", failure, name=sender.name)
        reason = failure.getErrorMessage() if failure.check(KeyRefused) else "it cannot"
        self._refuse(sender, message_id, offer, reason)
        # This end may have wanted one, too, and have dropped its own offer for this one.
        self._over(sender, P2PConnectFailed(f"the offer of {sender.name!r} could not be answered: {reason}"))

    def _refuse(self, sender: Any, message_id: int, offer: OfferBody, reason: str) -> None:
        self.refused["offer"] = self.refused.get("offer", 0) + 1
        sender.reply(MessageType.P2P_REFUSAL, REFUSAL.encode(RefusalBody(reason, offer.session)), message_id)

    # --- attempts ---------------------------------------------------------------------------------------------------
    def _begin(
        self,
        session: bytes,
        sender: Any,
        other: OfferBody | AnswerBody,
        agreement: Agreement,
        local: list[Candidate],
        round_trip: float,
    ) -> None:
        link = self._links.link_to(sender, other.generation, other.instance, other.devices)

        def over(meeting: Meeting, error: EsError | None) -> None:
            self._over(sender, error)

        def closed() -> None:
            link.attempts -= 1
            if self._meetings.pop((sender.login_id, session), None) is not None:
                self._attempts_refused.update(meeting.refused)

        meeting = Meeting(
            self._reactor,
            self._ports,
            agreement,
            link,
            local,
            offered(other.candidates),
            round_trip,
            lambda number: self._send(sender, MessageType.P2P_SYNC, SYNC.encode(SyncBody(number, session))),
            over,
            closed,
        )
        # Only now: an offer whose key is none ends nothing.
        self._replace(sender)
        link.attempts += 1
        self._meetings[sender.login_id, session] = meeting, sender
        meeting.start()

    def _replace(self, sender: Any) -> None:
        """Who offers anew has given up what was tried before."""
        for meeting, other in list(self._meetings.values()):
            if other.login_id == sender.login_id:
                meeting.give_way()

    def _sync_came(self, sender: Any, message_id: int, body: bytes) -> None:
        sync = SYNC.decode(body)
        meeting = self._meeting(sender, sync.session)
        if meeting is not None:
            meeting.synchronise(sync.round)

    def _more_came(self, sender: Any, message_id: int, body: bytes) -> None:
        more = MORE_CANDIDATES.decode(body)
        meeting = self._meeting(sender, more.session)
        if meeting is not None:
            meeting.add_remote(offered(more.candidates))

    def _meeting(self, sender: Any, session: bytes) -> Meeting | None:
        return self._meetings.get((sender.login_id, session), (None, None))[0]

    def _found(self, candidate: Candidate) -> None:
        """This end has found out more about itself: those who try to reach it are told."""
        for (_, session), (meeting, sender) in list(self._meetings.items()):
            meeting.add_local([candidate])
            more = MORE_CANDIDATES.encode(MoreCandidatesBody(told([candidate]), session))
            self._send(sender, MessageType.P2P_MORE_CANDIDATES, more)

    def _send(self, sender: Any, message_type: MessageType, body: bytes) -> None:
        try:
            self._client.channel(sender.login_id, BY_SERVER).send(message_type, body, 0, sender.login_id)
        except NotLoggedOn:
            _log.debug("{type} did not reach {name}: not logged on", type=message_type.name, name=sender.name)
