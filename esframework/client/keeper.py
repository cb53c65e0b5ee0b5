"""What keeps a client's session: sockets, timers and tries, as the machine in `link` says (manual, chapter 08).

Tells the application by the engine's events. Knows no message but the log-on and the heartbeat.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from random import random
from typing import TYPE_CHECKING, Any

from twisted.internet.defer import Deferred, fail, maybeDeferred, succeed
from twisted.internet.interfaces import IDelayedCall, IProtocolFactory, IStreamClientEndpoint
from twisted.internet.task import LoopingCall
from twisted.python.failure import Failure
from zope.interface import implementer

from esframework import limits
from esframework._version import __version__
from esframework.client.arguments import check_log_on
from esframework.client.endpoints import client_endpoint
from esframework.client.link import LinkActions, make_link
from esframework.client.stream import ClientStream
from esframework.errors import (
    ConnectionFailed,
    ConnectionInterrupted,
    LocalError,
    LogonFailed,
    RequestError,
    request_label,
)
from esframework.machines.backoff import Backoff
from esframework.machines.greeting import OWN_CLIENT, OWN_SERVER, REGISTERING
from esframework.plugins.models import FENCE
from esframework.wire.contracts import LOG_ON, LOG_ON_REPLY, LogOnBody
from esframework.wire.frames import default_layout
from esframework.wire.login_id import bare_id
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.retry import retry_after
from esframework.wire.session_token import is_session_token
from esframework.wire.types import LogonResult, MessageInvalidType, MessageType

if TYPE_CHECKING:
    from esframework.client.engine import ClientEngine


@dataclass(frozen=True, slots=True)
class LogonResponse:
    """How a log-on ended. `cause` is the server's text when it refused."""

    result: LogonResult
    cause: str


@dataclass(frozen=True, slots=True)
class _Account:
    login_id: str
    password: str = field(repr=False)
    system_token: str
    endpoint: IStreamClientEndpoint
    place: str


class SessionKeeper(LinkActions):
    """Does what the link's machine says: sockets, timers, events."""

    def __init__(self, client: ClientEngine) -> None:
        self._client = client
        self._options = client.options
        self._clock = client.clock
        profile = GENERATION_7 if client.options.generation == 7 else GENERATION_6
        self._layout = default_layout(profile, client.options.max_user_id)
        self._link = make_link(self)
        self._account: _Account | None = None
        self._backoff = Backoff(random, client.options.reconnect_first_delay, client.options.reconnect_longest_delay)
        self._connecting: Deferred[Any] | None = None
        self._logging_on: Deferred[LogonResponse] | None = None
        self._closing: list[Deferred[None]] | None = None
        self._timers: dict[str, IDelayedCall] = {}
        self._reconnect_now = False
        self._not_before = 0.0
        self._heartbeat = self._loop(self._beat)
        self._sweep = self._loop(self._sweep_once)
        self.stream: ClientStream | None = None
        # That of the log-on before, of which messages may still be handled.
        self._earlier: ClientStream | None = None
        self.user_id: str | None = None
        self.token: str | None = None
        self.serves_p2p = False
        self._awaits_features = False
        self._is_first = True
        self._registering = False

    def _loop(self, function: Any) -> LoopingCall:
        loop = LoopingCall(function)
        loop.clock = self._clock
        return loop

    # --- the program's calls ----------------------------------------------------------------------------------------
    def log_on(
        self, user_id: str, password: str, endpoint: str | IStreamClientEndpoint, registering: bool = False
    ) -> Deferred[LogonResponse]:
        """See `ClientEngine.log_on`; with `registering` the server is asked for an account first."""
        try:
            check_log_on(user_id, password, endpoint)
        except LocalError as error:
            return fail(error)
        if self._account is not None:
            return fail(LocalError(f"already logged on, or logging on, as {self._account.login_id!r}; close first"))
        if self._closing is not None:
            return fail(LocalError("still closing; wait for close()"))
        login_id, token = self._as_generation_demands(user_id)
        place = endpoint if isinstance(endpoint, str) else repr(endpoint)
        try:
            self._layout.field(login_id)
            if isinstance(endpoint, str):
                endpoint = client_endpoint(self._clock, endpoint, self._options.connect_timeout, self._options.proxy)
        except LocalError as error:
            return fail(error)
        self._account = _Account(login_id, password, token, endpoint, place)
        self._registering = registering
        self.token = password if is_session_token(password) else None
        waiting: Deferred[LogonResponse] = Deferred(lambda _: self._link.close())
        self._logging_on = waiting
        self._client.opening.fire()
        self._client.dispatcher.start()
        self._link.begin()
        return waiting

    def _as_generation_demands(self, user_id: str) -> tuple[str, str]:
        # Generation 7 names its device, and puts the local date before its token (protocol, section 5, rule 1).
        token = self._options.system_token
        if self._options.generation != 7:
            return user_id, token
        number = self._options.client_type
        device = self._layout.profile.own_client_type if number is None else number
        return (user_id if "#" in user_id else f"{device}#{user_id}"), f"{date.today():%Y%m%d}{token}"

    def use_password(self, password: str) -> None:
        """See `IClientContext.use_password`."""
        if self._account is not None:
            self._account = replace(self._account, password=password)

    def close(self) -> Deferred[None]:
        """See `ClientEngine.close`; every caller hears when it is done."""
        if self._closing is None:
            if self._account is None:
                return succeed(None)
            self._client.closing.fire()
            if self.stream is None:
                self._link.close()
                self._client.closed.fire()
                return succeed(None)
            self._closing = []
            self._link.close()
        done: Deferred[None] = Deferred()
        self._closing.append(done)
        return done

    def cut(self, reconnect_now: bool) -> None:
        """See `ClientEngine.close_connection`."""
        if "retry" in self._timers:
            if reconnect_now:
                self._stop("retry")
                self._link.retry()
            return
        self._reconnect_now = reconnect_now
        if self.stream is not None:
            self.stream.abort()

    # --- what the machine asks for (LinkActions) --------------------------------------------------------------------
    def open_connection(self) -> None:
        assert self._account is not None
        # Endpoints are the program's as well: one that raises has not connected.
        self._connecting = maybeDeferred(self._account.endpoint.connect, _StreamFactory(self._make_stream))
        self._connecting.addErrback(self._connect_failed)

    def begin_rebuild(self) -> None:
        self._client.rebuild_started.fire()
        if self._account is not None:
            self.open_connection()

    def send_log_on(self, stream: ClientStream) -> None:
        assert self._account is not None
        self._connecting = None
        self.stream = stream
        words = f"{OWN_CLIENT}{__version__}{REGISTERING if self._registering else ''}"
        body = LogOnBody(words, self.token or self._account.password, self._account.system_token)
        stream.send(MessageType.LOG_ON, LOG_ON.encode(body), 1)
        if self._options.log_on_timeout > 0:
            self._start("log_on", self._options.log_on_timeout, self._log_on_timed_out)

    def went_online(self, is_first: bool) -> None:
        assert self.stream is not None and self._account is not None
        self._stop("log_on")
        self._registering = False
        self._backoff.reset()
        self.stream.is_online = True
        self._wait_for_earlier(self.stream)
        self.user_id = bare_id(self._account.login_id)
        if self._options.heartbeat_interval > 0:
            self._heartbeat.start(self._options.heartbeat_interval)
        if not self._sweep.running:
            # Goes on when the connection is lost: what comes by P2P channels does, too.
            self._sweep.start(limits.SWEEP_INTERVAL, now=False)
        # Told in the next turn, or when a server of ours has said what it can: see `features_known`.
        # A first log-on whose connection was lost before that is still to be answered.
        self._is_first = is_first or self._logging_on is not None
        if not self._awaits_features:
            self._start("announce", 0, self._announce, self._is_first)

    def _wait_for_earlier(self, stream: ClientStream) -> None:
        """What the connection before has brought is handled before what this one brings."""
        earlier, self._earlier = self._earlier, stream
        handled = None if earlier is None else earlier.idle()
        if handled is not None:
            self._client.model.run(stream.server(), FENCE, 0, lambda *_: handled, None)

    def features_known(self) -> None:
        """The server has said what it can; managers and the program may begin."""
        if self._awaits_features:
            self._awaits_features = False
            self._start("announce", 0, self._announce, self._is_first)

    def _announce(self, is_first: bool) -> None:
        if self.stream is None:
            return
        self._client.dispatcher.logged_on(self.stream.server())
        response = LogonResponse(LogonResult.SUCCEED, "")
        if not is_first:
            self._client.relogon_completed.fire(response)
            return
        waiting, self._logging_on = self._logging_on, None
        self._client.opened.fire()
        if waiting is not None:
            waiting.callback(response)

    def first_log_on_failed(self, reason: Exception) -> None:
        waiting, self._logging_on = self._logging_on, None
        self.release()
        if waiting is not None:
            waiting.errback(reason)

    def session_lost(self) -> None:
        self._leave_online()
        self._client.connection_interrupted.fire()
        if self._account is None:
            return
        if self._options.auto_reconnect:
            self.wait_for_retry()
        else:
            self._link.close()
            self._client.closed.fire()

    def wait_for_retry(self) -> None:
        self._stop("log_on")
        self._drop_stream()
        delay = 0.0 if self._reconnect_now else self._not_before + self._backoff.next_delay()
        self._not_before = 0.0
        self._reconnect_now = False
        self._start("retry", delay, self._link.retry)

    def relogon_refused(self, reason: Exception) -> None:
        self.release()
        if isinstance(reason, LogonFailed):
            self._client.relogon_completed.fire(LogonResponse(LogonResult(reason.result), reason.cause))
        self._client.closed.fire()

    def session_over(self) -> None:
        self._leave_online()
        self.release()
        self._client.closed.fire()

    def release(self) -> None:
        self._stop("retry", "log_on", "announce")
        if self._connecting is not None:
            connecting, self._connecting = self._connecting, None
            connecting.cancel()
        self._leave_online()
        if self._account is not None:
            self._client.dispatcher.stop()
        self._account = None
        waiting, self._logging_on = self._logging_on, None
        self._drop_stream()
        earlier, self._earlier = self._earlier, None
        if earlier is not None:
            self._client.model.forget(earlier)
        if self._sweep.running:
            self._sweep.stop()
        self._client.calls.fail_all(_interrupted)
        self._client.calls.close()
        if waiting is not None and not waiting.called:
            waiting.errback(ConnectionFailed("closed while logging on"))

    # --- what the stream tells --------------------------------------------------------------------------------------
    def connected(self, stream: ClientStream) -> None:
        """The transport stands."""
        self._link.connected(stream)

    def log_on_answered(self, body: bytes) -> None:
        """The server answered our log-on."""
        reply = LOG_ON_REPLY.decode(body)
        cause = reply.failure_cause or ""
        try:
            result = LogonResult(reply.logon_result)
        except ValueError:
            result, cause = LogonResult.FAILED, f"{cause} (unknown result {reply.logon_result})"
        if result is LogonResult.SUCCEED:
            self._awaits_features = cause.startswith(OWN_SERVER)
            self.serves_p2p = reply.p2p_enabled
            self._link.accepted()
        else:
            self._refused(result, cause)

    def _refused(self, result: LogonResult, cause: str) -> None:
        wait = retry_after(cause)
        refusal = LogonFailed(result, cause, wait)
        # A relogon is tried again when the refusal is only for now: the server says so, or has not noticed yet
        # that our own last connection is gone.
        if wait is None and result is LogonResult.FAILED and self._falls_back_on_password():
            self._reconnect_now = True
            self._link.failed(refusal)
        elif self._logging_on is None and (wait is not None or result is LogonResult.HAD_LOGGED_ON):
            self._client.relogon_completed.fire(LogonResponse(result, cause))
            self._not_before = wait or 0.0
            self._link.failed(refusal)
        else:
            self._link.refused(refusal)

    def _falls_back_on_password(self) -> bool:
        """Whether it was a session token that the server did not take, and there is a password besides."""
        refused, self.token = self.token, None
        return refused is not None and self._account is not None and refused != self._account.password

    def ended(self, cause: str) -> None:
        """The server ended the session for good."""
        self._link.ended(ConnectionFailed(cause))

    def invalid(self, kind: MessageInvalidType) -> None:
        """Bytes from the server were no message, or a body was malformed."""
        self._client.invalid_message.fire(kind)

    def lost(self, stream: ClientStream, reason: Failure) -> None:
        """A transport is gone."""
        if self._closing is not None:
            closing, self._closing = self._closing, None
            self._stop("cut_off")
            self._client.closed.fire()
            for done in closing:
                done.callback(None)
        if stream is not self.stream:
            return
        self.stream = None
        if stream.is_online:
            self._link.lost(ConnectionFailed(reason.getErrorMessage()))
        elif self._account is not None:
            cause = f"the connection was lost before the log-on was answered: {reason.getErrorMessage()}"
            if stream.heard_no_message:
                cause = f"{self._place}: that is no ESFramework server; what it answers is no message of the protocol"
            self._link.failed(ConnectionFailed(cause))

    # --- inside -----------------------------------------------------------------------------------------------------
    def _make_stream(self) -> ClientStream:
        assert self._account is not None
        return ClientStream(
            self._clock,
            self._options,
            self._layout,
            self._account.login_id,
            self._client.dispatcher,
            self._client.links,
            self,
        )

    def _connect_failed(self, failure: Failure) -> None:
        if self._connecting is None:
            return
        self._connecting = None
        error = ConnectionFailed(f"cannot connect to {self._place}: {failure.getErrorMessage()}")
        self._client.error.fire(error)
        self._link.failed(error)

    def _log_on_timed_out(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            stream.abort()
        seconds = self._options.log_on_timeout
        self._link.failed(ConnectionFailed(f"{self._place} did not answer the log-on within {seconds:g} s"))

    @property
    def _place(self) -> str:
        return self._account.place if self._account is not None else "the server"

    def _leave_online(self) -> None:
        if self._heartbeat.running:
            self._heartbeat.stop()
        self._client.calls.connection_lost(_interrupted)
        self._client.dispatcher.logged_off(None)

    def _drop_stream(self) -> None:
        stream, self.stream = self.stream, None
        if stream is not None:
            self._client.model.forget(stream)
            stream.has_ended = True
            if self._closing is not None:
                stream.close_orderly()
                self._start("cut_off", limits.CLOSE_GRACE, stream.abort)
            else:
                stream.abort()

    def _start(self, name: str, delay: float, function: Any, *arguments: Any) -> None:
        self._stop(name)
        self._timers[name] = self._clock.callLater(delay, self._rung, name, function, arguments)

    def _rung(self, name: str, function: Any, arguments: tuple[Any, ...]) -> None:
        del self._timers[name]
        function(*arguments)

    def _stop(self, *names: str) -> None:
        for name in names:
            timer = self._timers.pop(name, None)
            if timer is not None:
                timer.cancel()

    def _beat(self) -> None:
        # Bytes that wait are a sign of life themselves, as soon as they can leave.
        if self.stream is not None and not self.stream.is_busy:
            self.stream.send(MessageType.HEARTBEAT, b"")

    def _sweep_once(self) -> None:
        now = self._clock.seconds()
        self._client.model.sweep(now)
        self._client.dispatcher.sweep(now)
        if self.stream is not None:
            self.stream.sweep(now)


@implementer(IProtocolFactory)
class _StreamFactory:
    """Gives an endpoint the one protocol that it asks for."""

    noisy = False

    def __init__(self, make: Any) -> None:
        self._make = make

    def doStart(self) -> None:
        """Part of IProtocolFactory; nothing to do."""

    def doStop(self) -> None:
        """Part of IProtocolFactory; nothing to do."""

    def buildProtocol(self, addr: object) -> Any:
        return self._make()


def _interrupted(target: str | None, request_type: int) -> RequestError:
    who = "the server" if target is None else repr(target)
    return ConnectionInterrupted(
        f"the connection was lost before {who} answered {request_label(request_type)}", target, request_type
    )
