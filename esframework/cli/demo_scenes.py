"""The scenes of the demo, one function each: who does what, and which message type carries it.

Knows the engines by their public face and the narrator that tells; prints nothing itself.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

from twisted.internet.defer import Deferred, DeferredQueue, gatherResults

from esframework import limits
from esframework.cli.information import QUESTION, TEXT
from esframework.client.engine import ClientEngine
from esframework.errors import HandlerRaised, LocalError, LogonFailed, RequestError, TargetAbsent
from esframework.interfaces import LogOnRequest
from esframework.plugins.hooks import Event
from esframework.server.engine import ServerEngine
from esframework.server.options import ServerOptions
from esframework.wire.types import MessageType

_PICTURE = bytes(range(256)) * 8192
_PICTURE_TYPE = 7
_PATIENCE = 5.0
"""Seconds for what should take milliseconds, so that a fault ends the demo instead of hanging it."""


class Voice(Protocol):
    """Who tells the story."""

    def heading(self, text: str) -> None: ...
    def seen(self, who: str, text: str) -> None: ...
    def explained(self, text: str) -> None: ...


class Bot:
    """One user and its client: answers questions, and keeps what it is sent until a scene asks for it."""

    def __init__(self, user_id: str, reactor: Any, server: str) -> None:
        self.user_id = user_id
        self.client = ClientEngine(self, reactor=reactor)
        self._reactor = reactor
        self._server = server
        self._inbox: DeferredQueue[tuple[str | None, bytes]] = DeferredQueue()

    async def log_on(self) -> None:
        """Log on with the one password that the demo's server takes."""
        await self.client.log_on(self.user_id, "demo", self._server)

    async def received(self) -> tuple[str, bytes]:
        """Who sent the next piece of information, and its content."""
        source, content = await self._inbox.get().addTimeout(_PATIENCE, self._reactor)
        return source or "server", content

    async def awaits(self, event: Event[*tuple[Any, ...]], cause: Callable[[], Any]) -> None:
        """Do something, and wait for what it leads to."""
        told: Deferred[None] = Deferred()
        subscription = event.subscribe(lambda *_: told.callback(None))
        try:
            doing = cause()
            if doing is not None:
                await doing
            await told.addTimeout(_PATIENCE, self._reactor)
        finally:
            subscription.cancel()

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        self._inbox.put((source, content or b""))

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        return f"{self.user_id} was asked by {source or 'the server'}: {(content or b'').decode()}".encode()


class Host:
    """What the demo's server does: lets everybody in who knows the password, and answers in capitals."""

    def verify(self, request: LogOnRequest) -> bool | str:
        return request.password == "demo" or "the password is: demo"

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Nobody tells this server anything."""

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        if not content:
            raise LocalError("an empty question has no answer")
        return content.upper()


@dataclass(frozen=True, slots=True)
class Stage:
    """The server, the bots and the voice."""

    voice: Voice
    server: ServerEngine
    address: str
    ann: Bot
    bob: Bot
    cleo: Bot


Scene: TypeAlias = Callable[[Stage], Awaitable[None]]


async def play(reactor: Any, voice: Voice) -> None:
    """Play all scenes, then close everything."""
    host = Host()
    # Ann may kick others out; everybody else may not.
    server = ServerEngine(host, host, options=ServerOptions(administrators=frozenset({"ann"})), reactor=reactor)
    port = await server.listen("tcp:0:interface=127.0.0.1")
    address = f"tcp:127.0.0.1:{port.getHost().port}"
    bots = [Bot(name, reactor, address) for name in ("ann", "bob", "cleo")]
    try:
        for scene in SCENES:
            await scene(Stage(voice, server, address, *bots))
    finally:
        await gatherResults([bot.client.close() for bot in bots])
        await server.close()
    voice.seen("server", "closed: nothing of it is left")


async def _log_on(stage: Stage) -> None:
    voice, stranger = stage.voice, ClientEngine(reactor=stage.server.reactor)
    voice.heading("A server, and who may come in")
    voice.seen("server", f"listens at {stage.address}; who knows the password may log on")
    for bot in (stage.ann, stage.bob, stage.cleo):
        await bot.log_on()
        voice.seen(bot.user_id, "logged on")
    voice.explained(f"{_type(MessageType.LOG_ON)}: client to server, with the password; the answer has the same type")
    try:
        await stranger.log_on("dora", "guessed", stage.address)
    except LogonFailed as refusal:
        voice.seen("dora", f"was not let in; the server says: {refusal.cause}")
    online = await stage.ann.client.basic.all_online_users()
    voice.seen("ann", f"asks who is online: {', '.join(sorted(online))}")
    voice.explained(f"{_type(MessageType.ALL_ONLINE_USERS)}: client to server and back")


async def _send(stage: Stage) -> None:
    voice, ann, bob = stage.voice, stage.ann, stage.bob
    voice.heading("Saying something")
    await ann.client.custom.send("bob", TEXT, b"good morning")
    source, content = await bob.received()
    voice.seen("bob", f"hears from {source}: {content.decode()}")
    voice.explained(
        f"{_type(MessageType.INFORMATION)}: ann to server to bob; the server passes on the same bytes, unread"
    )
    await ann.client.custom.send_acked("bob", TEXT, b"did you get this?")
    voice.seen("ann", "knows that bob's engine has her next line")
    voice.explained(
        f"{_type(MessageType.ACKED_INFORMATION)}: ann to bob, and {_type(MessageType.ACKNOWLEDGEMENT)} back, "
        "sent before bob's handler runs"
    )
    await bob.received()


async def _query(stage: Stage) -> None:
    voice, ann = stage.voice, stage.ann
    voice.heading("Asking")
    answer = await ann.client.custom.query(None, QUESTION, b"how do you do")
    voice.seen("ann", f"asks the server, which answers: {answer.decode()}")
    voice.explained(f"{_type(MessageType.QUERY)} and {_type(MessageType.ANSWER)}, joined by the message id")
    answer = await ann.client.custom.query("bob", QUESTION, b"and you?")
    voice.seen("ann", f"asks bob, who answers: {answer.decode()}")
    voice.explained("the same two types, ann to bob and back; again the server only passes them on")
    answer = await stage.server.custom.query("cleo", QUESTION, b"still there?")
    voice.seen("server", f"asks cleo, who answers: {answer.decode()}")


async def _fail(stage: Stage) -> None:
    voice, ann = stage.voice, stage.ann
    voice.heading("Being told what went wrong")
    for target, content in (("zoe", b"hello?"), (None, b"")):
        if target is None:
            voice.explained("next the server's handler fails, on purpose: the line 'esframework: ...' is its log")
        try:
            await ann.client.custom.query(target, QUESTION, content)
        except TargetAbsent as error:
            voice.seen("ann", f"asks zoe, and her call raises TargetAbsent: {error}")
            voice.explained(f"{_type(MessageType.REQUEST_FAILED)}: server to ann, only to clients that can read it")
        except HandlerRaised as error:
            voice.seen("ann", f"asks the server nothing at all, and her call raises HandlerRaised: {error}")
            voice.explained(
                f"{_type(MessageType.ANSWER)} without a body: the text of the error stays in the server's log"
            )


async def _blob(stage: Stage) -> None:
    voice, ann, bob = stage.voice, stage.ann, stage.bob
    voice.heading("Something large, and something small that overtakes it")
    sending = ann.client.custom.send_blob("bob", _PICTURE_TYPE, _PICTURE)
    seconds = await ann.client.basic.ping("bob")
    voice.seen("ann", f"pings bob while {len(_PICTURE) >> 20} MiB are on their way to him: {seconds * 1000:.1f} ms")
    await sending
    _, content = await bob.received()
    voice.seen("bob", f"gets {len(content)} bytes at once, {'intact' if content == _PICTURE else 'damaged'}")
    fragments = -(-len(_PICTURE) // limits.FRAGMENT_SIZE)
    voice.explained(f"{_type(MessageType.BLOB_FRAGMENT)}, {fragments} times; between them goes whatever is smaller")


async def _tell_everybody(stage: Stage) -> None:
    voice = stage.voice
    voice.heading("The server tells everybody")
    for name in stage.server.users.ids():
        stage.server.custom.post(name, TEXT, b"lunch is ready")
    for bot in (stage.ann, stage.bob, stage.cleo):
        source, content = await bot.received()
        voice.seen(bot.user_id, f"hears from the {source}: {content.decode()}")
    voice.explained(f"{_type(MessageType.INFORMATION_POSTED)}: server to each; posting waits for nobody")


async def _kick_out(stage: Stage) -> None:
    voice, ann, bob, cleo = stage.voice, stage.ann, stage.bob, stage.cleo
    voice.heading("Being kicked out, and coming back")
    try:
        await bob.client.basic.kick_out("cleo")
    except RequestError as error:
        voice.seen("bob", f"tries to kick cleo out: {type(error).__name__}, he is no administrator")
    await cleo.awaits(cleo.client.basic.being_kicked_out, lambda: ann.client.basic.kick_out("cleo"))
    voice.seen("cleo", "was kicked out by ann; her client does not come back by itself")
    voice.explained(f"{_type(MessageType.KICK_OUT)}: ann to server; {_type(MessageType.KICKED_OUT)}: server to cleo")
    await cleo.log_on()
    voice.seen("cleo", "logged on again")


async def _reconnect(stage: Stage) -> None:
    voice, bob = stage.voice, stage.bob
    voice.heading("Losing the connection")
    client = bob.client
    subscriptions = [
        client.connection_interrupted.subscribe(lambda: voice.seen("bob", "has lost his connection")),
        client.rebuild_started.subscribe(lambda: voice.seen("bob", "connects again, by himself")),
    ]
    await bob.awaits(client.relogon_completed, lambda: client.close_connection(reconnect_now=True))
    for subscription in subscriptions:
        subscription.cancel()
    voice.seen("bob", "is logged on again")
    voice.explained("after a random wait, which grows from try to try; here at once. It never gives up by itself")


async def _push_out(stage: Stage) -> None:
    voice, ann, bob = stage.voice, stage.ann, stage.bob
    voice.heading("The same account twice")
    second = Bot("bob", stage.server.reactor, stage.address)
    await bob.awaits(bob.client.basic.being_pushed_out, second.log_on)
    voice.seen("bob", "was pushed out: bob logged on elsewhere")
    voice.explained(f"{_type(MessageType.PUSHED_OUT)}: server to the older connection, before it is closed")
    await ann.client.custom.send_acked("bob", TEXT, b"which bob is this?")
    source, content = await second.received()
    voice.seen("bob", f"the newer one, hears from {source}: {content.decode()}")
    await second.client.close()


SCENES: tuple[Scene, ...] = (
    _log_on,
    _send,
    _query,
    _fail,
    _blob,
    _tell_everybody,
    _kick_out,
    _reconnect,
    _push_out,
)


def _type(message_type: MessageType) -> str:
    return f"type {message_type.value} {message_type.name}"
