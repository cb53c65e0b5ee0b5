"""All links of one client: which ids mean them, what the server says about them, and what their channels tell.

Refuses to know how channels come about.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from esframework import limits
from esframework.interfaces import IClientContext
from esframework.managers.p2p.contracts import ACQUAINTANCE, COUNTS, EPOCH, AcquaintanceBody
from esframework.managers.p2p.link import Link
from esframework.net.channels import IP2PChannel
from esframework.plugins.asking import from_server
from esframework.rudp.events import CloseCode
from esframework.wire.login_id import Source
from esframework.wire.types import MessageType

_log = Logger()

_EPOCHS_OF_LINK = 2**32
"""Numbers for the epochs of one link: more than it can have announcements."""


class Links:
    """`opened(link, channel)` and `closed(link, channel, reason)` are told of channels; `failed(link, reason)` of those
    that never opened. `longest` is the most bytes of a message's body."""

    def __init__(
        self,
        client: IClientContext,
        longest: int,
        opened: Callable[[Link, IP2PChannel], None],
        closed: Callable[[Link, IP2PChannel, str], None],
        failed: Callable[[Link, str], None],
    ) -> None:
        self.instance = 0
        """Names this session to other ends: a later one of the same account knows nothing of what this one was told."""
        self._next_epoch = 0
        self._begin()
        self.refusals: dict[str, int] = {}
        """What came by channels and was not taken, by reason."""
        self._client = client
        self._longest = longest
        self._opened = opened
        self._closed = closed
        self._failed = failed
        self._links: dict[str, Link] = {}
        # Links with nothing left to be done, of which the other ends may still ask what came.
        self._resting: dict[str, Link] = {}
        # On how many devices an account with links is logged on.
        self._devices: dict[str, int] = {}
        self._finishing: list[Deferred[None]] = []
        self._finish_at: IDelayedCall | None = None
        self._loop = LoopingCall(self._sweep)
        self._loop.clock = client.clock

    def _begin(self) -> None:
        self.instance = int.from_bytes(os.urandom(8))
        # Numbers of epochs grow from one link to the same end to the next, and are not those of an earlier process.
        self._next_epoch = int.from_bytes(os.urandom(7)) + 1

    def all(self) -> list[Link]:
        """Those that there are, with a channel or with something left to be done."""
        return list(self._links.values())

    def find(self, user_id: str) -> Link | None:
        """The one that a user's id, or a device's, means."""
        link: Link | None = self._client.links.get(user_id)
        return link or self._links.get(user_id)

    def handlers(self) -> dict[int, Callable[[Any, int, bytes], None]]:
        """Message type to method, for the registrations."""
        return {
            MessageType.P2P_EPOCH_OF_MESSAGES: lambda sender, _, body: self._announced(sender, body, False),
            MessageType.P2P_EPOCH_OF_BULK: lambda sender, _, body: self._announced(sender, body, True),
            MessageType.P2P_ASK: self._asked,
            MessageType.P2P_COUNTS: self._counted,
            MessageType.P2P_ACQUAINTANCE: from_server(self._acquaintance),
        }

    # --- links come and go ------------------------------------------------------------------------------------------
    def link_to(self, peer: Any, generation: int, instance: int, devices: int) -> Link:
        """The link to whoever sent an offer or an answer; a new process at the other end gets a new one."""
        link = self._links.get(peer.login_id) or self._resting.pop(peer.login_id, None)
        if link is not None and link.instance != instance:
            self._remove(link)
            link.end("the other end is another process now")
            link = None
        if link is None:
            link = Link(self._client, peer, generation, instance, self._longest, self, self._next_epoch)
            self._next_epoch += _EPOCHS_OF_LINK
        self._links[peer.login_id] = link
        if link.login_id != str(link.peer.name):
            self._client.links[link.login_id] = link
        self._devices[str(link.peer.name)] = devices
        self._name(link.peer.name)
        if not self._loop.running:
            self._loop.start(limits.SWEEP_INTERVAL, now=False)
        return link

    def _name(self, name: Source) -> None:
        """By which link an account's name is meant: by that of its only device. While there is a link to another one,
        which has just gone, the server knows better where that is."""
        account, links = str(name), self._client.links
        linked = [link for link in self._links.values() if link.peer.name == name]
        devices, named = self._devices[account], links.get(account)
        if devices <= 1 and len(linked) == 1:
            if named is not linked[0]:
                # What went to the account while it had several devices went by the server.
                linked[0].server_was_used()
                links[account] = linked[0]
        elif named is not None:
            del links[account]
            if devices > 1 and named.login_id == account:
                named.close(CloseCode.DONE, f"{account!r} is logged on with several devices of one name")

    def _remove(self, link: Link) -> None:
        self._links.pop(link.login_id, None)
        account = str(link.peer.name)
        for name in (link.login_id, account):
            if self._client.links.get(name) is link:
                del self._client.links[name]
        if any(other.peer.name == link.peer.name for other in self._links.values()):
            self._name(link.peer.name)
        else:
            self._devices.pop(account, None)

    def _rest(self, link: Link) -> None:
        """Nothing is left to be done with a link; whether its messages came, the other end may still ask."""
        self._remove(link)
        if link.may_be_asked:
            self._resting[link.login_id] = link
            while len(self._resting) > limits.P2P_RESTING_LINKS:
                del self._resting[next(iter(self._resting))]

    def _sweep(self) -> None:
        now = self._client.clock.seconds()
        for link in self.all():
            link.sweep(now)
            if link.is_idle and not link.attempts:
                self._rest(link)
        if not self._links:
            self._loop.stop()

    def finish(self) -> Deferred[None]:
        """Close all channels, when what was sent by them has arrived; fires when they are closed and the other ends
        have said so, or after `limits.P2P_CLOSE_TIME` seconds."""
        for link in self.all():
            link.close(CloseCode.DONE, "the other end has logged off")
        finished: Deferred[None] = Deferred()
        self._finishing.append(finished)
        if self._finish_at is None:
            self._finish_at = self._client.clock.callLater(limits.P2P_CLOSE_TIME, self._finished)
        self._check_finished()
        return finished

    def _check_finished(self) -> None:
        if self._finishing and all(link.is_settled for link in self.all()):
            self._finished()

    def _finished(self) -> None:
        if self._finish_at is not None and self._finish_at.active():
            self._finish_at.cancel()
        self._finish_at = None
        finishing, self._finishing = self._finishing, []
        for finished in finishing:
            finished.callback(None)

    def stop(self) -> None:
        """The session is over for good."""
        for link in self.all():
            link.forget()
            self._remove(link)
        self._resting.clear()
        self._begin()
        if self._loop.running:
            self._loop.stop()

    # --- what is said by the server ---------------------------------------------------------------------------------
    def _of(self, sender: Any) -> Link | None:
        return self._links.get(sender.login_id) or self._resting.get(sender.login_id)

    def _announced(self, sender: Any, body: bytes, is_bulk: bool) -> None:
        said = EPOCH.decode(body)
        link = self._of(sender)
        if link is not None and said.instance == self.instance:
            link.announced(said.epoch, is_bulk)

    def _asked(self, sender: Any, message_id: int, body: bytes) -> None:
        said = EPOCH.decode(body)
        if said.instance != self.instance:
            # For another device of the same name, or a process that is gone: whoever asks finds out by itself.
            return
        link = self._of(sender)
        counts = Link.unknown(said.epoch) if link is None else link.asked_by_server(said.epoch)
        sender.reply(MessageType.P2P_COUNTS, COUNTS.encode(counts), message_id)

    def _counted(self, sender: Any, message_id: int, body: bytes) -> None:
        self._client.calls.answer(message_id, sender.name, MessageType.P2P_COUNTS, body)

    def _acquaintance(self, body: bytes) -> None:
        said = ACQUAINTANCE.decode(body)
        for link in self.all():
            if link.peer.name == said.user_id:
                self._devices[said.user_id] = said.devices
                self._name(link.peer.name)
                link.look()
                if not said.is_admitted:
                    link.close(CloseCode.DONE, "one of the two has blocked the other")

    def server_back(self) -> None:
        """Logged on, again."""
        for link in self.all():
            if link.channels:
                # The server has forgotten whom to tell of other devices, and of being blocked.
                account = str(link.peer.name)
                body = ACQUAINTANCE.encode(AcquaintanceBody(0, True, account))
                self._client.channel(None).send(MessageType.P2P_ACQUAINTANCE, body)
            link.server_back()

    # --- what links tell --------------------------------------------------------------------------------------------
    def channel_opened(self, link: Link, channel: IP2PChannel) -> None:
        """A channel is open."""
        self._opened(link, channel)

    def channel_closed(self, link: Link, channel: IP2PChannel, reason: str) -> None:
        """A channel that was open has ended."""
        if not link.channels:
            self._client.dispatcher.channel_lost(link)
        self._closed(link, channel, reason)
        self._check_finished()

    def device_away(self, link: Link) -> None:
        """The other end of a link is not logged on, or is another process."""
        self._client.dispatcher.device_away(link)

    def settled(self, link: Link) -> None:
        """Everything goes by the server again."""
        self._check_finished()

    def channel_failed(self, link: Link, channel: IP2PChannel, reason: str) -> None:
        """A channel has ended that never opened."""
        self._failed(link, reason)

    def refused(self, reason: str) -> None:
        """Something that came by a channel was not taken."""
        self.refusals[reason] = self.refusals.get(reason, 0) + 1
