"""What is said besides an offer and its answer is bounded before it is held."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.errors import MalformedBody
from esframework.filesystem.digests import BLAKE2B, DIGEST_SIZE
from esframework.managers.files.contracts import ANSWER_DETAILS, DETAILS, AnswerDetailsBody, DetailsBody
from esframework.managers.files.facts import decode_answer_details, decode_details


def _details(subject: str, digests: list[str]) -> bytes:
    return DETAILS.encode(
        DetailsBody(
            digests=digests,
            files=1,
            is_executable=False,
            modified_at=0,
            name="name",
            project_id="id",
            subject=subject,
        )
    )


def test_details_longer_than_anybody_needs_are_refused() -> None:
    assert decode_details(_details("s" * limits.MAX_FILE_TEXT, [BLAKE2B])).name == "name"
    for body in (_details("s" * limits.MAX_FILE_DETAILS, []), _details("", [BLAKE2B] * limits.MAX_FILE_DETAILS)):
        with pytest.raises(MalformedBody):
            decode_details(body)


def test_an_answer_names_a_digest_that_was_offered_and_is_as_long_as_one() -> None:
    for prefix in (b"", bytes(DIGEST_SIZE)):
        body = ANSWER_DETAILS.encode(AnswerDetailsBody(BLAKE2B, 10, prefix, "id"))
        assert decode_answer_details(body).prefix == prefix
    for digest, prefix in (("md5", b""), ("", b""), (BLAKE2B, bytes(DIGEST_SIZE + 1))):
        with pytest.raises(MalformedBody):
            decode_answer_details(ANSWER_DETAILS.encode(AnswerDetailsBody(digest, 10, prefix, "id")))
