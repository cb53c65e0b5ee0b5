"""What applications and plugins implement or are given. The docstrings are the contract for both sides.

Types named `...Deferred` may be given as a plain value, a Deferred or a coroutine wherever it says "may be awaited".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntFlag, auto
from typing import TYPE_CHECKING, Any, TypeAlias

from zope.interface import Attribute, Interface

from esframework.stored import Account as Account
from esframework.stored import FileMailbox as FileMailbox
from esframework.stored import FileQuota as FileQuota
from esframework.stored import FileUsage as FileUsage
from esframework.stored import IAccounts as IAccounts
from esframework.stored import IContactStore as IContactStore
from esframework.stored import IGroupStore as IGroupStore
from esframework.stored import IOfflineFileStore as IOfflineFileStore
from esframework.stored import IOfflineStore as IOfflineStore
from esframework.stored import IStores as IStores
from esframework.stored import Mailbox as Mailbox
from esframework.stored import MessageSummary as MessageSummary
from esframework.stored import Quota as Quota
from esframework.stored import Relation as Relation
from esframework.stored import RelationState as RelationState
from esframework.stored import Role as Role
from esframework.stored import StoredFile as StoredFile
from esframework.stored import StoredGroup as StoredGroup
from esframework.stored import StoredMessage as StoredMessage
from esframework.wire.login_id import Source
from esframework.wire.types import ChannelMode, DisconnectedType, OnBusy, Priority, RequestFailure

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
    FILES = auto()


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


class IAttachmentHandler(ICustomHandler):
    """A handler that takes attachments, too (InIOCP's custom manager: OnReceive, OnAttachBegin)."""

    def attachment_offered(source: Source | None, information_type: int, attachment: Any) -> Any:
        """Behind an information, which `handle_information` has handled, wants to come an attachment: where to?

        Return a `pathlib.Path`, where the file appears when it is whole, in place of what was there; a writable binary
        file, written to in threads and not closed; or an `IAttachmentConsumer`. None refuses, and so does a text, which
        the sender is told: the name that it gave to its attachment can therefore never become a path by mistake. May be
        awaited for as long as the sender waits; other messages are handled meanwhile. When it raises, the attachment is
        refused.
        """


class IAttachmentConsumer(Interface):
    """Takes the bytes of an attachment; called in the reactor's thread, whatever runs handlers."""

    def write(data: bytes) -> Any:
        """The next bytes, in order. May be awaited: nothing more is given, and in the end sent, until then."""

    def finish() -> Any:
        """That was all of it. May be awaited: the sender hears of success when it is done."""

    def fail(error: Exception) -> Any:
        """It will not be whole: a write or finish that is awaited is cancelled, and nothing more comes."""


class IOfflineHandler(ICustomHandler):
    """A client's handler that wants to know that a message waited, and since when."""

    def handle_offline(message: Any) -> Any:
        """A message that the server kept: a `managers.offline.contracts.OfflineMessage`.

        May be awaited. The server forgets the message when this has returned; when it raises, the message comes again.
        """


class IDeliveryHandler(ICustomHandler):
    """A handler that wants the stable id of what was delivered, and to know what may have been given out before."""

    def handle_delivery(message: Any) -> Any:
        """A message that is delivered once and in order: a `managers.delivery.contracts.Delivered`.

        May be awaited. Its sender hears that it was handled when this has returned, and that it was not when it raises.
        """


class IIntegratedHandler(ICustomHandler):
    """A handler of some information types, to be joined by `CombinedHandler` (manual, technique 03)."""

    def can_handle(information_type: int) -> bool:
        """Whether this handler is the one for the type."""


@dataclass(frozen=True, slots=True)
class LogOnRequest:
    """Who asks to log on. `user_id` is bare, `device` the number (`wire.devices`) of the device that its LoginID names,
    or else of its client type."""

    user_id: str
    password: str = field(repr=False)
    system_token: str
    authorized_user: str
    client_type: int
    device: int
    address: str


class IVerifier(Interface):
    """Decides who may log on (manual, chapter 02: VerifyUser)."""

    def verify(request: LogOnRequest) -> Any:
        """True admits. A string refuses and tells the client why; anything else refuses without a word.

        May be awaited. When it raises, the log-on is refused and the error logged.
        """


Verify: TypeAlias = Callable[[LogOnRequest], Any]
"""What an `IVerifier` does, as a function."""


class IContacts(Interface):
    """Who is whose contact, and who is in a group (manual, chapter 05: IContactsManager).

    Both are asked for at every log-on and broadcast, so they should be quick; answers may be awaited, and are
    remembered for `ContactsOptions.remember` seconds. An answer that is None or no list of ids, an exception, and an
    answer that does not come in time are logged and stand for an empty list.
    """

    def contacts_of(user_id: str) -> Any:
        """Ids of those who are told when the user comes and goes, and whom it sees in its list."""

    def members_of(group_id: str) -> Any:
        """Ids of a group's members; an empty list for a group that does not exist. May be awaited."""


Permission: TypeAlias = Callable[[str, str, "str | None"], "bool | None"]
"""`permit(action, user_id, target)`: True allows, False refuses, None leaves it to the default. Raising refuses.

Actions: kick_out, list_users, user_endpoint; a manager's documentation names its own.
"""


class IOngoing(Interface):
    """Something that a call gave and that goes on, such as a transfer: its own calls return Deferreds, too."""


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

    def gathered(work: Callable[[], None]) -> None:
        """Do some work; what it sends here is written once."""

    def sent(priority: Priority = Priority.NORMAL) -> Deferred[bool]:
        """Fires True when what was queued so far has left for the kernel, False when the connection was lost before."""


class ILink(IChannel):
    """A client's way to one device, or to a user who has only that one: by a P2P channel while there is one, otherwise
    by the server. What is sent arrives once and in order, whichever way it goes."""

    is_direct: bool = Attribute("Whether a channel is open.")
    is_replaced: bool = Attribute("Whether the device is another process now, which has nothing to do with this link.")
    outlives_session: bool = Attribute("Whether what is sent now arrives though the session with the server be lost.")
    path_kind: str = Attribute("By which path what is sent now goes: 'server', 'tcp' or 'udp'.")
    login_id: str = Attribute("The device's LoginID.")
    peer: Any = Attribute("The device as an ISender: whoever sends what comes by the link.")

    def give_up(types: frozenset[int], message_id: int) -> None:
        """Of what the last channel has not brought and what waits for the server's way, let go what has one of these
        types and this id. For `Registrations.channel_lost`."""

    def reply(message_type: int, body: bytes, message_id: int) -> None:
        """Send, if there is a way."""


class ISender(IChannel):
    """Whoever sent what a manager handles: on the server one user's connection, on a client any peer.

    What is kept for a sender is kept by its `login_id`: two devices of one user count their blobs by themselves. On a
    server `is_ours` says whether the client announced itself as this framework's own; `layout` is its header's form.
    """

    name: Source | None = Attribute("Bare user id, with the device beside it; None for the server.")
    login_id: str = Attribute("What tells this sender's device from all others: its LoginID.")
    path_kind: str = Attribute("By which path what it sends came: 'server', or on a client 'tcp' or 'udp'.")

    def reply(message_type: int, body: bytes, message_id: int) -> None:
        """Answer this sender, if it is still there. Raises EncodeError for a body longer than a message."""

    def reply_as(source: str, message_type: int, body: bytes, message_id: int) -> bool:
        """Answer in the name of `source`, for somebody who is not there; only servers can. False when the receiver's
        header has no room for that name, or the session is over."""

    def request_failed(message_id: int, reason: RequestFailure, detail: str) -> bool:
        """Tell a client of ours that its request will not be answered; False when the sender is a foreign one."""

    def refuse_body(error: Exception) -> None:
        """The sender's body was malformed: count it, and on a server end the offender's connection."""


Handler: TypeAlias = Callable[[Any, int, bytes], None]
"""`handler(sender: ISender, message_id, body)`: called for each frame of a registered type, in the reactor's thread."""

AddressedHandler: TypeAlias = Callable[[Any, str, int, bytes], None]
"""`handler(sender: ISender, destination, message_id, body)`: as a Handler, for types that the destination in the header
belongs to: `_` and a group's id, `*` for everybody."""

VerifyBefore: TypeAlias = Callable[[LogOnRequest, Verify], Any]
"""`verify(request, ask)`: decide about a log-on as an IVerifier does, or return what `ask(request)` says: that asks the
managers after this one, and at last the verifier."""

Undeliverable: TypeAlias = Callable[[Any, str, int, bytes, RequestFailure], None]
"""`(sender: ISender, target, message_id, body, reason)`: a relayed frame had no receiver."""


@dataclass(frozen=True, slots=True)
class Registrations:
    """What a manager's half brings; the loader installs it and takes it back.

    `facade` becomes the engine's attribute of the manager's name. `relayable` types may go from client to client.
    `addressed` handlers get, on a server, frames that are addressed to an id that stands for many users, on a client
    all frames of their types. On a server, `logged_on(sender)` is told of each device whose log-on is complete, and
    `logged_off(source)` of each that is gone: `users.is_online(source)` says whether it was the user's last. On a
    client they are told of the server: at each log-on, the first and later ones, when its features are known, and with
    None when the connection is lost. On a server, `verify(request, ask)` stands before the verifier, and
    `is_administrator(user_id)` knows administrators besides those of the options. `sweep(now)` is called about once a
    second; `start` and `stop` as the engine opens and closes, the last installed stopped first. A server
    announces to clients of ours, as its features, the manager's name and `features`. Handlers of the types in `views`
    get bodies as memoryviews: for large ones, which would be copied for nothing. On a client, the types in `direct` may
    go to other clients by a P2P channel: with `Priority.BULK` on the stream named there, otherwise with the messages.
    While `is_offered()` is False, the engine's attribute of the manager's name is None. A client that is to end its
    session calls `finish` first, and ends it when all of those have fired. On a client, `channel_lost(link)` is told of
    an ILink that has no channel any more, before anything of it goes by the server, and `device_away(link)` when the
    other end of such a link does not come back to the server either.
    """

    facade: Any
    handlers: Mapping[int, Handler] = field(default_factory=dict)
    relayable: frozenset[int] = frozenset()
    undeliverable: Mapping[int, Undeliverable] = field(default_factory=dict)
    addressed: Mapping[int, AddressedHandler] = field(default_factory=dict)
    logged_on: Callable[[Any], None] | None = None
    logged_off: Callable[[Source | None], None] | None = None
    verify: VerifyBefore | None = None
    is_administrator: Callable[[str], bool] | None = None
    sweep: Callable[[float], None] | None = None
    start: Callable[[], None] | None = None
    stop: Callable[[], None] | None = None
    features: frozenset[str] = frozenset()
    views: frozenset[int] = frozenset()
    direct: Mapping[int, int] = field(default_factory=dict)
    is_offered: Callable[[], bool] | None = None
    finish: Callable[[], Deferred[None]] | None = None
    channel_lost: Callable[[Any], None] | None = None
    device_away: Callable[[Any], None] | None = None


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

    def forget(lane: Any) -> None:
        """What still waits in a sender's lane is not to be handled any more."""


class IContext(Interface):
    """What both engines give to a manager."""

    clock: IReactorTime = Attribute("Monotonic time and delayed calls.")
    calls: Any = Attribute("`net.calls.Calls`: requests that wait for an answer.")
    model: IHandlerModel = Attribute("Runs application handlers.")
    options: Any = Attribute("The engine's options.")
    handler: Any = Attribute("The application's ICustomHandler, or None.")

    def channel(target: str | None, mode: ChannelMode = ChannelMode.P2P_CHANNEL_FIRST) -> Any:
        """The IChannel to a user (None: the server), or None when the user is not online here. On a server, a bare id
        reaches all devices of the user.

        On a client: the channel by which frames for that target go, as `mode` says; raises NotLoggedOn without a
        session, and NoP2PChannel for `BY_P2P_CHANNEL` where there is none.
        """

    def manager(name: str) -> Any:
        """Another installed manager's facade; raises PluginError for one that is not there."""


class IServerContext(IContext):
    """What a server engine gives to a manager besides."""

    is_open: bool = Attribute("Whether anybody may do everything: a demonstration.")
    closing: Any = Attribute("An Event: the engine begins to close; sessions end next.")
    listening: Any = Attribute("An Event: the engine listens at one more address, an IAddress.")
    users: Any = Attribute("The users online here: `server.users`.")
    router: Any = Attribute("IRouter.")
    stores: Any = Attribute("IStores, open while the managers run.")
    has_stores: bool = Attribute("Whether the application gave the stores; else they are in memory and soon forgotten.")
    contacts_provider: Any = Attribute("The application's own IContacts, or None.")
    throttle: Any = Attribute("`server.throttle.LogOnThrottle`: who must wait before the next log-on.")
    has_verifier: bool = Attribute("Whether anybody is ever refused: False admits everybody.")
    keeps_accounts: bool = Attribute("Whether log-ons are checked against `stores.accounts`, and nothing else.")

    def refuse(reason: str) -> None:
        """Count something that was refused, under a short name that the metrics show."""

    def permit(action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        """Whether a user may do something: the application's permission hook, else `default()`; errors refuse."""

    def is_administrator(user_id: str) -> bool:
        """Whether the user is one of the server's administrators (everybody on an open server)."""

    def disconnect(user_id: str, reason: DisconnectedType, spared: Any = None) -> bool:
        """End a user's sessions, or with a LoginID that device's, except that of the sender `spared`; False when there
        is none."""


class IClientContext(IContext):
    """What a client engine gives to a manager besides."""

    current_user_id: str | None = Attribute("The bare id of the account, once logged on.")
    connected: bool = Attribute("Whether this client is logged on.")
    is_secure: bool = Attribute("Whether nobody can read the connection to the server: TLS, or within this machine.")
    serves_p2p: bool = Attribute("Whether the server said, at the last log-on, that there is a P2P server.")
    server_host: str = Attribute("The address at which the server was reached; empty where that tells nothing.")
    local_host: str = Attribute("This machine's address on the connection to the server; empty where there is none.")
    session_token: str | None = Attribute("By which the next relogon identifies itself; None: by the password.")

    links: dict[str, Any] = Attribute("Every ILink by the ids that mean it; `channel` and answers go by it.")
    dispatcher: Any = Attribute("`plugins.dispatch.Dispatcher`: who handles what comes in.")

    def register(user_id: str, password: str, endpoint: Any) -> Deferred[Any]:
        """Ask the server for an account first, and log on; as `log_on`."""

    def use_password(password: str) -> None:
        """The account's password is another one from now on; relogons use it."""

    def close_connection(reconnect_now: bool = False) -> None:
        """Cut the connection; the automatic reconnect follows."""

    def close() -> Deferred[None]:
        """End the session in an orderly way; the engine may log on again."""


@dataclass(frozen=True, slots=True)
class Multicast:
    """What became of one body for many: devices that it was queued for, busy ones that were passed over, those whose
    header or generation cannot carry it, and users who are not online. `slowest` is a device that has more waiting
    than its high-water mark, None when none has."""

    reached: int
    busy: int
    absent: Sequence[str]
    unable: int = 0
    slowest: Any = None


class IAudience(Interface):
    """Those to whom something is sent again and again; made by `IRouter.audience`, which keeps it quick."""

    members: Sequence[str] = Attribute("Bare ids, each once.")
    reach: int = Attribute("How many devices of theirs are online.")


class IRouter(Interface):
    """The one way of frames to users."""

    def multicast(
        sender: Any,
        destination: str,
        message_type: int,
        body: bytes,
        receivers: Any,
        *,
        on_busy: OnBusy = OnBusy.CONTINUE,
        priority: Priority = Priority.NORMAL,
    ) -> Multicast:
        """Send one body to all devices of many users (bare ids, or an IAudience), encoded once for each form of header.

        The header says that it is for `destination`, a virtual id, and from `sender`, an ISender (None: the server),
        who does not get it back; the user's other devices do. With a type that carries pieces of something large, a
        sender is slowed down to what a busy receiver takes. What is too long behind a receiver's header, which may be
        longer than the sender's, does not reach it; of the server's own it raises EncodeError, and reaches nobody.
        """

    def audience(members: Iterable[str] | None) -> Any:
        """An IAudience of these users (bare ids); None is everybody who is online at the time."""

    def notify(receivers: Iterable[str], body_for: Callable[[int, bool], tuple[int, bytes] | None]) -> int:
        """Tell many users something in the server's name, each device in its own form and under its own id.

        `body_for(generation, is_ours)` gives message type and body, or None for devices that are not told; it is asked
        once for each form. Returns the number of devices.
        """

    def gathered(work: Callable[[], None]) -> None:
        """Do some work; what it sends is written once for each connection."""

    def refuse_from(user_id: str, sources: frozenset[str]) -> None:
        """Let nothing that these users begin (`wire.types.REPLY_TYPES` are no beginnings) reach a user any more; their
        clients hear NOT_ALLOWED. An empty set lets everybody through again."""

    def admits(source: str | None, user_id: str) -> bool:
        """Whether what a user begins may reach another one: see `refuse_from`."""

    def refused_by(user_id: str) -> frozenset[str]:
        """Those whose beginnings do not reach a user: see `refuse_from`."""

    def inspect(message_type: int, inspector: Callable[[Any, str, bytes], bytes | None] | None) -> None:
        """See relayed frames of a type: `inspector(sender, target, body)` returns the body, changed or not, or None to
        drop it. None removes the inspector, and frames of the type go unread again."""
