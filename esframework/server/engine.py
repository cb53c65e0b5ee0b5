"""`ServerEngine`: builds a server from its parts, opens it, closes it. A Twisted service, to be embedded anywhere.

The parts know each other only through what they are given here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Any

from twisted.application.service import MultiService
from twisted.internet.defer import Deferred, DeferredLock, inlineCallbacks, succeed
from twisted.internet.interfaces import IAddress, IStreamServerEndpoint
from zope.interface import implementer

from esframework.interfaces import IChannel, IServerContext, IStores, Permission
from esframework.net.calls import Calls
from esframework.plugins.dispatch import Dispatcher
from esframework.plugins.hooks import Event
from esframework.plugins.loader import install_managers
from esframework.plugins.models import DirectModel
from esframework.server.admission import Admission
from esframework.server.auth import as_verify
from esframework.server.connection import ServerConnection, Shared
from esframework.server.devices import DeviceRules
from esframework.server.fanout import DeviceFanout
from esframework.server.gate import Gate
from esframework.server.listeners import Listeners, ListenerState, ServerFactory
from esframework.server.log_on_check import LogOnCheck
from esframework.server.options import HandlerMode, ServerOptions
from esframework.server.permissions import Permissions
from esframework.server.refusals import Refusals
from esframework.server.router import Router
from esframework.server.sweep import Sweeper
from esframework.server.throttle import LogOnThrottle
from esframework.server.users import UserManager
from esframework.server.watchdog import Watchdog
from esframework.server.workers import TaskQueueInfo, TaskQueueModel
from esframework.stores.memory import MemoryStores
from esframework.wire.types import ChannelMode, DisconnectedType, MessageInvalidType


@implementer(IServerContext)
class ServerEngine(MultiService):
    """A server for both generations of the protocol (manual, chapter 06: RapidServerEngine).

    `handler` is an `ICustomHandler`; `verifier` an `IVerifier` or a twisted.cred checker, None admits everybody;
    `endpoints` are opened by `startService`, more by `listen`; `managers` replaces those found on this machine;
    `stores` is where managers keep things (an `IStores`, opened and closed with the engine; in memory without one);
    `contacts` is the application's own `IContacts`. Each manager's facade is an attribute: `server.custom`,
    `server.basic`.

    Events: `opening`, `opened`, `closing`, `closed`, `listening(address)`, `error(exception)`,
    `invalid_message((host, port), kind)`.
    """

    def __init__(
        self,
        handler: Any = None,
        verifier: Any = None,
        *,
        endpoints: Sequence[str | IStreamServerEndpoint] = (),
        options: ServerOptions | None = None,
        managers: Sequence[Any] | None = None,
        permit: Permission | None = None,
        stores: IStores | None = None,
        contacts: Any = None,
        reactor: Any = None,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        if reactor is None:
            from twisted.internet import reactor
        self.reactor = self.clock = reactor
        self.handler = handler
        self.options = options or ServerOptions()
        self.has_stores = stores is not None
        self.stores: Any = MemoryStores() if stores is None else stores
        self.contacts_provider = contacts
        self._endpoints = tuple(endpoints)
        # The engine opens and closes one after the other: stores take their time, and a program may not wait.
        self._turn = DeferredLock()
        self.opening: Event[()] = Event("server.opening")
        self.opened: Event[()] = Event("server.opened")
        self.closing: Event[()] = Event("server.closing")
        self.closed: Event[()] = Event("server.closed")
        self.error: Event[Exception] = Event("server.error")
        self.listening: Event[IAddress] = Event("server.listening")
        self.refusals = Refusals()
        device_rules = DeviceRules(self.options.exclusive_devices, self.options.older_device_prefixes)
        self.users = UserManager(self.options.relogon_mode, device_rules)
        self.dispatcher = Dispatcher()
        self.router = Router(reactor, self.users, self.dispatcher, self.refusals, self.options.max_message)
        self.calls = Calls(reactor)
        self.is_open = verifier is None if self.options.open is None else self.options.open
        self.permissions = Permissions(
            self.is_open, self.options.administrators, permit, self.refusals, self.dispatcher.is_administrator
        )
        self.has_verifier = verifier is not None
        self.keeps_accounts = getattr(verifier, "accounts", None) is self.stores.accounts
        self._sweeper = Sweeper(reactor, self._sweeps)
        self._build_gate(as_verify(verifier))
        install_managers(self.dispatcher, managers, lambda manager: manager.server_half(self))
        self.router.types_changed()
        self._build_model()
        self._watchdog = Watchdog(reactor) if self.options.watch_reactor else None

    # --- listening ----------------------------------------------------------------------------------------------------
    @inlineCallbacks
    def listen(self, endpoint: str | IStreamServerEndpoint) -> Any:
        """Listen at an endpoint such as "tcp:4530"; starts the engine when it does not run yet.

        Fires with the listening port; fails with what Twisted says when that is not possible.
        """
        if not self.running:
            yield self.startService()
        try:
            port = yield self._listeners.open(endpoint)
        except Exception as error:
            self.error.fire(error)
            raise
        self.listening.fire(port.getHost())
        return port

    def startService(self) -> Any:
        """Open stores, managers and endpoints; part of IService. Fires when all are open.

        Fails with a StoreError when the stores cannot be opened, and with what Twisted says of an endpoint. What is
        asked for while the engine opens or closes is done when it has.
        """
        return self._in_turn(self._open)

    def stopService(self) -> Any:
        """Close in an orderly way: no new log-ons, queues written within `close_grace`, then every connection is
        closed."""
        return self._in_turn(self._close)

    def close(self) -> Deferred[Any]:
        """`stopService` if the engine runs, or is about to; fires when everything is closed."""
        stopped: Deferred[Any] = self.stopService() if self.running or self._turn.locked else succeed(None)
        return stopped

    @inlineCallbacks
    def _in_turn(self, work: Callable[[], Deferred[None]]) -> Any:
        yield self._turn.acquire()
        try:
            yield work()
        finally:
            self._turn.release()

    @inlineCallbacks
    def _open(self) -> Any:
        if self.running:
            return
        self.opening.fire()
        yield self.stores.open()
        super().startService()  # type: ignore[no-untyped-call]
        if isinstance(self.model, TaskQueueModel):
            self.model.start()
        if self._watchdog is not None:
            self._watchdog.start()
        self._gate.closing = False
        self._sweeper.start()
        self.dispatcher.start()
        for endpoint in self._endpoints:
            yield self.listen(endpoint)
        self.opened.fire()

    @inlineCallbacks
    def _close(self) -> Any:
        if not self.running:
            return
        self.closing.fire()
        self._gate.closing = True
        yield self._listeners.close()
        self._check.close()
        yield self._close_connections()
        self._sweeper.stop()
        self.dispatcher.stop()
        self.calls.close()
        if self._watchdog is not None:
            self._watchdog.stop()
        if isinstance(self.model, TaskQueueModel):
            yield self.model.stop()
        yield super().stopService()  # type: ignore[no-untyped-call]
        yield self.stores.close()
        self.closed.fire()

    @property
    def addresses(self) -> list[IAddress]:
        """Where the server listens."""
        return self._listeners.addresses()

    @property
    def listener_state(self) -> ListenerState:
        """Listening, at the maximum, last accept, connections."""
        return self._listeners.state()

    @property
    def connection_count(self) -> int:
        """Connections now, logged on or not."""
        return len(self.factory.connections)

    @property
    def platform_users(self) -> UserManager:
        """Users of the whole cluster; without one, `users`."""
        return self.users

    @property
    def task_queue(self) -> TaskQueueInfo | None:
        """The task queue now, None in direct mode."""
        return self.model.info() if isinstance(self.model, TaskQueueModel) else None

    @property
    def invalid_message(self) -> Event[tuple[str, int], MessageInvalidType]:
        """Bytes from a peer were no message: its address, and what was wrong."""
        return self._gate.invalid_message

    @property
    def answer_early_query(self) -> Callable[[str, int], str] | None:
        """Answers what clients of generation 7 ask before they log on: `answer(content, query_type)`.

        None (the default) answers all with an empty text.
        """
        return self._gate.answer_early_query

    @answer_early_query.setter
    def answer_early_query(self, answer: Callable[[str, int], str] | None) -> None:
        self._gate.answer_early_query = answer

    @property
    def frames_received(self) -> int:
        """Frames taken from logged-on clients since the start."""
        return self._shared.frames_in

    @property
    def reactor_blocked(self) -> int:
        """How often the reactor was held up for over `limits.BLOCKED_REACTOR` since the start; 0 when not watched."""
        return 0 if self._watchdog is None else self._watchdog.blocked

    # --- for managers (IServerContext) --------------------------------------------------------------------------------
    def channel(self, target: str | None, mode: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST) -> IChannel | None:
        """The way to a user on all devices (with a LoginID: on one), None when not online; the mode changes nothing."""
        connections = () if target is None else self.users.find_all(target)
        if len(connections) > 1:
            return DeviceFanout(connections)
        return connections[0] if connections else None

    def refuse(self, reason: str) -> None:
        """See `IServerContext`."""
        self.refusals.add(reason)

    def manager(self, name: str) -> Any:
        """An installed manager's facade."""
        return self.dispatcher.facade(name)

    def permit(self, action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        """See `IServerContext`."""
        return self.permissions.permit(action, user_id, target, default)

    def is_administrator(self, user_id: str) -> bool:
        """See `IServerContext`."""
        return self.permissions.is_administrator(user_id)

    def disconnect(self, user_id: str, reason: DisconnectedType, spared: Any = None) -> bool:
        """See `IServerContext`."""
        connections = [connection for connection in self.users.find_all(user_id) if connection is not spared]
        for connection in connections:
            if reason is DisconnectedType.KICKED_OUT:
                self._gate.kick_out(connection)
            else:
                connection.end(reason, orderly=True)
        return bool(connections)

    def __getattr__(self, name: str) -> Any:
        # Only what is no attribute comes here: the facades of installed managers.
        dispatcher = self.__dict__.get("dispatcher")
        if dispatcher is not None and name in dispatcher.names():
            return dispatcher.facade(name)
        raise AttributeError(f"{type(self).__name__} has no attribute and no manager {name!r}")

    # --- building -----------------------------------------------------------------------------------------------------
    def _build_gate(self, verify: Any) -> None:
        admission = Admission(self.options)
        self.throttle = LogOnThrottle(self.options)
        timeout = self.options.verify_timeout
        self._check = LogOnCheck(self.clock, self.throttle, self.refusals, verify, self.dispatcher.verify, timeout)
        self._gate = Gate(
            clock=self.clock,
            options=self.options,
            users=self.users,
            refusals=self.refusals,
            check=self._check.check,
            today=date.today,
            arrived=self.router.changed,
            departed=self._departed,
            logged_on=self.dispatcher.logged_on,
            logged_off=self.dispatcher.logged_off,
            lost=lambda connection: self.factory.lost(connection),
            features=self.dispatcher.features,
            p2p=self._p2p,
        )
        self._shared = Shared(
            self.clock, self.options, self.dispatcher, self.router, self.refusals, self._gate, self._sweeper.wheel
        )
        self.factory = ServerFactory(
            self.clock,
            lambda: ServerConnection(self._shared),
            admission,
            self.refusals,
            lambda: self._listeners.count_changed(),
        )
        self._listeners = Listeners(self.reactor, self.factory, admission)

    def _p2p(self) -> tuple[bool, bool]:
        if "p2p" not in self.dispatcher.names():
            return False, False
        p2p = self.manager("p2p")
        return p2p.is_enabled, p2p.is_at_next_port

    def _build_model(self) -> None:
        observer = self.manager("diagnostics") if self.options.diagnostics else None
        if self.options.handler_mode is HandlerMode.TASK_QUEUE:
            self.model: DirectModel | TaskQueueModel = TaskQueueModel(
                self.reactor, self.options.worker_threads, self.options.task_queue_length, observer
            )
        else:
            self.model = DirectModel(self.clock, self.options.handler_limit, observer)

    def _sweeps(self) -> list[Callable[[float], None]]:
        return [self._cut_stalled, self.model.sweep, self.throttle.sweep, self.dispatcher.sweep]

    def _cut_stalled(self, now: float) -> None:
        self._shared.batch.cut_stalled(now, self.options.write_timeout)

    # --- closing ------------------------------------------------------------------------------------------------------
    def _departed(self, connection: ServerConnection) -> None:
        self.router.changed(connection)
        self.model.forget(connection)

    @inlineCallbacks
    def _close_connections(self) -> Any:
        for connection in list(self.factory.connections):
            connection.end(DisconnectedType.SERVER_CLOSING, orderly=True)
        deadline = self.clock.seconds() + self.options.close_grace
        while self.factory.connections:
            if self.clock.seconds() >= deadline:
                for connection in list(self.factory.connections):
                    connection.abort()
            pause: Deferred[None] = Deferred()
            self.clock.callLater(0.01, pause.callback, None)
            yield pause
