"""The engines for asyncio programs: what returns a Deferred elsewhere returns an asyncio future here.

Twisted runs in the program's own event loop, so there is no second thread. Knows no feature: each manager's facade is
wrapped alike, a stranger's too.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from functools import wraps
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol, Self

from twisted.internet.asyncioreactor import AsyncioSelectorReactor
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IListeningPort, IStreamClientEndpoint, IStreamServerEndpoint
from twisted.internet.main import installReactor
from twisted.internet.posixbase import PosixReactorBase
from zope.interface import implementer

from esframework import limits
from esframework.errors import LocalError
from esframework.interfaces import (
    IAttachmentConsumer,
    IAttachmentHandler,
    IContacts,
    ICustomHandler,
    IOngoing,
    IStores,
    IVerifier,
    LogOnRequest,
    Permission,
)
from esframework.net.clock import use_monotonic_time
from esframework.wire.types import ChannelMode, OnBusy, OnNoP2PChannel, P2PChannelMode, Priority

if TYPE_CHECKING:
    from esframework.client.keeper import LogonResponse
    from esframework.client.options import ClientOptions
    from esframework.managers.custom.attachments.contracts import AttachmentSent
    from esframework.managers.p2p.state import ChannelState
    from esframework.server.options import ServerOptions


# --- the reactor ------------------------------------------------------------------------------------------------------
def install() -> Any:
    """Let Twisted run in the event loop that is running, and return its reactor; the engines here do it by themselves.

    Calling it again is harmless. Raises LocalError outside of a coroutine; and when another reactor is installed, or
    this one in another loop: Twisted has one reactor per process, so a process has one `asyncio.run` with engines in
    it, and whatever imports `twisted.internet.reactor` comes after it.
    """
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        raise LocalError("no asyncio event loop is running here; make and use engines inside a coroutine") from None
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        reactor = _GuestReactor(loop)
        use_monotonic_time(reactor)
        installReactor(reactor)
        _start(reactor)
    if not isinstance(reactor, AsyncioSelectorReactor):
        raise LocalError(
            f"{type(reactor).__name__} is installed already, and esframework.aio needs Twisted's asyncio reactor: call "
            "esframework.aio.install() in your main coroutine before anything imports twisted.internet.reactor"
        )
    if reactor._asyncioEventloop is not loop or not reactor.running:
        raise LocalError(
            "Twisted's asyncio reactor does not run in this event loop: use engines in one asyncio.run per process, "
            "and let esframework.aio.install() install the reactor"
        )
    return reactor


class _GuestReactor(AsyncioSelectorReactor):
    """Runs in a loop that is asyncio's: its end is not the loop's."""

    def crash(self) -> None:
        """Part of IReactorCore; the parent's would stop the loop."""
        PosixReactorBase.crash(self)


_keepers: list[AsyncGenerator[None, None]] = []
"""Event loops hold their asynchronous generators weakly."""


def _start(reactor: Any) -> None:
    reactor.startRunning(installSignalHandlers=False)
    keeper = _until_the_loop_ends(reactor)
    _keepers.append(keeper)
    # The first step makes the generator known to the running loop, which closes it as the last thing that it does.
    step = keeper.__anext__()
    try:
        step.send(None)
    except StopIteration:
        return


async def _until_the_loop_ends(reactor: Any) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        # As reactor.run does at its end: threads stop, which would otherwise keep the process alive.
        ended = asyncio.get_running_loop().create_future()
        reactor.addSystemEventTrigger("after", "shutdown", ended.set_result, None)
        reactor.fireSystemEvent("shutdown")
        await ended


# --- results ----------------------------------------------------------------------------------------------------------
def as_future(result: Any) -> Any:
    """A Deferred as an asyncio future, anything else as it is. Cancelling the future cancels what it waits for."""
    if isinstance(result, Deferred):
        return result.addCallback(_for_asyncio).asFuture(asyncio.get_running_loop())
    return _for_asyncio(result)


def _for_asyncio(value: Any) -> Any:
    if IOngoing.providedBy(value):
        return Facade(value)
    return _Steps(value) if inspect.isasyncgen(value) else value


class _Steps:
    """An asynchronous generator of an engine's, for asyncio to iterate over."""

    def __init__(self, generator: AsyncGenerator[Any, Any]) -> None:
        self._generator = generator

    def __aiter__(self) -> _Steps:
        return self

    async def __anext__(self) -> Any:
        async def step() -> Any:
            return await anext(self._generator)

        return await as_future(Deferred.fromCoroutine(step()))


class Facade:
    """A manager's facade, or what an event gave, such as a transfer: its calls return futures, the rest is its own."""

    def __init__(self, facade: Any) -> None:
        self._facade = facade

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self._facade, name)
        return _returning_futures(attribute) if inspect.ismethod(attribute) else attribute

    def __setattr__(self, name: str, value: Any) -> None:
        # What an application sets, such as `client.p2p.mode`, is the facade's own.
        if name == "_facade":
            object.__setattr__(self, name, value)
        else:
            setattr(self._facade, name, value)

    def __dir__(self) -> list[str]:
        return dir(self._facade)


def _returning_futures(method: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> Any:
        given = {name: _given(argument) for name, argument in kwargs.items()}
        return as_future(method(*map(_given, args), **given))

    return call


def _given(argument: Any) -> Any:
    return _Pieces(argument) if hasattr(argument, "__aiter__") else argument


class _Pieces:
    """An asynchronous iterable of asyncio's, for an engine to iterate over."""

    def __init__(self, pieces: Any) -> None:
        self._pieces = pieces

    def __aiter__(self) -> _Pieces:
        self._pieces = aiter(self._pieces)
        return self

    async def __anext__(self) -> Any:
        return await _awaited_by_asyncio(anext(self._pieces))

    async def aclose(self) -> None:
        """Let a generator that is given up clear away."""
        if hasattr(self._pieces, "aclose"):
            await _awaited_by_asyncio(self._pieces.aclose())


class CustomCalls(Protocol):
    """`client.custom` and `server.custom` as an asyncio program sees them; see `managers.custom.sending.Sending`."""

    message_received: Any
    filters: Any

    def send(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> asyncio.Future[bool]: ...

    def post(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> bool: ...

    def send_acked(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        timeout: float | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> asyncio.Future[None]: ...

    def query(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        *,
        timeout: float | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> asyncio.Future[bytes | None]: ...

    def send_blob(
        self,
        target: str | None,
        information_type: int,
        content: bytes,
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
        on_no_channel: OnNoP2PChannel | None = None,
    ) -> asyncio.Future[bool]: ...

    def send_message(
        self,
        target: str | None,
        information_type: int,
        message: bytes,
        tag: str = "",
        *,
        fragment_size: int = limits.FRAGMENT_SIZE,
        echo: bool = False,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> asyncio.Future[None]: ...

    def send_attached(
        self,
        target: str | None,
        information_type: int,
        content: bytes | None,
        attachment: Any,
        *,
        size: int | None = None,
        name: str = "",
        timeout: float | None = None,
        progress: Callable[[int], object] | None = None,
        channel: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST,
    ) -> asyncio.Future[AttachmentSent]: ...


class P2PCalls(Protocol):
    """`client.p2p` as an asyncio program sees it; see `managers.p2p.client.ClientP2P`."""

    mode: P2PChannelMode
    answers_to: Callable[[str], bool] | None
    channel_opened: Any
    channel_closed: Any
    connect_failed: Any
    all_channels_closed: Any

    def connect(self, user_id: str) -> asyncio.Future[ChannelState]: ...

    def disconnect(self, user_id: str) -> None: ...

    def network_changed(self) -> None: ...

    def channel_states(self) -> dict[str, ChannelState]: ...

    def channel_state(self, user_id: str) -> ChannelState | None: ...

    def udp_session_states(self) -> list[ChannelState]: ...

    def channel_exists(self, user_id: str) -> bool: ...

    def channel_is_busy(self, user_id: str) -> bool | None: ...

    def ping(self, user_id: str) -> asyncio.Future[float]: ...


# --- what the application implements ----------------------------------------------------------------------------------
@implementer(ICustomHandler)
class _Handler:
    """An application's handler whose coroutines are asyncio's."""

    def __init__(self, handler: Any) -> None:
        self._handler = handler
        if hasattr(handler, "handle_offline"):
            # Only then: a handler that has it gets no ordinary information for what waited.
            self.handle_offline = lambda message: _for_twisted(handler.handle_offline(message))
        if hasattr(handler, "handle_delivery"):
            self.handle_delivery = lambda message: _for_twisted(handler.handle_delivery(message))

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        return _for_twisted(self._handler.handle_information(source, information_type, content))

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        return _for_twisted(self._handler.handle_query(source, information_type, content))


@implementer(IAttachmentHandler)
class _AttachmentHandler(_Handler):
    """One that takes attachments, too."""

    def attachment_offered(self, source: str | None, information_type: int, attachment: Any) -> Any:
        where = self._handler.attachment_offered(source, information_type, attachment)
        if inspect.isawaitable(where) and not isinstance(where, Deferred):
            return _decided(where)
        return _for_engine(where)


async def _decided(awaitable: Awaitable[Any]) -> Any:
    return _for_engine(await _awaited_by_asyncio(awaitable))


def _for_engine(where: Any) -> Any:
    return _Consumer(where) if hasattr(where, "finish") else where


@implementer(IAttachmentConsumer)
class _Consumer:
    """An application's consumer of an attachment whose coroutines are asyncio's."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer

    def write(self, data: bytes) -> Any:
        return _for_twisted(self._consumer.write(data))

    def finish(self) -> Any:
        return _for_twisted(self._consumer.finish())

    def fail(self, error: Exception) -> Any:
        return _for_twisted(self._consumer.fail(error))


def _as_handler(handler: Any) -> Any:
    if handler is None:
        return None
    return _AttachmentHandler(handler) if hasattr(handler, "attachment_offered") else _Handler(handler)


@implementer(IVerifier)
class _Verifier:
    """An application's verifier whose coroutine is asyncio's."""

    def __init__(self, verifier: Any) -> None:
        self._verifier = verifier
        if hasattr(verifier, "accounts"):
            # By them the engine sees that it is its own store that is asked.
            self.accounts = verifier.accounts

    def verify(self, request: LogOnRequest) -> Any:
        return _for_twisted(self._verifier.verify(request))


@implementer(IContacts)
class _Contacts:
    """An application's contacts whose coroutines are asyncio's."""

    def __init__(self, contacts: Any) -> None:
        self._contacts = contacts

    def contacts_of(self, user_id: str) -> Any:
        return _for_twisted(self._contacts.contacts_of(user_id))

    def members_of(self, group_id: str) -> Any:
        return _for_twisted(self._contacts.members_of(group_id))


def _for_twisted(result: Any) -> Any:
    return _awaited_by_asyncio(result) if inspect.isawaitable(result) and not isinstance(result, Deferred) else result


async def _awaited_by_asyncio(awaitable: Awaitable[Any]) -> Any:
    # A coroutine for Twisted, so that the task is made where the engine awaits it: a task queue's threads have no loop.
    return await Deferred.fromFuture(asyncio.ensure_future(awaitable))


# --- the engines ------------------------------------------------------------------------------------------------------
class _Engine:
    """What both engines have in common: facades are wrapped, calls return futures, the rest is the engine's own."""

    custom: CustomCalls
    accounts: Any
    basic: Any
    contacts: Any
    delivery: Any
    diagnostics: Any
    disk: Any
    files: Any
    groups: Any
    offline: Any
    offline_files: Any

    def __init__(self, engine: Any) -> None:
        self.engine = engine

    def __getattr__(self, name: str) -> Any:
        engine = self.__dict__.get("engine")
        if engine is None:
            raise AttributeError(name)
        attribute = getattr(engine, name)
        if name in engine.dispatcher.names():
            return None if attribute is None else Facade(attribute)
        return _returning_futures(attribute) if inspect.ismethod(attribute) else attribute

    async def close(self) -> None:
        """Close in an orderly way; nothing stays behind."""
        await as_future(self.engine.close())

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


class ClientEngine(_Engine):
    """`esframework.ClientEngine` for asyncio; make it inside a coroutine. `async with` closes it.

    `engine` is the engine itself. Events call plain functions, in the event loop.
    """

    p2p: P2PCalls | None

    def __init__(
        self, handler: Any = None, *, options: ClientOptions | None = None, managers: Sequence[Any] | None = None
    ) -> None:
        reactor = install()
        from esframework.client import engine

        super().__init__(engine.ClientEngine(_as_handler(handler), options=options, managers=managers, reactor=reactor))

    async def log_on(self, user_id: str, password: str, endpoint: str | IStreamClientEndpoint) -> LogonResponse:
        """See `esframework.ClientEngine.log_on`; raises `LogonFailed` or `ConnectionFailed`."""
        response: LogonResponse = await as_future(self.engine.log_on(user_id, password, endpoint))
        return response


class ServerEngine(_Engine):
    """`esframework.ServerEngine` for asyncio; make it inside a coroutine. `async with` closes it.

    `engine` is the engine itself. Events call plain functions, in the event loop.
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
    ) -> None:
        reactor = install()
        from esframework.server import engine

        if hasattr(verifier, "verify"):
            verifier = _Verifier(verifier)
        super().__init__(
            engine.ServerEngine(
                _as_handler(handler),
                verifier,
                endpoints=endpoints,
                options=options,
                managers=managers,
                permit=permit,
                stores=stores,
                contacts=None if contacts is None else _Contacts(contacts),
                reactor=reactor,
            )
        )

    async def listen(self, endpoint: str | IStreamServerEndpoint) -> IListeningPort:
        """See `esframework.ServerEngine.listen`."""
        port: IListeningPort = await as_future(self.engine.listen(endpoint))
        return port
