"""Bodies whose fields differ between the generations, re-encoded (protocol, section 1). All others stay opaque."""

from __future__ import annotations

from collections.abc import Callable
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


def _begin_file(begin: BeginFile6 | BeginFile7, client_type: int) -> BeginFile6 | BeginFile7:
    common = (begin.comment, begin.is_folder, begin.last_update_time, begin.origin_path, begin.project_id)
    if isinstance(begin, BeginFile6):
        return BeginFile7(*common, client_type, begin.total_size)
    return BeginFile6(*common, begin.total_size)


def _answer_file(answer: AnswerFile6 | AnswerFile7, client_type: int) -> AnswerFile6 | AnswerFile7:
    common = (
        answer.disrupted_received_count,
        answer.disrupted_relative_path,
        answer.disrupted_size,
        answer.project_id,
        answer.received_count,
        answer.reject_cause,
    )
    if isinstance(answer, AnswerFile6):
        return AnswerFile7(answer.agree, client_type, *common)
    return AnswerFile6(answer.agree, *common)


_TRANSLATORS: dict[int, tuple[dict[int, Any], Callable[[Any, int], Any]]] = {
    MessageType.BEGIN_FILE: (BEGIN_FILE, _begin_file),
    MessageType.ANSWER_FILE: (ANSWER_FILE, _answer_file),
}
