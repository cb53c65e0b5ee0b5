"""How the programs read and show custom information: which type is text, and what a terminal or a script gets.

Pure; knows no engine and prints nothing. Information type 0 is chat, as UTF-8 text; type 100 as a query asks in
text and is answered in text. The examples in `examples/im` use the same numbers.
"""

from __future__ import annotations

import unicodedata
from base64 import b64encode
from datetime import datetime
from typing import Final

TEXT: Final = 0
QUESTION: Final = 100


def text_of(content: bytes | None) -> str | None:
    """The content as text, None when it is no UTF-8. No content is no text."""
    try:
        return (content or b"").decode()
    except UnicodeDecodeError:
        return None


def printable(text: str) -> str:
    """Text on one line that steers no terminal: what is sent by others may neither begin a line nor move a cursor."""
    return "".join(_shown(character) for character in text)


def line_of(
    source: str | None,
    information_type: int,
    content: bytes | None,
    group: str | None = None,
    sent_at: float | None = None,
) -> str:
    """Information for people: `alice: hello`, `alice [7]: hello` for a type other than text.

    In a group it is `#chess alice: hello`; what waited says when it was sent (seconds UTC; the local time is shown):
    `alice (2026-05-02 14:05): hello`.
    """
    who = name_of(source) if information_type == TEXT else f"{name_of(source)} [{information_type}]"
    where = "" if group is None else f"#{printable(group)} "
    when = "" if sent_at is None else f" ({datetime.fromtimestamp(sent_at):%Y-%m-%d %H:%M})"
    return f"{where}{who}{when}: {content_of(content)}"


def content_of(content: bytes | None) -> str:
    """Content for people: its text, or its size when it is no text."""
    text = text_of(content)
    return f"({len(content or b'')} bytes)" if text is None else printable(text)


def facts_of(
    source: str | None,
    information_type: int,
    content: bytes | None,
    group: str | None = None,
    sent_at: float | None = None,
) -> dict[str, object]:
    """Information for scripts: `from` (null is the server), `type`, and `text`, or `content_base64` for what is no
    UTF-8. Without content `text` is null. In a group `group`; of what waited `sent_at`, in seconds UTC."""
    text = None if content is None else text_of(content)
    facts: dict[str, object] = {"from": source, "type": information_type}
    if group is not None:
        facts["group"] = group
    if sent_at is not None:
        facts["sent_at"] = sent_at
    if content is not None and text is None:
        return {**facts, "content_base64": b64encode(content).decode()}
    return {**facts, "text": text}


def name_of(user_id: str | None) -> str:
    """A user for people; the server is called so."""
    return "server" if user_id is None else printable(user_id)


def _shown(character: str) -> str:
    # Cc steers terminals, Cf turns the direction of writing, Zl and Zp end lines, and Cs no UTF-8 can carry.
    if unicodedata.category(character) not in ("Cc", "Cf", "Zl", "Zp", "Cs") or character in "\u200c\u200d":
        return character
    return {"\n": "\\n", "\t": "    ", "\r": "\\r"}.get(character) or f"\\u{ord(character):04x}"
