"""What applications and plugins implement or are given. The docstrings are the contract for both sides.

Types named `...Deferred` may be given as a plain value, a Deferred or a coroutine wherever it says "may be awaited".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntFlag, auto
from typing import TYPE_CHECKING, Any, TypeAlias

from zope.interface import Attribute, Interface

from esframework.wire.types import ChannelMode, DisconnectedType, Priority, RequestFailure

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred
    from twisted.internet.interfaces import IReactorTime


class PausedBy(IntFlag):
    """On whose behalf reading from a connection is paused; it goes on when nobody holds it."""

    BACKLOG = auto()
    GATE = auto()
    RATE = auto()
    RECEIVER = auto()
    QUEUE = auto()


# --- what applications implement ------------------------------------------------------------------------------------
class ICustomHandler(Interface):
    """Handles an application's information; used alike on the server and on a client (manual, chapter 01)."""

    def handle_information(source: str | None, information_type: int, content: bytes | None) -> Any:
        """Information or a whole blob came in.

        `source` is the sender's bare user id, None for the server. May be awaited: what comes next on the same
        connection waits meanwhile. What it raises is logged and counted, and ends nothing.
        """

    def handle_query(source: str | None, information_type: int, content: bytes | None) -> Any:
        """Return the answer: bytes, or None, which is not the same as empty. May be awaited.

        When it raises, the asker's call fails with `HandlerRaised`; the text of the error stays here.
        """


class IIntegratedHandler(ICustomHandler):
    """A handler of some information types, to be joined by `CombinedHandler` (manual, technique 03)."""

    def can_handle(information_type: int) -> bool:
        """Whether this handler is the one for the type."""


@dataclass(frozen=True, slots=True)
class LogOnRequest:
    """Who asks to log on. `user_id` is bare, `device` the number before `#` in its LoginID, if any."""

    user_id: str
    password: str = field(repr=False)
    system_token: str
    authorized_user: str
    client_type: int
    device: int | None
    address: str


class IVerifier(Interface):
    """Decides who may log on (manual, chapter 02: VerifyUser)."""

    def verify(request: LogOnRequest) -> Any:
        """True admits. A string refuses and tells the client why; anything else refuses without a word.

        May be awaited. When it raises, the log-on is refused and the error logged.
        """


class IAccounts(Interface):
    """Who may log on: account names (protocol, section 5, rule 8) and their passwords; errors are `stores.failures`.

    Every method may fail with a `StoreError` (nothing was changed then), and those that take a password with
    `ComeBackLater` when too many passwords are being hashed already.
    """

    def open() -> Deferred[None]:
        """Make the store ready; comes first. Fails with `SchemaTooNew` for data of a newer release."""

    def close() -> Deferred[None]:
        """Let what was begun end, then leave nothing behind; later calls fail with `StoreClosed`."""

    def add(user_id: str, password: str) -> Deferred[None]:
        """Make an account. Fails with `InvalidUserId`, `InvalidPassword` or `AccountExists`."""

    def remove(user_id: str) -> Deferred[None]:
        """Delete an account. Fails with `NoSuchAccount`."""

    def set_password(user_id: str, password: str) -> Deferred[None]:
        """Replace an account's password. Fails with `InvalidPassword` or `NoSuchAccount`."""

    def user_ids() -> Deferred[list[str]]:
        """Every account's name, sorted by code points."""

    def exists(user_id: str) -> Deferred[bool]:
        """Whether there is such an account."""

    def verify(user_id: str, password: str) -> Deferred[bool]:
        """Whether there is such an account and this is its password; both answers take the same time."""


Permission: TypeAlias = Callable[[str, str, "str | None"], "bool | None"]
"""`permit(action, user_id, target)`: True allows, False refuses, None leaves it to the default. Raising refuses.

Actions: kick_out, list_users, user_endpoint; a manager's documentation names its own.
"""


# --- what an engine gives to managers ---------------------------------------------------------------------------------
class IChannel(Interface):
    """A way to one peer, in order."""

    is_busy: bool = Attribute("Whether more bytes wait than the high-water mark.")

    def send(
        message_type: int,
        body: bytes,
        message_id: int = 0,
        destination: str | None = None,
        priority: Priority = Priority.NORMAL,
    ) -> None:
        """Queue one frame; `destination` None is the peer itself. Raises EncodeError when id or body do not fit."""

    def ready(target: str | None) -> Deferred[bool] | None:
        """None when pieces of something large may go to `target` now; else fires True when they may, False when the
        connection was lost before."""

    def sent(priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """Fires True when what was queued so far has left for the kernel, False when the connection was lost before."""


class ISender(IChannel):
    """Whoever sent what a manager handles: on the server one user's connection, on a client any peer.

    `name` is the bare user id, None for the server.
    """

    name: str | None = Attribute("Bare user id, None for the server.")

    def reply(message_type: int, body: bytes, message_id: int) -> None:
        """Answer this sender, if it is still there. Raises EncodeError for a body longer than a message."""

    def reply_as(source: str, message_type: int, body: bytes, message_id: int) -> None:
        """Answer in the name of `source`, for somebody who is not there; only servers can."""

    def request_failed(message_id: int, reason: RequestFailure, detail: str) -> bool:
        """Tell a client of ours that its request will not be answered; False when the sender is a foreign one."""

    def refuse_body(error: Exception) -> None:
        """The sender's body was malformed: count it, and on a server end the offender's connection."""


Handler: TypeAlias = Callable[[Any, int, bytes], None]
"""`handler(sender: ISender, message_id, body)`: called for each frame of a registered type, in the reactor's thread."""

Undeliverable: TypeAlias = Callable[[Any, str, int, bytes, RequestFailure], None]
"""`(sender: ISender, target, message_id, body, reason)`: a relayed frame had no receiver."""


@dataclass(frozen=True, slots=True)
class Registrations:
    """What a manager's half brings; the loader installs it and takes it back.

    `facade` becomes the engine's attribute of the manager's name. `relayable` types may go from client to client.
    `logged_off(name)` is told of each peer that is gone (on a client: None when the connection is lost); `sweep(now)`
    is called about once a second; `start` and `stop` as the engine opens and closes, the last installed stopped
    first.
    """

    facade: Any
    handlers: Mapping[int, Handler] = field(default_factory=dict)
    relayable: frozenset[int] = frozenset()
    undeliverable: Mapping[int, Undeliverable] = field(default_factory=dict)
    logged_off: Callable[[str | None], None] | None = None
    sweep: Callable[[float], None] | None = None
    start: Callable[[], None] | None = None
    stop: Callable[[], None] | None = None


class IManager(Interface):
    """One feature, with a half for servers and a half for clients.

    To be found, a manager provides `twisted.plugin.IPlugin` as well, and stands in a drop-in under `twisted/plugins/`.
    """

    name: str = Attribute("The attribute of the engines under which the facade is found.")
    requires: tuple[str, ...] = Attribute("Names of managers that must be installed before this one.")

    def server_half(server: Any) -> Registrations | None:
        """Make this manager's part of a server from what an `IServerContext` gives; None when it has none."""

    def client_half(client: Any) -> Registrations | None:
        """Make this manager's part of a client from what an `IContext` gives; None when it has none."""


class IHandlerModel(Interface):
    """How application handlers are run: directly or by a task queue (manual, chapter 11)."""

    def run(
        sender: Any,
        style: str,
        information_type: int,
        function: Callable[..., Any],
        content: bytes | None,
        answer: Callable[[Any], None] | None = None,
    ) -> None:
        """Call `function(sender.name, information_type, content)` when it is its turn.

        `answer` gets the result, or a Failure; without it a failure is only logged and counted.
        """


class IContext(Interface):
    """What both engines give to a manager."""

    clock: IReactorTime = Attribute("Monotonic time and delayed calls.")
    calls: Any = Attribute("`net.calls.Calls`: requests that wait for an answer.")
    model: IHandlerModel = Attribute("Runs application handlers.")
    options: Any = Attribute("The engine's options.")
    handler: Any = Attribute("The application's ICustomHandler, or None.")

    def channel(target: str | None, mode: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST) -> Any:
        """The IChannel to a user (None: the server), or None when the user is not online here.

        On a client: the channel by which frames for that target go, as `mode` says; raises NotLoggedOn without a
        session.
        """

    def manager(name: str) -> Any:
        """Another installed manager's facade; raises PluginError for one that is not there."""


class IServerContext(IContext):
    """What a server engine gives to a manager besides."""

    users: Any = Attribute("The users online here: `server.users`.")
    router: Any = Attribute("IRouter.")

    def permit(action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        """Whether a user may do something: the application's permission hook, else `default()`; errors refuse."""

    def is_administrator(user_id: str) -> bool:
        """Whether the user is one of the server's administrators (everybody on an open server)."""

    def disconnect(user_id: str, reason: DisconnectedType) -> bool:
        """End a user's session; False when the user is not online."""


class IRouter(Interface):
    """The one way of frames to users."""

    def inspect(message_type: int, inspector: Callable[[Any, str, bytes], bytes | None] | None) -> None:
        """See relayed frames of a type: `inspector(sender, target, body)` returns the body, changed or not, or None to
        drop it. None removes the inspector, and frames of the type go unread again."""
