"""The chat on a terminal: a line to edit at the bottom, everything else above it. Needs prompt_toolkit and asyncio.

Knows the chat room; decides nothing of what lines mean.
"""

from __future__ import annotations

import asyncio
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.patch_stdout import patch_stdout
from twisted.internet.defer import CancelledError, Deferred

from esframework.cli.chatting.lines import COMMANDS
from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.wishes import Quit, Who
from esframework.cli.information import line_of, printable


class TerminalScreen:
    """A `Screen` above the line that is edited."""

    def information(
        self,
        source: str | None,
        information_type: int,
        content: bytes | None,
        *,
        group: str | None = None,
        sent_at: float | None = None,
    ) -> None:
        """Somebody sent something."""
        print(line_of(source, information_type, content, group, sent_at), flush=True)

    def answer(self, text: str, /, **facts: object) -> None:
        """What the user asked for."""
        print(f"  {text}", flush=True)

    def note(self, text: str, /, **facts: object) -> None:
        """Something happened."""
        print(f"* {text}", flush=True)

    def complaint(self, text: str, /, **facts: object) -> None:
        """Something failed."""
        print(f"! {text}", flush=True)


async def talk_on_terminal(user_id: str, room: ChatRoom) -> None:
    """Talk until the user leaves by /quit, Ctrl-D or Ctrl-C. Runs in an asyncio reactor only."""
    commands = [command.usage.split()[0] for command in COMMANDS]
    # Ctrl-C as an exception of its own kind would end the event loop.
    session: PromptSession[str] = PromptSession(
        completer=WordCompleter(commands, sentence=True), complete_while_typing=False, interrupt_exception=EOFError
    )
    with patch_stdout():
        print("/help tells what may be written", flush=True)
        await room.begin(Who())
        while True:
            try:
                # Asked for each time that the line is drawn: by which way it goes may have changed.
                line = await _in_asyncio(session.prompt_async(lambda: prompt_of(user_id, room), handle_sigint=False))
            except EOFError:
                return
            wish = room.wish(line)
            if isinstance(wish, Quit):
                return
            if wish is not None:
                room.begin(wish)


def prompt_of(user_id: str, room: ChatRoom) -> str:
    """Who talks to whom, and by which way: `alice to bob, direct (udp, 12 ms)> `."""
    to = f" to {printable(room.recipient)}" if room.recipient is not None else ""
    way = room.way_to_recipient()
    return f"{printable(user_id)}{to}{', ' if way else ''}{way}> "


async def _in_asyncio(coroutine: Any) -> Any:
    """Await a coroutine of asyncio's; when cancelled, wait until it has cleaned up: else the terminal stays raw."""
    task = asyncio.ensure_future(coroutine)
    over: Deferred[None] = Deferred()
    task.add_done_callback(lambda _: over.callback(None))
    try:
        return await Deferred.fromFuture(task)
    except asyncio.CancelledError:
        raise CancelledError from None
    finally:
        task.cancel()
        await over
