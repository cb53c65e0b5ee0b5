"""The chat behind both screens: does what lines ask for, and tells what happens to the session.

Shows everything through the screen it is given; knows neither terminal nor pipe.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred

from esframework.cli.chatting.lines import HELP, BadLine, Help, Kick, Ping, Query, Quit, Say, To, Wish, parse_line
from esframework.cli.information import QUESTION, TEXT, content_of, facts_of, name_of, printable
from esframework.errors import ConnectionInterrupted, EsError, HandlerRaised, NotLoggedOn, TargetAbsent

_NO_ANSWER: Final = (
    "the server has no answer: its application's handler failed, or it has none (esframework serve has none)"
)
_LOST_ON_THE_WAY: Final = "the connection was lost before an answer came; it may have arrived or not"


class Screen(Protocol):
    """Where a chat is shown. `facts` are the same thing for scripts."""

    def information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Somebody sent something."""

    def answer(self, text: str, /, **facts: object) -> None:
        """What the user asked for."""

    def note(self, text: str, /, **facts: object) -> None:
        """Something happened."""

    def complaint(self, text: str, /, **facts: object) -> None:
        """Something failed."""


class Visitor:
    """What a chat does with what others send: an `ICustomHandler`. Every question is answered, by a receipt."""

    def __init__(self, user_id: str, screen: Screen) -> None:
        self._user_id = user_id
        self._screen = screen

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Show it."""
        self._screen.information(source, information_type, content)

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        """Show it, and say that it came."""
        shown = content_of(content)
        self._screen.note(f"{name_of(source)} asks: {shown}", **facts_of(source, information_type, content), asked=True)
        return f"the chat of {self._user_id} received: {shown}".encode()


class ChatRoom:
    """One user's conversation. `failures` counts what was asked for and did not succeed."""

    def __init__(self, client: Any, screen: Screen) -> None:
        self._client = client
        self._screen = screen
        self.recipient: str | None = None
        self.failures = 0
        self._has_left = False
        self._subscriptions = [
            client.connection_interrupted.subscribe(self._interrupted),
            client.rebuild_started.subscribe(lambda: screen.note("connecting again …", event="rebuild_started")),
            client.relogon_completed.subscribe(self._relogon_completed),
        ]

    def leave(self) -> None:
        """Tell nothing more, not even what becomes of wishes that are under way."""
        self._has_left = True
        for subscription in self._subscriptions:
            subscription.cancel()

    def wish(self, line: str) -> Wish | None:
        """What a line asks for, as `parse_line`; a line that means nothing is complained about, and None."""
        try:
            return parse_line(line, self.recipient)
        except BadLine as error:
            self._fail(str(error), error="BadLine")
            return None

    def begin(self, wish: Wish) -> Deferred[None]:
        """Do what is asked for; its message is queued before this returns.

        Fires when it is done, and never fails: that is shown and counted.
        """
        return Deferred.fromCoroutine(self._fulfil(wish))

    async def who(self) -> None:
        """Show who is online."""
        users = await self._client.basic.all_online_users()
        me = self._client.current_user_id
        shown = ", ".join(f"{printable(user)} (you)" if user == me else printable(user) for user in sorted(users))
        self._screen.answer(f"online: {shown or 'nobody that the server tells of'}", online=sorted(users))

    # --- what is asked for --------------------------------------------------------------------------------------------
    async def _fulfil(self, wish: Wish) -> None:
        try:
            await self._do(wish)
        except TargetAbsent as error:
            self._fail(f"{name_of(error.target)} is not online; not delivered", error="TargetAbsent", to=error.target)
        except NotLoggedOn as error:
            self._fail("not connected; not sent", error=type(error).__name__, to=getattr(wish, "target", None))
        except ConnectionInterrupted as error:
            self._fail(_LOST_ON_THE_WAY, error=type(error).__name__, to=error.target)
        except HandlerRaised as error:
            text = _NO_ANSWER if error.target is None else printable(str(error))
            self._fail(text, error=type(error).__name__, to=error.target)
        except EsError as error:
            target = getattr(wish, "target", None)
            self._fail(printable(str(error)), error=type(error).__name__, to=target)

    async def _do(self, wish: Wish) -> None:
        match wish:
            case Say(target, text):
                await self._client.custom.send_acked(target, TEXT, text.encode("utf-8", "replace"))
            case To(target):
                self._address(target)
            case Query(target, text):
                await self._ask(target, text)
            case Ping(target):
                seconds = await self._client.basic.ping(target)
                self._screen.answer(f"{name_of(target)}: {seconds * 1000:.1f} ms", ping=target, seconds=seconds)
            case Kick(target):
                await self._client.basic.kick_out(target)
                self._screen.answer(f"{name_of(target)} was kicked out", kicked_out=target)
            case Help():
                width = max(len(usage) for usage, _ in HELP)
                for usage, meaning in HELP:
                    self._screen.answer(f"{usage:<{width}}  {meaning}", usage=usage, meaning=meaning)
            case Quit():
                raise AssertionError("leaving is the screen's")
            case _:
                await self.who()

    def _address(self, target: str | None) -> None:
        self.recipient = target
        if target is None:
            self._screen.answer("plain lines go to nobody now", recipient=None)
        else:
            self._screen.answer(f"plain lines go to {name_of(target)} now", recipient=target)

    async def _ask(self, target: str | None, text: str) -> None:
        answer = await self._client.custom.query(target, QUESTION, text.encode("utf-8", "replace"))
        shown = "(nothing)" if answer is None else content_of(answer)
        self._screen.answer(f"{name_of(target)} answers: {shown}", **facts_of(target, QUESTION, answer), answered=True)

    def _fail(self, text: str, /, **facts: object) -> None:
        self.failures += 1
        if not self._has_left:
            self._screen.complaint(text, **facts)

    # --- what happens -------------------------------------------------------------------------------------------------
    def _interrupted(self) -> None:
        self._screen.note("the connection was lost; it comes back by itself", event="connection_interrupted")

    def _relogon_completed(self, response: Any) -> None:
        if response.result == 0:
            self._screen.note("logged on again", event="relogon_completed")
