"""Subjects say what a transfer is for, and nothing else passes for one."""

from __future__ import annotations

import pytest

from esframework.managers.offline_files.contracts import (
    HandedOver,
    Left,
    handed_over_of,
    is_id,
    left_of,
    subject_of,
)


@pytest.mark.parametrize("left", [Left("a-1", "bob"), Left("x" * 128, "李雷"), Left("a", "with:colons:")])
def test_what_is_left_is_said_in_the_subject(left: Left) -> None:
    assert left_of(subject_of(left)) == left


@pytest.mark.parametrize(
    "handed",
    [
        HandedOver("a-1", 0, 8, "alice"),
        HandedOver("a", 1_800_000_000_123, -1, "with:colons:"),
        HandedOver("a", 1, 0, ""),
    ],
)
def test_what_is_handed_over_is_said_in_the_subject(handed: HandedOver) -> None:
    assert handed_over_of(subject_of(handed)) == handed


@pytest.mark.parametrize(
    "subject", ["", "offline", "offline:", "offline:a", "offline:a:", "other:a:bob", "offline:a/b:bob", "offline::bob"]
)
def test_other_subjects_leave_nothing(subject: str) -> None:
    assert left_of(subject) is None


@pytest.mark.parametrize(
    "subject",
    [
        "",
        "offline:a:1:8",
        "disk:a:1:8:bob",
        "offline:a:x:8:bob",
        "offline:a:-1:8:bob",
        "offline:../a:1:8:bob",
        "offline:a:1:x:bob",
        "offline:a:1:1000:bob",
    ],
)
def test_other_subjects_hand_nothing_over(subject: str) -> None:
    assert handed_over_of(subject) is None


@pytest.mark.parametrize("text", ["", "x" * 129, "a/b", "a:b", "a b", "ä", "a\n", "a\0"])
def test_what_means_something_somewhere_is_no_id(text: str) -> None:
    assert not is_id(text)
