"""The chat behind both screens: does what lines ask for, and tells what happens to the session.

Shows everything through the screen it is given; knows neither terminal nor pipe. What users, contacts and groups are
asked is in `talking`, `people`, `groups` and `files`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from twisted.internet.defer import Deferred

from esframework.cli.chatting.files import Files
from esframework.cli.chatting.groups import Groups
from esframework.cli.chatting.lines import GROUP_SIGN, BadLine, parse_line
from esframework.cli.chatting.paths import Paths
from esframework.cli.chatting.people import People
from esframework.cli.chatting.screen import Screen
from esframework.cli.chatting.talking import Talking
from esframework.cli.chatting.wishes import To, Who, Wish
from esframework.cli.information import name_of, printable
from esframework.errors import ConnectionInterrupted, EsError, HandlerRaised, NotLoggedOn, RequestError, TargetAbsent
from esframework.wire.types import LogonResult

_NO_ANSWER: Final = (
    "the server has no answer: its application's handler failed, or it has none (esframework serve has none)"
)
_LOST_ON_THE_WAY: Final = "the connection was lost before an answer came; it may have arrived or not"


class ChatRoom:
    """One user's conversation. `failures` counts what was asked for and did not succeed; `folder` is where files go.
    `opens_channels` to whomever is talked to; else only to those of whom that is asked."""

    def __init__(self, client: Any, screen: Screen, folder: Path = Path(), *, opens_channels: bool = False) -> None:
        self._screen = screen
        self._people = People(client, screen)
        self._groups = Groups(client, screen)
        self._paths = Paths(client, screen, opens_channels)
        talking = Talking(client, screen, self._paths.talked_to)
        files = Files(client, screen, folder, self._paths.talked_to)
        parts = (talking, self._people, self._groups, files, self._paths)
        self.recipient: str | None = None
        self.failures = 0
        self._has_left = False
        self._fulfillers: dict[type, Any] = {To: self._address, Who: self._who}
        for part in parts:
            self._fulfillers |= part.wishes
        self._subscriptions = [
            *(subscription for part in parts for subscription in part.subscriptions),
            client.connection_interrupted.subscribe(self._interrupted),
            client.rebuild_started.subscribe(lambda: screen.note("connecting again …", event="rebuild_started")),
            client.relogon_completed.subscribe(self._relogon_completed),
        ]

    def leave(self) -> None:
        """Tell nothing more, not even what becomes of wishes that are under way."""
        self._has_left = True
        self._paths.leave()
        for subscription in self._subscriptions:
            subscription.cancel()

    def way_to_recipient(self) -> str:
        """By which way plain lines go, in words; empty where they go to nobody, or to a group."""
        to = self.recipient
        return "" if to is None or to.startswith(GROUP_SIGN) else self._paths.way_to(to)

    def wish(self, line: str) -> Wish | None:
        """What a line asks for, as `parse_line`; a line that means nothing is complained about, and None."""
        try:
            return parse_line(line, self.recipient)
        except BadLine as error:
            self._fail(str(error), error="BadLine")
            return None

    def begin(self, wish: Wish) -> Deferred[None]:
        """Do what is asked for (leaving is the screen's business); its message is queued before this returns.

        Fires when it is done, and never fails: that is shown and counted.
        """
        return Deferred.fromCoroutine(self._fulfil(wish))

    # --- what is asked for --------------------------------------------------------------------------------------------
    async def _fulfil(self, wish: Wish) -> None:
        try:
            await self._fulfillers[type(wish)](wish)
        except TargetAbsent as error:
            # The server answers about others, too: whom it was to kick out.
            absent = getattr(wish, "target", None) if error.target is None else error.target
            text = printable(error.cause or str(error)) if absent is None else f"{name_of(absent)} is not online"
            self._fail(text, error="TargetAbsent", to=absent)
        except NotLoggedOn as error:
            self._fail("not connected; not sent", error=type(error).__name__, to=getattr(wish, "target", None))
        except ConnectionInterrupted as error:
            self._fail(_LOST_ON_THE_WAY, error=type(error).__name__, to=error.target)
        except HandlerRaised as error:
            text = _NO_ANSWER if error.target is None else printable(str(error))
            self._fail(text, error=type(error).__name__, to=error.target)
        except EsError as error:
            target = getattr(wish, "target", None)
            reason = error.cause if isinstance(error, RequestError) else ""
            self._fail(printable(reason or str(error)), error=type(error).__name__, to=target)

    async def _who(self, wish: Who) -> None:
        if wish.group is None:
            await self._people.online()
        else:
            await self._groups.members(wish.group)

    async def _address(self, wish: To) -> None:
        self.recipient = wish.target
        if wish.target is None:
            self._screen.answer("plain lines go to nobody now", recipient=None)
        else:
            self._screen.answer(f"plain lines go to {name_of(wish.target)} now", recipient=wish.target)

    def _fail(self, text: str, /, **facts: object) -> None:
        self.failures += 1
        if not self._has_left:
            self._screen.complaint(text, **facts)

    # --- what happens -------------------------------------------------------------------------------------------------
    def _interrupted(self) -> None:
        self._screen.note("the connection was lost; it comes back by itself", event="connection_interrupted")

    def _relogon_completed(self, response: Any) -> None:
        if response.result is LogonResult.SUCCEED:
            self._screen.note("logged on again", event="relogon_completed")
