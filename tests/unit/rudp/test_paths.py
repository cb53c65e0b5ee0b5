"""Where the other end is, and how little an address gets that has not answered."""

from __future__ import annotations

from math import inf
from random import Random

from esframework.limits import rudp as limits
from esframework.rudp.paths import Paths

HOME = ("203.0.113.1", 5000)
AWAY = ("198.51.100.7", 6000)
ELSEWHERE = ("198.51.100.8", 6000)


def paths() -> Paths:
    return Paths(HOME, Random(0).randbytes)


def test_a_new_address_is_asked_and_used_when_it_answers() -> None:
    path = paths()
    path.came(AWAY, 100, True, 1.0)
    assert path.deadline == 1.0
    question = path.question(41, 1.0, 0.5)
    assert question is not None
    data, address = question
    assert address == AWAY
    assert path.address == HOME
    assert path.responded(data)
    assert path.address == AWAY
    assert path.deadline == inf


def test_a_wrong_answer_changes_nothing() -> None:
    path = paths()
    assert not path.responded(bytes(8))
    path.came(AWAY, 100, True, 1.0)
    assert not path.responded(bytes(8))
    assert path.address == HOME


def test_an_old_packet_that_comes_late_from_elsewhere_is_no_move() -> None:
    path = paths()
    path.came(AWAY, 100, False, 1.0)
    assert path.question(41, 1.0, 0.5) is None


def test_a_question_is_asked_again_until_it_is_given_up() -> None:
    path = paths()
    path.came(AWAY, 1000, True, 1.0)
    asked = [path.deadline]
    while path.deadline < inf:
        asked.append(path.deadline)
        path.question(41, path.deadline, 1.0)
    assert asked == [1.0, 1.0, 2.0, 3.0, 4.0]
    path.came(ELSEWHERE, 1000, True, 5.0)
    assert path.question(41, 5.0, 1.0) is not None


def test_an_address_gets_no_more_than_three_times_what_came_from_it() -> None:
    path = paths()
    path.came(AWAY, 40, True, 1.0)
    sent = sum(path.question(41, 1.0 + index / 10, 0.1) is not None for index in range(20))
    assert sent * 41 <= limits.AMPLIFICATION * 40
    path.came(AWAY, 40, True, 2.99)
    assert path.question(41, 3.0, 0.1) is not None


def test_one_new_address_at_a_time() -> None:
    path = paths()
    path.came(AWAY, 100, True, 1.0)
    path.came(ELSEWHERE, 100, True, 1.0)
    question = path.question(41, 1.0, 0.5)
    assert question is not None
    assert question[1] == AWAY


def test_questions_are_answered_where_they_came_from_a_few_at_a_time() -> None:
    path = paths()
    for index in range(10):
        path.challenged(bytes([index] * 8), AWAY)
    assert path.responses() == [(bytes([index] * 8), AWAY) for index in range(limits.MAX_PATH_RESPONSES)]
    assert not path.has_responses


def test_an_address_that_was_named_by_signalling_is_asked_in_place_of_another() -> None:
    path = paths()
    path.came(AWAY, 100, True, 1.0)
    path.ask(ELSEWHERE, 1.5)
    question = path.question(41, 1.5, 0.5)
    assert question is not None
    assert question[1] == ELSEWHERE
    path.ask(HOME, 1.6)
    assert path.responded(question[0])
    assert path.address == ELSEWHERE
