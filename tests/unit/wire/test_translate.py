"""Bodies whose fields differ between the generations."""

from __future__ import annotations

from datetime import datetime

import pytest

from esframework.errors import MalformedBody
from esframework.wire.contracts import ANSWER_FILE, BEGIN_FILE, AnswerFile6, AnswerFile7, BeginFile6, BeginFile7
from esframework.wire.profile import GENERATION_6, GENERATION_7
from esframework.wire.translate import translate_body
from esframework.wire.types import RELAYABLE_TYPES, MessageType

BEGIN = {
    "comment": "a comment",
    "is_folder": True,
    "last_update_time": datetime(2026, 11, 20, 1, 2, 3, 4000),
    "origin_path": None,
    "project_id": "project",
    "total_size": 2**63,
}
ANSWER = {
    "agree": True,
    "disrupted_received_count": 1,
    "disrupted_relative_path": "a/b",
    "disrupted_size": 2,
    "project_id": "project",
    "received_count": 3,
    "reject_cause": None,
}


def test_a_file_offer_gets_and_loses_its_senders_client_type() -> None:
    six = BEGIN_FILE[6].encode(BeginFile6(**BEGIN))
    seven = translate_body(MessageType.BEGIN_FILE, six, 4, GENERATION_6, GENERATION_7)
    assert BEGIN_FILE[7].decode(seven) == BeginFile7(**BEGIN, sender_client_type=4)
    assert translate_body(MessageType.BEGIN_FILE, seven, 0, GENERATION_7, GENERATION_6) == six


def test_an_answer_to_one_as_well() -> None:
    six = ANSWER_FILE[6].encode(AnswerFile6(**ANSWER))
    seven = translate_body(MessageType.ANSWER_FILE, six, 5, GENERATION_6, GENERATION_7)
    assert ANSWER_FILE[7].decode(seven) == AnswerFile7(**ANSWER, answer_client_type=5)
    assert translate_body(MessageType.ANSWER_FILE, seven, 0, GENERATION_7, GENERATION_6) == six


def test_all_other_relayed_bodies_stay_as_they_are() -> None:
    for message_type in RELAYABLE_TYPES - {MessageType.BEGIN_FILE, MessageType.ANSWER_FILE}:
        body = b"opaque"
        assert translate_body(message_type, body, 4, GENERATION_6, GENERATION_7) is body


def test_a_body_that_must_be_read_and_cannot_be_is_malformed() -> None:
    with pytest.raises(MalformedBody):
        translate_body(MessageType.BEGIN_FILE, b"opaque", 4, GENERATION_6, GENERATION_7)
