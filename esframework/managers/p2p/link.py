"""A link: the way between this client and one device of another user, by channels and by the server.

Joins the two machines, of what is sent and what comes, to channels, to the session with the server and to the managers
whose messages these are. Refuses to know how channels come about.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework.errors import (
    ChannelClosed,
    ChannelOverflow,
    ConnectionInterrupted,
    EncodeError,
    InvalidMessage,
    MalformedBody,
    NotLoggedOn,
    PacketError,
    RequestTimeout,
    TargetAbsent,
    TooManyRequests,
)
from esframework.interfaces import IClientContext, ILink, PausedBy
from esframework.managers.p2p.contracts import COUNTS, EPOCH, CountsBody, EpochBody
from esframework.managers.p2p.departures import Departures
from esframework.managers.p2p.machine.receiving import Receiver
from esframework.managers.p2p.machine.records import Counts, Record, pack_counts, pack_delivered
from esframework.managers.p2p.machine.sending import Sender, State
from esframework.managers.p2p.peers import LinkedPeer, LinkLane
from esframework.net.channels import MESSAGES, Address, IP2PChannel, IP2PChannelUser
from esframework.plugins.models import FENCE
from esframework.plugins.quiet import Quiet
from esframework.rudp.events import CloseCode
from esframework.wire.login_id import Source
from esframework.wire.profile import GENERATION_6, GENERATION_7, Profile
from esframework.wire.translate import translate_body
from esframework.wire.types import BY_SERVER, MessageType, Priority

_log = Logger()


@implementer(ILink, IP2PChannelUser)
class Link:
    """`events` is told `channel_opened(link, channel)`, `channel_closed(link, channel, reason)`, `channel_failed(link,
    channel, reason)`, `device_away(link)`, `settled(link)` when everything goes by the server again, and
    `refused(reason)`.
    `instance` names the other end's process.

    What comes by the server and what comes by channels is handled in two lanes, of which the later one waits for the
    earlier: the first records of an epoch wait until the sender's word for it is reached in the server's lane, and the
    server's lane waits, where the other end asks what came, until everything that came is handled.
    """

    def __init__(
        self,
        client: IClientContext,
        peer: Any,
        generation: int,
        instance: int,
        longest: int,
        events: Any,
        first_epoch: int,
    ) -> None:
        self.instance = instance
        self._client = client
        self._events = events
        self._longest = longest
        self._direct = client.dispatcher.direct
        self._profile = _profile(generation)
        self._own_profile = _profile(client.options.generation)
        name: Source = peer.name
        self.login_id: str = peer.login_id
        self.peer = LinkedPeer(self, peer.login_id, peer.client_type, name)
        self.lane = LinkLane()
        self.quiet = Quiet(client.clock)
        self.is_replaced = False
        self.attempts = 0
        """Attempts that are under way and may give it a channel."""
        self.channels: list[Any] = []
        """Those that are open, the best one first."""
        self.sent_messages = 0
        self.last_sent_at: float | None = None
        self._sender = Sender(self, first_epoch)
        self._receiver = Receiver(self, longest)
        self._departures = Departures(
            client.clock, self._sender, self.login_id, lambda: self.is_busy, self._server
        )
        self._is_full = False
        self._asking: Deferred[Any] | None = None
        self._asked = 0
        self._ask_again_at = inf
        self._is_unsaid = False
        # Channels that may be dead: when they count as such, and what had been received then.
        self._looking: dict[Any, tuple[float, Any]] = {}

    @property
    def is_direct(self) -> bool:
        """See `ILink`."""
        return bool(self.channels)

    @property
    def outlives_session(self) -> bool:
        """See `ILink`."""
        return self._sender.state is not State.BY_SERVER

    @property
    def path_kind(self) -> str:
        """See `ILink`."""
        return str(self.channels[0].protocol) if self.channels else "server"

    @property
    def is_settled(self) -> bool:
        """Whether everything goes by the server, and nothing waits for that."""
        return not self.channels and self._sender.state is State.BY_SERVER

    @property
    def is_idle(self) -> bool:
        """Whether everything goes by the server again and nothing is left to be done."""
        return self.is_settled and not self._receiver.held_bytes and self.lane.is_idle and not self._departures

    # --- IChannel ---------------------------------------------------------------------------------------------------
    @property
    def is_busy(self) -> bool:
        """See `IChannel`."""
        if self._sender.state is State.BY_SERVER:
            return bool(self._server().is_busy)
        channel = self._sender.channel
        return channel is None or channel.is_busy or self._sender.kept_bytes > limits.P2P_MOST_KEPT

    def send(
        self,
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """See `IChannel`. What may not go by a channel goes by the server, as it would without a link."""
        stream = self._direct.get(message_type)
        if stream is None:
            self._server().send(message_type, body, message_id, destination or self.login_id, priority)
            return
        if len(body) > self._longest:
            raise EncodeError(
                f"a body of {len(body)} bytes does not fit a message, at most {self._longest}; send it as a blob"
            )
        if self._sender.kept_bytes > self._client.options.hard_limit:
            raise ChannelOverflow(
                f"{self._sender.kept_bytes} bytes wait for {self.login_id!r}; the limit is "
                f"{self._client.options.hard_limit}: wait for send()"
            )
        if priority is not Priority.BULK:
            stream = MESSAGES
        if self.channels:
            self.sent_messages += 1
            self.last_sent_at = self._client.clock.seconds()
        self._sender.send(stream, Record(message_type, message_id, body))

    def reply(self, message_type: int, body: bytes, message_id: int) -> None:
        """Answer the device, if there is a way."""
        try:
            self.send(message_type, body, message_id)
        except NotLoggedOn:
            # As by the server: who has lost its connection gets no answers.
            return
        except ChannelOverflow:
            # It asks, and does not take what it is answered.
            self.refused("answer_not_taken")

    def ready(self, target: str | None) -> Deferred[bool] | None:
        """See `IChannel`: by a channel, when it is not busy any more, so that it never runs dry."""
        turn: Deferred[bool] | None
        if self._sender.state is State.BY_SERVER:
            turn = self._server().ready(target)
        elif self.is_busy:
            turn = self._departures.room()
        else:
            turn = None
        return turn

    def gathered(self, work: Callable[[], None]) -> None:
        """See `IChannel`."""
        try:
            server = self._server()
        except NotLoggedOn:
            work()
        else:
            server.gathered(work)

    def sent(self, priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """See `IChannel`."""
        if self._sender.state is State.BY_SERVER:
            left: Deferred[bool] = self._server().sent(priority)
            return left
        return self._departures.sent(priority)

    def give_up(self, types: frozenset[int], message_id: int) -> None:
        """See `ILink`."""
        self._sender.give_up(lambda record: record.message_id == message_id and record.message_type in types)

    def _server(self) -> Any:
        """The session's own way; raises NotLoggedOn."""
        return self._client.channel(self.login_id, BY_SERVER)

    # --- channels (IP2PChannelUser) ---------------------------------------------------------------------------------
    def opened(self, channel: IP2PChannel) -> None:
        """A channel is open. TCP goes before UDP; of the same kind, the newest (manual, chapter 04)."""
        self.channels.insert(0, channel)
        self.channels.sort(key=lambda one: one.protocol != "tcp")
        self._receiver.opened(channel)
        self.lane.add(channel)
        if self.channels[0] is channel:
            self._sender.opened(channel)
            self._departures.count_anew()
        self._events.channel_opened(self, channel)

    def received(self, channel: IP2PChannel, stream: int, data: bytes) -> None:
        """Bytes of a stream."""
        self.gathered(lambda: self._receive(channel, stream, data))

    def _receive(self, channel: IP2PChannel, stream: int, data: bytes) -> None:
        try:
            self._receiver.received(channel, stream, data, self._client.clock.seconds())
        except PacketError as error:
            self.refused("broken_records")
            channel.abort(CloseCode.PROTOCOL, str(error))
        self._brake()

    def _brake(self) -> None:
        """What waits for a word by the server must not grow without end."""
        is_full = self._receiver.held_bytes > limits.P2P_MOST_HELD
        if is_full != self._is_full:
            self._is_full = is_full
            if is_full:
                self.lane.pause_reading(PausedBy.QUEUE)
            else:
                self.lane.resume_reading(PausedBy.QUEUE)

    def writable(self, channel: IP2PChannel) -> None:
        """There is room again."""
        self._departures.check()

    def moved(self, channel: IP2PChannel, address: Address) -> None:
        """The other end is at another address."""

    def closed(self, channel: IP2PChannel, code: int, reason: str, is_remote: bool) -> None:
        """A channel has ended; what it has not brought goes by another way."""
        if channel in self.channels:
            self._lose(channel, reason)
        elif channel.opened_at is None:
            self._events.channel_failed(self, channel, reason)

    def _lose(self, channel: IP2PChannel, reason: str) -> None:
        was_used = self._sender.channel is channel
        self.channels.remove(channel)
        self._receiver.lost(channel)
        self.lane.remove(channel)
        if was_used:
            self._sender.lost(self.channels[0] if self.channels else None)
            self._departures.count_anew()
            self._departures.check()
        self._events.channel_closed(self, channel, reason)

    def end(self, reason: str) -> None:
        """The process at the other end is gone, and another in its place: what this one may not have got goes by the
        server, before anything else does."""
        self.is_replaced = True
        for channel in reversed(self.channels):
            channel.abort(CloseCode.DONE, reason)
        for channel in tuple(self.channels[::-1]):
            self._lose(channel, reason)
        self._in_servers_lane(lambda *_: self._receiver.release())
        self.absent()

    @staticmethod
    def unknown(epoch: int) -> CountsBody:
        """The answer to who asks for what never came here."""
        return CountsBody(0, epoch, 0, False, 0)

    def close(self, code: int, reason: str) -> None:
        """Close all channels, when what was sent by them has arrived."""
        for channel in tuple(self.channels):
            channel.close(code, reason)

    @property
    def may_be_asked(self) -> bool:
        """Whether the other end may still ask what came: forgetting that would have it all sent again."""
        return self._receiver.has_open_epoch

    # --- what the other end says by the server ----------------------------------------------------------------------
    def announced(self, epoch: int, is_bulk: bool) -> None:
        """See `Receiver.announced`; in the server's lane."""

        def reached(*_: Any) -> None:
            self._receiver.announced(epoch, is_bulk)
            self._brake()

        self._in_servers_lane(reached)

    def _in_servers_lane(self, work: Callable[..., Any]) -> None:
        self._client.model.run(self._client.channel(None).server(), FENCE, 0, work, None)

    def asked_by_server(self, epoch: int) -> CountsBody:
        """The other end has no channel any more, and asks what came."""
        counts = self._receiver.asked(epoch)
        # It would not ask if it still had one of those by which it has sent that; there may be a newer one.
        for channel in self._receiver.carriers(epoch):
            channel.abort(CloseCode.DONE, "the other end has lost it")
        self._in_servers_lane(lambda *_: self.lane.idle())
        messages, blobs, files = counts or (0, 0, 0)
        return CountsBody(blobs, epoch, files, counts is not None, messages)

    # --- the session ------------------------------------------------------------------------------------------------
    def server_back(self) -> None:
        """Logged on again: what both ends said by the server may have been lost."""
        self._sender.say_again()
        self._receiver.ask_for_word()

    def server_was_used(self) -> None:
        """Something was sent to the device's account by the server, past this link."""
        self._sender.server_was_used()

    def absent(self) -> None:
        """The other end is not logged on any more."""
        self._events.device_away(self)
        self._sender.absent()
        self._departures.check()
        self._events.settled(self)

    def forget(self) -> None:
        """The session is over: what the other end has not said that it has is given up, and what nobody has handled."""
        self._client.model.forget(self.lane)
        for channel in tuple(self.channels):
            channel.abort(CloseCode.DONE, "the session is over")
        self._departures.give_up()

    def look(self) -> None:
        """The other end has lost its connection to the server: is it a process that was killed? By TCP the system says
        so, by UDP nobody does."""
        if self._asking is not None and self._sender.state is State.RETURNING:
            # The question went to a connection that was gone already; the server knows now.
            self._asking.cancel()
            self.ask(self._sender.epoch)
        now = self._client.clock.seconds()
        for channel in self.channels:
            if channel.protocol == "udp" and channel not in self._looking:
                self._looking[channel] = (now + limits.P2P_LOOK_TIME, channel.facts()["bytes_received"])
                # Whatever arrives is acknowledged.
                self.write(channel, MESSAGES, pack_delivered(0, (0, 0, 0)))

    def _check_looked_at(self, now: float) -> None:
        for channel, (until, received) in tuple(self._looking.items()):
            if channel not in self.channels or channel.facts()["bytes_received"] != received:
                del self._looking[channel]
            elif now >= until:
                del self._looking[channel]
                channel.abort(CloseCode.DONE, "the other end has left the server, and answers nothing")

    def sweep(self, now: float) -> None:
        """About once a second."""
        self._check_looked_at(now)
        self._receiver.on_timer(now)
        self._receiver.confirm()
        self._go_on_asking(now)
        if self._is_unsaid:
            self._is_unsaid = False
            self._sender.say_again()
        self._brake()
        self._departures.check()

    # --- SendingActions ---------------------------------------------------------------------------------------------
    def relay(self, stream: int, record: Record) -> None:
        """See `SendingActions`."""
        priority = Priority.NORMAL if stream == MESSAGES else Priority.BULK
        self._server().send(record.message_type, record.body, record.message_id, self.login_id, priority)

    def relay_kept(self, stream: int, record: Record) -> bool:
        """See `SendingActions`."""
        try:
            self.relay(stream, record)
        except (NotLoggedOn, ChannelOverflow):
            return False
        return True

    def write(self, channel: Any, stream: int, data: bytes) -> None:
        """See `SendingActions` and `ReceivingActions`. A channel that has just ended says so in its own time."""
        try:
            channel.write(stream, data)
        except ChannelClosed:
            return
        if channel is self._sender.channel:
            self._departures.wrote(stream, len(data))

    def has_room(self, channel: Any) -> bool:
        """See `ReceivingActions`."""
        waits: int = channel.waiting(MESSAGES)
        return waits < limits.P2P_BUSY_BYTES

    def announce(self, epoch: int) -> None:
        """See `SendingActions`."""
        body = EPOCH.encode(EpochBody(epoch, self.instance))
        try:
            server = self._server()
        except NotLoggedOn:
            # Said when the session is back: see `Sender.say_again`.
            return
        try:
            server.send(MessageType.P2P_EPOCH_OF_MESSAGES, body, 0, self.login_id)
            server.send(MessageType.P2P_EPOCH_OF_BULK, body, 0, self.login_id, Priority.BULK)
        except ChannelOverflow:
            # Too much waits for the server: said again by `sweep`.
            self._is_unsaid = True

    def ask(self, epoch: int) -> None:
        """See `SendingActions`."""
        if self._asking is not None:
            return
        body = EPOCH.encode(EpochBody(epoch, self.instance))
        try:
            server = self._server()
            self._asking = self._client.calls.ask(
                lambda message_id: server.send(MessageType.P2P_ASK, body, message_id, self.login_id),
                self.login_id,
                MessageType.P2P_ASK,
                MessageType.P2P_COUNTS,
                limits.P2P_ASK_TIMEOUT,
            )
        except (NotLoggedOn, ChannelOverflow, TooManyRequests):
            # Without a session, or when too much waits already: asked again by `sweep`.
            return
        self._asking.addCallbacks(self._told, self._not_told)

    def _told(self, body: bytes) -> None:
        self._asking = None
        self._asked = 0
        try:
            counts = COUNTS.decode(body)
        except MalformedBody as error:
            self.peer.refuse_body(error)
            self.absent()
            return
        self._ask_again_at = self._client.clock.seconds() + limits.P2P_ASK_TIMEOUT
        self.answered(counts.epoch, (counts.messages, counts.blobs, counts.files) if counts.is_known else None)
        if counts.epoch != self._sender.epoch:
            # A channel brought the answer meanwhile, and may be lost as well: there is another question then.
            self._ask_again_at = 0.0

    def _not_told(self, failure: Failure) -> None:
        self._asking = None
        if failure.check(ConnectionInterrupted, CancelledError):
            # Asked again when the session is back (see `Sender.say_again`), or now (see `look`).
            return
        self._asked += 1
        may_come_back = failure.check(TargetAbsent) and self._sender.kept_bytes
        if (may_come_back or failure.check(RequestTimeout)) and self._asked < limits.P2P_ASKS:
            # Whoever has lost its connection is back in a moment, and knows what it has got.
            now = self._client.clock.seconds()
            self._ask_again_at = now + limits.P2P_RETURN_TIME if may_come_back else now
            self._go_on_asking(now)
        else:
            # It is not there, or the server lets nothing through: the server says so of each message as well.
            self._asked = 0
            self.absent()

    def _go_on_asking(self, now: float) -> None:
        """Whoever waits for an answer asks until there is one."""
        if self._sender.state is State.RETURNING and self._asking is None and now >= self._ask_again_at:
            self._ask_again_at = now + limits.P2P_ASK_TIMEOUT
            self._sender.say_again()

    # --- ReceivingActions -------------------------------------------------------------------------------------------
    def deliver(self, stream: int, record: Record) -> None:
        """See `ReceivingActions`: to the manager whose message it is."""
        message_type, message_id, body = record
        dispatcher = self._client.dispatcher
        handler = dispatcher.handlers.get(message_type)
        if handler is None or message_type not in self._direct:
            self.refused("type_not_for_channels")
            return
        try:
            if self._profile is not self._own_profile:
                body = translate_body(message_type, body, self.peer.client_type, self._profile, self._own_profile)
            handler(self.peer, message_id, memoryview(body) if message_type in dispatcher.views else body)
        except (MalformedBody, InvalidMessage) as error:
            self.peer.refuse_body(error)
        except Exception:
            if self.quiet.admits(message_type) is not None:
                _log.failure("handling type {type} of {peer} failed", type=message_type, peer=self.login_id)

    def delivered(self, epoch: int, counts: Counts) -> None:
        """See `ReceivingActions`."""
        was_full = self._sender.kept_bytes > limits.P2P_MOST_KEPT
        self._sender.delivered(epoch, counts)
        if was_full or self._departures:
            self._departures.check()

    def asked(self, epoch: int, channel: Any) -> None:
        """See `ReceivingActions`."""
        self.write(channel, MESSAGES, pack_counts(epoch, self._receiver.asked(epoch)))

    def answered(self, epoch: int, counts: Counts | None) -> None:
        """See `ReceivingActions`."""
        if epoch == self._sender.epoch:
            self._sender.answered(epoch, counts)
            self._departures.count_anew()
        self._departures.check()
        self._events.settled(self)

    def repeat(self) -> None:
        """See `ReceivingActions`. By `sweep`, however often it is asked for: it goes by the server."""
        self._is_unsaid = True

    # --- inside -----------------------------------------------------------------------------------------------------
    def refused(self, reason: str) -> None:
        """Something that the other end sent is not taken."""
        self._events.refused(reason)


def _profile(generation: int) -> Profile:
    return GENERATION_7 if generation == 7 else GENERATION_6
