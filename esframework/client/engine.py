"""`ClientEngine`: builds a client from its parts and is what applications hold (manual, chapter 06).

The states are `link`'s, the bytes `stream`'s, sockets and timers `keeper`'s; this composes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import randrange
from typing import Any

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IStreamClientEndpoint
from zope.interface import implementer

from esframework.client.keeper import LogonResponse, SessionKeeper
from esframework.client.options import ClientOptions
from esframework.errors import NoP2PChannel, NotLoggedOn
from esframework.interfaces import IClientContext
from esframework.net.calls import Calls
from esframework.net.threads import hops_to_reactor
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.hooks import Event
from esframework.plugins.loader import install_managers
from esframework.plugins.models import DirectModel
from esframework.wire.identity import check_target
from esframework.wire.types import ChannelMode, MessageInvalidType

_MOST_TARGETS = 4096
"""Targets remembered as possible: as many as a busy program writes to by turns."""


@implementer(IClientContext)
class ClientEngine:
    """A client of one server (manual, chapter 06: RapidPassiveEngine).

    `handler` is an `ICustomHandler`; `managers` replaces those found on this machine. Each manager's facade is an
    attribute: `client.custom`, `client.basic`.

    Events: `opening`, `opened` (logged on), `closing`, `closed`, `error(exception)`, `invalid_message(kind)`;
    `connection_interrupted`, `rebuild_started` (at each try), `relogon_completed(LogonResponse)`.
    """

    def __init__(
        self,
        handler: Any = None,
        *,
        options: ClientOptions | None = None,
        managers: Sequence[Any] | None = None,
        reactor: Any = None,
    ) -> None:
        if reactor is None:
            from twisted.internet import reactor
        self.reactor = self.clock = reactor
        self.handler = handler
        self.options = options or ClientOptions()
        self._targets: set[str | None] = {None}
        self.links: dict[str, Any] = {}
        self._declare_events()
        # Somewhere at random: an answer to one device of an account may reach its other devices as well.
        self.calls = Calls(reactor, randrange(2**31 - 1))
        self.dispatcher = Dispatcher()
        install_managers(self.dispatcher, managers, lambda manager: manager.client_half(self))
        observer = self.manager("diagnostics") if self.options.diagnostics else None
        self.model = DirectModel(reactor, self.options.handler_limit, observer)
        self._session = SessionKeeper(self)

    def _declare_events(self) -> None:
        self.opening: Event[()] = Event("client.opening")
        self.opened: Event[()] = Event("client.opened")
        self.closing: Event[()] = Event("client.closing")
        self.closed: Event[()] = Event("client.closed")
        self.error: Event[Exception] = Event("client.error")
        self.invalid_message: Event[MessageInvalidType] = Event("client.invalid_message")
        self.connection_interrupted: Event[()] = Event("client.connection_interrupted")
        self.rebuild_started: Event[()] = Event("client.rebuild_started")
        self.relogon_completed: Event[LogonResponse] = Event("client.relogon_completed")

    # --- for applications ---------------------------------------------------------------------------------------------
    @hops_to_reactor
    def log_on(self, user_id: str, password: str, endpoint: str | IStreamClientEndpoint) -> Deferred[LogonResponse]:
        """Connect and log on; from then on the engine keeps the session.

        Fails with `ConnectionFailed`, or with `LogonFailed(result, cause)` when the server refuses; the engine may
        then be used again. Fails with LocalError while a session is there already, and for arguments that cannot be
        sent; then nothing was begun.
        """
        return self._session.log_on(user_id, password, endpoint)

    @hops_to_reactor
    def close(self) -> Deferred[None]:
        """End the session, after everything queued has been written; nothing stays behind. The engine may log on
        again."""
        finishing = [each for each in self.dispatcher.finish() if not each.called or each.paused]
        if not finishing:
            return self._session.close()
        finished: Deferred[Any] = DeferredList(finishing, consumeErrors=True)
        return finished.addCallback(lambda _: self._session.close())

    @hops_to_reactor
    def close_connection(self, reconnect_now: bool = False) -> None:
        """Cut the connection; the automatic reconnect follows, at once or after its usual wait."""
        self._session.cut(reconnect_now)

    @property
    def connected(self) -> bool:
        """Whether this client is logged on."""
        return self._session.stream is not None and self._session.stream.is_online

    @property
    def current_user_id(self) -> str | None:
        """The bare id of the account, once logged on."""
        return self._session.user_id

    @property
    def channel_is_busy(self) -> bool:
        """Whether more bytes wait for the server than the high-water mark."""
        stream = self._session.stream
        return stream is not None and stream.is_busy

    # --- for managers (IClientContext) --------------------------------------------------------------------------------
    def channel(self, target: str | None, mode: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST) -> Any:
        """The way to a target, an IChannel; raises NotLoggedOn without a session, NoP2PChannel where `mode` wants one
        that is not there, InvalidUserId for an impossible target."""
        try:
            is_known = target in self._targets
        except TypeError:
            is_known = False
        if not is_known:
            self._meet(target)
        if self.links and target is not None and mode is not ChannelMode.TRANSFER_BY_SERVER:
            link = self.links.get(target)
            if link is not None and (link.is_direct or mode is ChannelMode.P2P_CHANNEL_FIRST):
                return link
        if mode is ChannelMode.BY_P2P_CHANNEL and target is not None:
            raise NoP2PChannel(f"there is no P2P channel to {target!r}: await client.p2p.connect({target!r}) first")
        stream = self._session.stream
        if stream is None or not stream.is_online or stream.has_ended:
            raise NotLoggedOn("not logged on; call log_on, or wait for relogon_completed")
        return stream

    def _meet(self, target: Any) -> None:
        # Once for each: this is asked for every message, and even the call of a function would show.
        check_target(target)
        if len(self._targets) >= _MOST_TARGETS:
            self._targets = {None}
        self._targets.add(target)

    def register(self, user_id: str, password: str, endpoint: str | IStreamClientEndpoint) -> Deferred[LogonResponse]:
        """See `IClientContext`."""
        return self._session.log_on(user_id, password, endpoint, registering=True)

    @property
    def is_secure(self) -> bool:
        """See `IClientContext`."""
        return self._session.stream is not None and self._session.stream.is_secure

    @property
    def serves_p2p(self) -> bool:
        """See `IClientContext`."""
        return self._session.serves_p2p

    @property
    def local_host(self) -> str:
        """See `IClientContext`."""
        return "" if self._session.stream is None else self._session.stream.local_host

    @property
    def server_host(self) -> str:
        """See `IClientContext`."""
        stream = self._session.stream
        return "" if stream is None or self.options.proxy is not None else stream.server_host

    @property
    def session_token(self) -> str | None:
        """See `IClientContext`."""
        return self._session.token

    @session_token.setter
    def session_token(self, token: str | None) -> None:
        self._session.token = token

    def use_password(self, password: str) -> None:
        """See `IClientContext`."""
        self._session.use_password(password)

    def manager(self, name: str) -> Any:
        """An installed manager's facade."""
        return self.dispatcher.facade(name)

    def __getattr__(self, name: str) -> Any:
        # Only what is no attribute comes here: the facades of installed managers.
        dispatcher = self.__dict__.get("dispatcher")
        if dispatcher is not None and name in dispatcher.names():
            return dispatcher.facade(name) if dispatcher.is_offered(name) else None
        raise AttributeError(f"{type(self).__name__} has no attribute and no manager {name!r}")
