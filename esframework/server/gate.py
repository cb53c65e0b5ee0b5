"""Who may come in, and what is told when somebody comes or goes (manual, chapters 02, 08 and 10).

Every log-on passes through `Gate.log_on` in this order: client type, id, `LogOnCheck`, relogon mode. A session ends
in `Gate.gone`, with its reason. Knows no bytes but the bodies of these answers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.python.failure import Failure

from esframework._version import __version__
from esframework.errors import InvalidMessage, InvalidUserId, RemoteError
from esframework.interfaces import LogOnRequest
from esframework.machines.greeting import OWN_SERVER, EarlyQueryReceived, LogOnReceived, strip_date
from esframework.plugins.hooks import Event
from esframework.server.connection import ServerConnection
from esframework.server.options import ServerOptions
from esframework.server.refusals import Refusals
from esframework.server.users import UserData, UserManager
from esframework.wire.contracts import (
    EARLY_ANSWER,
    FEATURES,
    LOG_ON_REPLY,
    EarlyAnswerBody,
    FeaturesBody,
    LogOnReplyBody,
)
from esframework.wire.identity import check_account_name
from esframework.wire.login_id import Source, split_login_id
from esframework.wire.retry import with_retry
from esframework.wire.types import (
    SERVER_ID,
    DisconnectedType,
    LogonResult,
    MessageInvalidType,
    MessageType,
    RelogonMode,
)

_log = Logger()

NOT_NOW: Final = with_retry("the server failed and cannot admit anybody now", 10)
"""What a client is told when the server itself is at fault; the reason is in the server's log."""

_Refusal = tuple[LogonResult, str, DisconnectedType]


class Gate:
    """The gatekeeper of one server's connections.

    `check(request)` fires with True or with why a log-on is refused. `arrived(connection)` is called when a session
    begins, then, once the client has its answer, `logged_on(connection)`; `departed(connection)` when it ends, then
    `logged_off(source)`; `lost(connection)` when its transport is gone, too; `today()` gives the server's local date;
    `p2p()` says whether there is a P2P server, and whether it is the one at the next port.
    """

    def __init__(
        self,
        clock: IReactorTime,
        options: ServerOptions,
        users: UserManager,
        refusals: Refusals,
        check: Callable[[LogOnRequest], Deferred[bool | str]],
        today: Callable[[], Any],
        arrived: Callable[[ServerConnection], None],
        departed: Callable[[ServerConnection], None],
        logged_on: Callable[[ServerConnection], None],
        logged_off: Callable[[Source], None],
        lost: Callable[[ServerConnection], None],
        features: Callable[[], list[str]],
        p2p: Callable[[], tuple[bool, bool]],
    ) -> None:
        self._clock = clock
        self._options = options
        self._users = users
        self._refusals = refusals
        self._check = check
        self._today = today
        self._arrived = arrived
        self._departed = departed
        self._logged_on = logged_on
        self._logged_off = logged_off
        self.lost = lost
        self._features = features
        self._p2p = p2p
        self.invalid_message: Event[tuple[str, int], MessageInvalidType] = Event("invalid_message")
        self.answer_early_query: Callable[[str, int], str] | None = None
        self.closing = False

    # --- in -----------------------------------------------------------------------------------------------------------
    def log_on(self, connection: ServerConnection, received: LogOnReceived) -> None:
        """Decide about a log-on; the connection hears of it in time."""
        number, user_id = split_login_id(received.login_id)
        profile = received.layout.profile
        device = self._users.device_rules.device_of(number, received.client_type, profile)
        refusal = self._refusal_before_verifying(connection, received, user_id, device)
        if refusal is not None or device is None:
            self._refuse(connection, received, *(refusal or _unknown_device(received)))
            return
        token = received.system_token
        if profile.generation == 7:
            token = strip_date(token, self._today())
        request = LogOnRequest(
            user_id,
            received.password,
            token,
            received.authorized_user,
            received.client_type,
            device,
            connection.address[0],
        )
        deciding = self._check(request).addCallback(self._decide, connection, received, request)
        deciding.addErrback(self._undecided, connection, received)

    def early_query(self, connection: ServerConnection, received: EarlyQueryReceived) -> None:
        """Answer a question before the log-on: by the application's hook, else with an empty text."""
        self._refusals.add("query_before_log_on")
        response = ""
        if self.answer_early_query is not None:
            try:
                response = self.answer_early_query(received.content, received.query_type)
            except Exception:
                _log.failure("the hook for queries before log-on failed")
        body = EARLY_ANSWER.encode(EarlyAnswerBody(response))
        self._answer(connection, received, MessageType.QUERY_BEFORE_LOG_ON, body)

    def _refusal_before_verifying(
        self, connection: ServerConnection, received: LogOnReceived, user_id: str, device: int | None
    ) -> _Refusal | None:
        refused = DisconnectedType.LOG_ON_REFUSED
        if self.closing:
            return LogonResult.FAILED, with_retry("the server is closing", 5), DisconnectedType.SERVER_CLOSING
        allowed = self._options.allowed_client_types
        if allowed is not None and received.client_type not in allowed:
            self._refusals.add("client_type")
            known = received.layout.profile.generation == 7
            result = LogonResult.CLIENT_TYPE_MISMATCHED if known else LogonResult.FAILED
            cause = f"client type {received.client_type} is not admitted"
            return result, cause, DisconnectedType.UNAUTHORIZED_CLIENT_TYPE
        try:
            check_account_name(user_id, self._options.max_user_id)
        except InvalidUserId as error:
            self._refusals.add("invalid_user_id")
            return LogonResult.FAILED, str(error), refused
        if device is None:
            self._refusals.add("unknown_device")
            return _unknown_device(received)
        return None

    def _decide(
        self, verdict: bool | str, connection: ServerConnection, received: LogOnReceived, request: LogOnRequest
    ) -> None:
        if connection.has_ended:
            return
        if isinstance(verdict, str):
            self._refuse(connection, received, LogonResult.FAILED, verdict, DisconnectedType.LOG_ON_REFUSED)
            return
        existing = self._users.excluded_by(request.user_id, request.device, received.login_id)
        if existing and self._users.relogon_mode is RelogonMode.IGNORE_NEW:
            self._refuse(
                connection,
                received,
                LogonResult.HAD_LOGGED_ON,
                f"{request.user_id!r} is logged on already",
                DisconnectedType.NEW_CONNECTION_IGNORED,
                lambda: self._users.new_connection_ignored.fire(request.user_id, connection.address),
            )
            return
        for other in existing:
            self._push_out(other)
        if not connection.has_ended:
            # Whoever was told of the pushing out may have closed the server.
            self._admit(connection, received, request)

    def _undecided(self, failure: Failure, connection: ServerConnection, received: LogOnReceived) -> None:
        # Whatever went wrong here, the client must not wait for an answer that never comes.
        _log.failure("the log-on of {user} failed; it is refused", failure=failure, user=received.login_id)
        self._refusals.add("log_on_error")
        if connection.has_ended:
            return
        if connection.user is None:
            self._refuse(connection, received, LogonResult.FAILED, NOT_NOW, DisconnectedType.LOG_ON_REFUSED)
        else:
            # It may have been told that it is logged on, so that another answer would say nothing.
            connection.end(DisconnectedType.LOG_ON_REFUSED)

    def _admit(self, connection: ServerConnection, received: LogOnReceived, request: LogOnRequest) -> None:
        user = UserData(
            request.user_id,
            received.client_type,
            request.device,
            connection.address,
            self._clock.seconds(),
            received.is_ours,
            received.login_id,
        )
        connection.bind(received, user)
        self._answer(connection, received, MessageType.LOG_ON, self._welcome(received))
        if received.is_ours:
            connection.send(MessageType.FEATURES, FEATURES.encode(FeaturesBody(self._features(), __version__)))
        host, port = user.address
        where = host if host == "unix" else f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        _log.info("{user} logged on from {where}", user=user.user_id, where=where)
        self._arrived(connection)
        self._users.add(connection, user)
        if not connection.has_ended:
            self._logged_on(connection)
        if not connection.has_ended:
            connection.begin()

    def _welcome(self, received: LogOnReceived) -> bytes:
        # One of ours learns by it that features follow, however the network cuts what it reads.
        greeting = f"{OWN_SERVER}{__version__}" if received.is_ours else ""
        relations = "contacts" in self._features()
        return LOG_ON_REPLY.encode(LogOnReplyBody(greeting, relations, LogonResult.SUCCEED, *self._p2p()))

    def _refuse(
        self,
        connection: ServerConnection,
        received: LogOnReceived,
        result: LogonResult,
        cause: str,
        reason: DisconnectedType,
        before_closing: Callable[[], None] | None = None,
    ) -> None:
        _log.info(
            "log-on of {user} from {host} refused: {result} {cause}",
            user=received.login_id,
            host=connection.address[0],
            result=result.name,
            cause=cause,
        )
        self._answer(connection, received, MessageType.LOG_ON, _reply(result, cause))
        if before_closing is not None:
            before_closing()
        connection.end(reason, orderly=True)

    @staticmethod
    def _answer(
        connection: ServerConnection, received: LogOnReceived | EarlyQueryReceived, message_type: int, body: bytes
    ) -> None:
        layout = received.layout
        connection.outgoing.send(
            layout.encode(
                message_type,
                body,
                layout.field(SERVER_ID),
                received.source,
                received.message_id,
                layout.profile.server_client_type,
            )
        )

    # --- out ----------------------------------------------------------------------------------------------------------
    def _push_out(self, connection: ServerConnection) -> None:
        assert connection.user is not None
        self._users.pushed_out.fire(connection.user)
        connection.send(MessageType.PUSHED_OUT, b"")
        connection.end(DisconnectedType.BEING_PUSHED_OUT, orderly=True)

    def kick_out(self, connection: ServerConnection) -> None:
        """Tell a user that it is kicked out, and end its session."""
        connection.send(MessageType.KICKED_OUT, b"")
        connection.end(DisconnectedType.KICKED_OUT, orderly=True)

    def timed_out(self, connection: ServerConnection) -> None:
        """A user has been silent for too long; its session ends next."""
        self._refusals.add("heartbeat_timeout")
        if connection.user is not None:
            self._users.timed_out.fire(connection.user)

    def invalid(self, connection: ServerConnection, error: RemoteError) -> None:
        """A peer broke the protocol; its connection ends next."""
        if isinstance(error, InvalidMessage):
            kind = MessageInvalidType(error.kind)
            self._refusals.add(f"invalid_message_{kind.name.lower()}")
            self.invalid_message.fire(connection.address, kind)
        else:
            self._refusals.add("wrong_user_id")
        _log.info("{connection} broke the protocol: {error}", connection=connection, error=str(error))

    def gone(self, connection: ServerConnection, reason: DisconnectedType) -> None:
        """A connection's session is over."""
        if connection.user is not None:
            how = " (the client closed the connection)" if connection.left_orderly else ""
            _log.info("{user} logged off: {reason}{how}", user=connection.name, reason=reason.name, how=how)
        # First nobody can reach the user any more, then everybody is told: who asks again then hears that it is absent.
        self._departed(connection)
        if self._users.remove(connection, reason) and connection.name is not None:
            self._logged_off(connection.name)


def _unknown_device(received: LogOnReceived) -> _Refusal:
    cause = f"{received.login_id!r}: the number before '#' names no kind of device"
    return LogonResult.FAILED, cause, DisconnectedType.LOG_ON_REFUSED


def _reply(result: LogonResult, cause: str) -> bytes:
    return LOG_ON_REPLY.encode(LogOnReplyBody(cause, False, result, False, False))
