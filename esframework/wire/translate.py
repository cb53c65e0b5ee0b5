"""Bodies whose fields differ between the generations, re-encoded (protocol, section 1). All others stay opaque."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

from esframework.wire.contracts import ANSWER_FILE, BEGIN_FILE, AnswerFile6, AnswerFile7, BeginFile6, BeginFile7
from esframework.wire.profile import Profile
from esframework.wire.types import MessageType


def translate_body(message_type: int, body: bytes, client_type: int, source: Profile, target: Profile) -> bytes:
    """The body as the target's generation writes it; `client_type` is the sender's, in the target's numbers.

    Raises MalformedBody when the body has to be read and cannot be.
    """
    translator = _TRANSLATORS.get(message_type)
    if translator is None:
        return body
    codecs, convert = translator
    value = codecs[source.generation].decode(body)
    encoded: bytes = codecs[target.generation].encode(convert(value, client_type))
    return encoded


def _common(value: Any, kind: type[Any]) -> dict[str, Any]:
    return {field.name: getattr(value, field.name) for field in fields(kind)}


def _begin_file(begin: BeginFile6, client_type: int) -> BeginFile6:
    common = _common(begin, BeginFile6)
    if isinstance(begin, BeginFile7):
        return BeginFile6(**common)
    return BeginFile7(**common, sender_client_type=client_type)


def _answer_file(answer: AnswerFile6, client_type: int) -> AnswerFile6:
    common = _common(answer, AnswerFile6)
    if isinstance(answer, AnswerFile7):
        return AnswerFile6(**common)
    return AnswerFile7(**common, answer_client_type=client_type)


_TRANSLATORS: dict[int, tuple[dict[int, Any], Callable[[Any, int], Any]]] = {
    MessageType.BEGIN_FILE: (BEGIN_FILE, _begin_file),
    MessageType.ANSWER_FILE: (ANSWER_FILE, _answer_file),
}
