"""What a chat does with what others send. Knows the screen, and no engine."""

from __future__ import annotations

from typing import Any

from esframework.cli.chatting.screen import Screen
from esframework.cli.information import content_of, facts_of, name_of


class Visitor:
    """An `ICustomHandler`. Every question is answered, by a receipt."""

    def __init__(self, user_id: str, screen: Screen) -> None:
        self._user_id = user_id
        self._screen = screen

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Show it."""
        self._screen.information(source, information_type, content)

    def handle_offline(self, message: Any) -> None:
        """Show what waited, with the time at which it came."""
        self._screen.information(
            message.source, message.information_type, message.content, sent_at=message.received_at
        )

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes:
        """Show it, and say that it came."""
        shown = content_of(content)
        self._screen.note(f"{name_of(source)} asks: {shown}", **facts_of(source, information_type, content), asked=True)
        return f"the chat of {self._user_id} received: {shown}".encode()
