"""The client's half of P2P: what applications say and are told. `signalling`, `meeting` and `links` do the rest."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework import limits
from esframework.errors import EsError, NoP2PChannel, NotLoggedOn, P2PConnectFailed
from esframework.interfaces import IClientContext, Registrations
from esframework.managers.p2p.contracts import SIGNALLING
from esframework.managers.p2p.examining import examine
from esframework.managers.p2p.link import Link
from esframework.managers.p2p.links import Links
from esframework.managers.p2p.nat import NatReport
from esframework.managers.p2p.ports import Ports
from esframework.managers.p2p.signalling import Signalling
from esframework.managers.p2p.state import ChannelState
from esframework.managers.p2p.wishes import Wishes
from esframework.net.channels import IP2PChannel
from esframework.net.own_addresses import AddressWatch, has_lost
from esframework.net.threads import hops_to_reactor
from esframework.plugins.hooks import Event
from esframework.rudp.events import CloseCode
from esframework.wire.identity import check_target
from esframework.wire.login_id import Source, bare_id
from esframework.wire.types import MessageType, P2PChannelMode

_log = Logger()


class ClientP2P:
    """`client.p2p` (manual, chapter 04: IP2PController); None after a log-on to a server without P2P, if the client's
    options name no P2P server.

    Events: `channel_opened(ChannelState)`, `channel_closed(ChannelState)`, `connect_failed(user_id, error)`,
    `all_channels_closed()`. `answers_to(user_id)`, if it is set, decides who may have a channel that asks for one:
    whoever does learns this machine's addresses.
    """

    def __init__(self, client: IClientContext, longest: int) -> None:
        self.reactor = client.clock
        self.channel_opened: Event[ChannelState] = Event("p2p.channel_opened")
        self.channel_closed: Event[ChannelState] = Event("p2p.channel_closed")
        self.connect_failed: Event[str, Exception] = Event("p2p.connect_failed")
        self.all_channels_closed: Event[()] = Event("p2p.all_channels_closed")
        self.answers_to: Callable[[str], bool] | None = None
        self._client = client
        self._mode: P2PChannelMode = client.options.p2p.mode
        self._ports = Ports(client.clock)
        self._links = Links(client, longest, self._opened, self._closed, self._failed)
        self._signalling = Signalling(
            client, self._ports, self._links, lambda: self._mode, self._permits, self._attempt_over
        )
        self._wishes = Wishes(client.clock, client.options.p2p.keeps_trying, self._try, self._try_again)
        # With whom this end has ended it: they are not answered until this end wants one itself.
        self._unwanted: set[str] = set()
        self._is_warned = False
        self._ping_second = self._pings_answered = 0
        self._watch = AddressWatch(client.clock, self.network_changed)
        self._created: dict[IP2PChannel, datetime] = {}
        self._has_moved = False
        self._following: IDelayedCall | None = None

    def registrations(self) -> Registrations:
        """What this half brings to a client."""
        return Registrations(
            facade=self,
            handlers={
                **self._signalling.handlers(),
                **self._links.handlers(),
                MessageType.PING_BY_P2P: self._ping_came,
            },
            direct={MessageType.PING_BY_P2P: 0},
            logged_on=self._logged_on,
            stop=self._stop,
            finish=self._finish,
            is_offered=self._is_offered,
        )

    # --- what applications want -------------------------------------------------------------------------------------
    @property
    def mode(self) -> P2PChannelMode:
        """Which kinds of channels are tried from now on, by either end's wish (manual: P2PChannelMode)."""
        return self._mode

    @mode.setter
    def mode(self, mode: P2PChannelMode) -> None:
        self._mode = P2PChannelMode(mode)
        if self._mode is not P2PChannelMode.NONE:
            self._wishes.try_now(self.channel_exists)

    @hops_to_reactor
    def connect(self, user_id: str) -> Deferred[ChannelState]:
        """Open a channel to a user, or with a LoginID to one device (manual: P2PConnectAsyn); fires when it is open, at
        once when one is.

        Messages go by the server meanwhile, and by the channel from then on; when it is lost they go by the server
        again, and it is tried anew, until `disconnect`. Fails with `P2PConnectFailed`, and is tried again later if the
        options say so. Raises InvalidUserId, and NotLoggedOn without a session.
        """
        check_target(user_id)
        self._client.channel(None)
        if self._mode is P2PChannelMode.NONE:
            return fail(P2PConnectFailed(f"no channel to {user_id!r}: mode is NONE; set client.p2p.mode"))
        if bare_id(user_id) == self._client.current_user_id:
            return fail(P2PConnectFailed(f"{user_id!r} is this client's own account; there is no channel to oneself"))
        self._unwanted.discard(bare_id(user_id))
        self._wishes.want(user_id)
        self._watch.start()
        link = self._links.find(user_id)
        if link is not None and link.channels and link.channels[0].is_open:
            return succeed(self._state(link, link.channels[0]))
        return self._wishes.wait(user_id)

    @hops_to_reactor
    def disconnect(self, user_id: str) -> None:
        """Close the channels to a user, try for none any more, and answer none of that user's until `connect`. Harmless
        without."""
        self._unwanted.add(bare_id(user_id))
        meant = self._links.find(user_id)
        links = [link for link in self._links.all() if link is meant or str(link.peer.name) == user_id]
        names = {user_id}.union(*(_names(link) for link in links))
        for wished in self._wishes:
            if wished in names or bare_id(wished) == user_id:
                self._wishes.give_up(wished, "it is not wanted any more")
        for link in links:
            link.close(CloseCode.DONE, "the other end wants none any more")

    @hops_to_reactor
    def network_changed(self) -> None:
        """This machine is in another network now: channels are shown the new address, what failed is tried at once, and
        the connection to the server is made anew if it is from an address that is gone: nothing would come back by it.
        Noticed by itself within `limits.P2P_LOOK_AROUND` seconds, from the first channel on."""
        self._signalling.gathering.forget()
        if self._ports.has_udp:
            self._ports.udp.network_changed()
        self._has_moved = True
        if has_lost(self.reactor, self._client.local_host):
            self._client.close_connection(reconnect_now=True)
        else:
            self._meet_again()

    def _meet_again(self) -> None:
        """What failed is tried at once; of what was open it soon shows whether it follows."""
        self._has_moved = False
        self._wishes.try_now(self.channel_exists, is_new_place=True)
        if self._following is None:
            self._following = self.reactor.callLater(limits.P2P_SOON_AGAIN, self._replace_silent)

    def _replace_silent(self) -> None:
        """Whom no channel reaches from here is offered another one: its attempt opens the NATs between."""
        self._following = None

        def is_silent(channel: IP2PChannel) -> bool:
            # One by TCP does not follow at all.
            silence = channel.facts().get("silence", limits.P2P_SOON_AGAIN)
            return has_lost(self.reactor, channel.local_address[0]) and float(silence) > limits.P2P_SOON_AGAIN / 2

        for link in self._links.all():
            if link.channels and all(map(is_silent, link.channels)) and not link.attempts:
                self._try(link.login_id)

    # --- what there is ----------------------------------------------------------------------------------------------
    @hops_to_reactor
    def channel_states(self) -> dict[str, ChannelState]:
        """Every device with a channel, by its LoginID, and the one that is used (manual: GetP2PChannelState)."""
        return {link.login_id: self._state(link, link.channels[0]) for link in self._links.all() if link.channels}

    @hops_to_reactor
    def channel_state(self, user_id: str) -> ChannelState | None:
        """The channel that is used to a user or device, None without one."""
        link = self._links.find(user_id)
        return self._state(link, link.channels[0]) if link is not None and link.channels else None

    @hops_to_reactor
    def udp_session_states(self) -> list[ChannelState]:
        """Every channel by UDP, those as well that are kept beside one by TCP."""
        return [
            self._state(link, channel)
            for link in self._links.all()
            for channel in link.channels
            if channel.protocol == "udp"
        ]

    def channel_exists(self, user_id: str) -> bool:
        """Whether there is a channel to a user or device (manual: IsP2PChannelExist)."""
        return self.channel_state(user_id) is not None

    @hops_to_reactor
    def channel_is_busy(self, user_id: str) -> bool | None:
        """Whether more waits on the channel than it should (manual: P2PChannelIsBusy); None without one."""
        link = self._links.find(user_id)
        return link.is_busy if link is not None and link.channels else None

    @hops_to_reactor
    def ping(self, user_id: str) -> Deferred[float]:
        """Seconds that a message takes by the channel and its answer by the server (manual: PingByP2PChannel). Raises
        NoP2PChannel without a channel; fails with a RequestError."""
        link = self._links.find(user_id)
        if link is None or not link.channels:
            raise NoP2PChannel(f"there is no P2P channel to {user_id!r}: await client.p2p.connect({user_id!r}) first")
        began = self.reactor.seconds()
        asked: Deferred[Any] = self._client.calls.ask(
            lambda message_id: link.send(MessageType.PING_BY_P2P, b"", message_id),
            link.login_id,
            MessageType.PING_BY_P2P,
            MessageType.PING_ANSWER,
            self._client.options.response_timeout,
        )
        return asked.addCallback(lambda _: self.reactor.seconds() - began)

    @hops_to_reactor
    def examine_nat(self) -> Deferred[NatReport]:
        """Find out behind which NAT this client is, and whether UDP works; takes up to seven seconds.

        For people: channels are opened without it. Fails with a RequestError when the server does not say who the P2P
        servers are, and with LocalError where no port can be opened. Raises NotLoggedOn.
        """
        self._client.channel(None)
        return Deferred.fromCoroutine(self._examine())

    async def _examine(self) -> NatReport:
        return await examine(self._client, await self._signalling.introduce())

    def _ping_came(self, sender: Any, message_id: int, body: bytes) -> None:
        second = int(self.reactor.seconds())
        if second != self._ping_second:
            self._ping_second, self._pings_answered = second, 0
        self._pings_answered += 1
        if self._pings_answered > limits.P2P_PINGS_ANSWERED:
            self._links.refused("too_many_pings")
            return
        sender.reply(MessageType.PING_ANSWER, b"", message_id)

    @property
    def refused(self) -> dict[str, int]:
        """What others sent that was not taken, and how often, by reason: offers, and what belongs to them; datagrams
        and connections of nobody; probes, and addresses that attempts do not try; what came by channels and may not. A
        channel's own refusals are among its `facts`."""
        return dict(self._ports.all_refused() + self._signalling.all_refused() + Counter(self._links.refusals))

    # --- trying -----------------------------------------------------------------------------------------------------
    def _permits(self, user_id: str) -> bool:
        if not self._client.options.p2p.answers or user_id in self._unwanted:
            return False
        try:
            return self.answers_to is None or bool(self.answers_to(user_id))
        except Exception:
            _log.failure("deciding whether {user} may have a channel failed: it may not", user=user_id)
            return False

    def _try(self, user_id: str) -> None:
        trying = Deferred.fromCoroutine(self._signalling.offer(user_id))
        trying.addErrback(lambda failure: self._offer_failed(user_id, failure))

    def _offer_failed(self, user_id: str, failure: Failure) -> None:
        # Cancelled, since the session is over: whoever waited has been told.
        if not failure.check(EsError, CancelledError):
            _log.failure("a channel to {user} could not be opened", failure, user=user_id)
        self._not_connected(user_id, P2PConnectFailed(f"no channel to {user_id!r}: {failure.getErrorMessage()}"))

    def _attempt_over(self, sender: Any, error: EsError | None) -> None:
        if error is not None:
            self._failed_with(sender.name, sender.login_id, str(error))

    def _failed(self, link: Link, reason: str) -> None:
        if not link.channels:
            self._failed_with(link.peer.name, link.login_id, reason)

    def _failed_with(self, name: Source, login_id: str, reason: str) -> None:
        for user_id in {login_id, str(name)}:
            self._not_connected(user_id, P2PConnectFailed(f"no channel to {user_id!r}: {reason}"))

    def _not_connected(self, user_id: str, error: P2PConnectFailed) -> None:
        # One that was to take the place of a channel leaves that as it is.
        if not self.channel_exists(user_id) and self._wishes.failed(user_id, error):
            self.connect_failed.fire(user_id, error)

    def _try_again(self, user_id: str) -> None:
        try:
            self.connect(user_id).addErrback(lambda _: None)
        except NotLoggedOn:
            # Tried when the session is back: see `_logged_on`.
            return

    # --- what links tell --------------------------------------------------------------------------------------------
    def _opened(self, link: Link, channel: IP2PChannel) -> None:
        self._warn()
        state = self._state(link, channel)
        for older in [each for each in link.channels if each is not channel and each.protocol == channel.protocol]:
            older.close(CloseCode.DONE, "a newer one takes its place")
        self._watch.start()
        self._wishes.opened(_names(link), state)
        self.channel_opened.fire(state)

    def _closed(self, link: Link, channel: IP2PChannel, reason: str) -> None:
        if channel.protocol == "tcp":
            self._ports.tcp_was_used()
        self.channel_closed.fire(self._state(link, channel))
        self._created.pop(channel, None)
        _log.info("the P2P channel to {peer} was closed: {reason!r}", peer=link.login_id, reason=reason)
        if not link.channels:
            self._wishes.lost(_names(link))
        if not any(each.channels for each in self._links.all()):
            self.all_channels_closed.fire()

    def _state(self, link: Link, channel: IP2PChannel) -> ChannelState:
        now, wall = self.reactor.seconds(), datetime.now(UTC)

        def date_of(seconds: float) -> datetime:
            return wall - timedelta(seconds=now - seconds)

        return ChannelState(
            user_id=str(link.peer.name),
            login_id=link.login_id,
            protocol=channel.protocol,
            address=channel.address,
            local_address=channel.local_address,
            # The same at each look: programs may tell channels apart by it.
            created_at=self._created.setdefault(channel, date_of(channel.opened_at or now)),
            round_trip=channel.round_trip,
            messages_sent=link.sent_messages,
            last_sent_at=None if link.last_sent_at is None else date_of(link.last_sent_at),
            is_busy=channel.is_busy,
            facts=channel.facts(),
        )

    def _warn(self) -> None:
        if not self._is_warned and not self._client.is_secure:
            self._is_warned = True
            _log.warn(
                "P2P channels are encrypted, but their keys came by a log-on connection without TLS: whoever can read "
                "and change that can read them; log on by 'tls:'"
            )

    # --- the session ------------------------------------------------------------------------------------------------
    def _is_offered(self) -> bool:
        if not self._client.connected:
            return True
        is_signalled: bool = self._client.manager("basic").server_has(SIGNALLING)
        return is_signalled and (self._client.serves_p2p or self._client.options.p2p.server is not None)

    def _logged_on(self, server: Any) -> None:
        self._signalling.begin()
        self._links.server_back()
        self._wishes.try_now(self.channel_exists)
        if self._has_moved:
            self._meet_again()

    def _finish(self) -> Deferred[None]:
        given_up = self._give_up()
        finished: Deferred[Any] = self._links.finish()
        return finished.addCallback(lambda _: self._ports.close()).addCallback(lambda _: given_up)

    def _stop(self) -> None:
        closing = [self._give_up()]
        self._links.stop()
        closing.append(self._ports.close())
        for closed in closing:
            closed.addErrback(lambda failure: _log.failure("P2P ports could not be closed", failure))

    def _give_up(self) -> Deferred[None]:
        self._unwanted.clear()
        self._watch.stop()
        if self._following is not None:
            self._following.cancel()
            self._following = None
        for user_id in self._wishes:
            self._wishes.give_up(user_id, "the session is over")
        return self._signalling.stop("the session is over")


def _names(link: Link) -> set[str]:
    """By which ids an application may mean whoever is at the other end."""
    return {link.login_id, str(link.peer.name)}
