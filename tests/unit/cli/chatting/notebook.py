"""A screen that keeps what it is told, and chats that write there; on real engines, in memory."""

from __future__ import annotations

from typing import Any

from esframework.cli.chatting.room import ChatRoom
from esframework.cli.chatting.visitor import Visitor
from esframework.client.engine import ClientEngine
from esframework.client.options import ClientOptions
from esframework.testing import MemoryNetwork


class Notebook:
    """Entries are (kind, text, facts)."""

    def __init__(self) -> None:
        self.entries: list[tuple[str, str, dict[str, object]]] = []

    def information(self, source: str | None, information_type: int, content: bytes | None, **more: Any) -> None:
        facts = {name: value for name, value in more.items() if value is not None}
        self.entries.append(("information", f"{source} {information_type} {content!r}", facts))

    def answer(self, text: str, /, **facts: object) -> None:
        self.entries.append(("answer", text, facts))

    def note(self, text: str, /, **facts: object) -> None:
        self.entries.append(("note", text, facts))

    def complaint(self, text: str, /, **facts: object) -> None:
        self.entries.append(("complaint", text, facts))

    def texts(self, kind: str) -> list[str]:
        return [text for entry, text, _ in self.entries if entry == kind]

    def take(self) -> list[tuple[str, str]]:
        """(kind, text) of what came since the last call."""
        taken, self.entries = self.entries, []
        return [(kind, text) for kind, text, _ in taken]


async def visitor(network: MemoryNetwork, login_id: str) -> tuple[ClientEngine, Notebook]:
    """A client that is logged on, and its notebook."""
    notebook = Notebook()
    handler = Visitor(login_id, notebook)
    options = ClientOptions(offline_ready=True)
    return await network.client(login_id, handler=handler, options=options), notebook


async def chat(network: MemoryNetwork, login_id: str) -> tuple[ChatRoom, Notebook]:
    """A chat of somebody who is logged on, and its notebook."""
    client, notebook = await visitor(network, login_id)
    return ChatRoom(client, notebook), notebook
