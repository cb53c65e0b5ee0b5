"""Where the other end is, and how little an address gets that has not answered."""

from __future__ import annotations

from math import inf
from random import Random

from esframework.limits import rudp as limits
from esframework.rudp.paths import Address, Paths

HOME = ("203.0.113.1", 5000)
AWAY = ("198.51.100.7", 6000)
ELSEWHERE = ("198.51.100.8", 6000)


def paths() -> Paths:
    return Paths(HOME, Random(0).randbytes)


def question(path: Paths, now: float, again_after: float) -> tuple[bytes, Address] | None:
    """The one question that is due, of 41 bytes."""
    asked = path.questions(41, now, again_after)
    assert len(asked) < 2
    return asked[0] if asked else None


def test_a_new_address_is_asked_and_used_when_it_answers() -> None:
    path = paths()
    path.came(AWAY, 100, True, 1.0)
    assert path.deadline == 1.0
    asked = question(path, 1.0, 0.5)
    assert asked is not None
    data, address = asked
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
    assert question(path, 1.0, 0.5) is None


def test_a_question_is_asked_again_until_it_is_given_up() -> None:
    path = paths()
    path.came(AWAY, 1000, True, 1.0)
    asked = [path.deadline]
    while path.deadline < inf:
        asked.append(path.deadline)
        question(path, path.deadline, 1.0)
    assert asked == [1.0, 1.0, 2.0, 3.0, 4.0]
    path.came(ELSEWHERE, 1000, True, 5.0)
    assert question(path, 5.0, 1.0) is not None


def test_an_address_gets_no_more_than_three_times_what_came_from_it() -> None:
    path = paths()
    path.came(AWAY, 40, True, 1.0)
    sent = sum(question(path, 1.0 + index / 10, 0.1) is not None for index in range(20))
    assert sent * 41 <= limits.AMPLIFICATION * 40
    path.came(AWAY, 40, True, 2.99)
    assert question(path, 3.0, 0.1) is not None


def test_what_fits_exactly_goes() -> None:
    path = paths()
    path.came(AWAY, 41, True, 1.0)
    sent = [question(path, 1.0 + index / 8, 0.125) is not None for index in range(5)]
    assert sent == [True] * limits.AMPLIFICATION + [False] * 2


def test_of_the_addresses_that_are_remembered_those_named_last_stay() -> None:
    path = paths()
    others = [("192.0.2.1", port) for port in range(1, limits.EARLIER_ADDRESSES + 1)]
    for address in [AWAY, *others[:-1], AWAY, others[-1]]:
        path.remember(address)
    path.search(1.0)
    assert [address for _, address in path.questions(41, 1.0, 1.0)] == [*others[1:-1], AWAY, others[-1]]


def test_one_new_address_at_a_time() -> None:
    path = paths()
    path.came(AWAY, 100, True, 1.0)
    path.came(ELSEWHERE, 100, True, 1.0)
    asked = question(path, 1.0, 0.5)
    assert asked is not None
    assert asked[1] == AWAY


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
    asked = question(path, 1.5, 0.5)
    assert asked is not None
    assert asked[1] == ELSEWHERE
    path.ask(HOME, 1.6)
    assert path.responded(asked[0])
    assert path.address == ELSEWHERE


def searching() -> Paths:
    """At ELSEWHERE now, and earlier at AWAY and at HOME."""
    path = paths()
    for address in (AWAY, ELSEWHERE):
        path.ask(address, 0.0)
        ((data, _),) = path.questions(41, 0.0, 1.0)
        assert path.responded(data)
    path.search(20.0)
    return path


def test_who_is_lost_is_looked_for_at_earlier_addresses_for_three_seconds() -> None:
    path = searching()
    asked: list[list[Address]] = []
    while path.deadline < inf:
        asked.append([address for _, address in path.questions(41, path.deadline, 1.0)])
    assert asked == [[HOME, AWAY]] * 3 + [[]]
    assert path.address == ELSEWHERE


def test_the_first_that_answers_is_used() -> None:
    path = searching()
    (_, (data, address)) = path.questions(41, 20.0, 1.0)
    assert path.responded(data)
    assert path.address == address == AWAY
    assert path.deadline == inf
    path.search(40.0)
    assert [address for _, address in path.questions(41, 40.0, 1.0)] == [HOME, ELSEWHERE]


def test_who_was_always_at_one_address_is_looked_for_nowhere_else() -> None:
    path = paths()
    path.remember(HOME)
    path.search(20.0)
    assert path.deadline == inf


def test_a_few_addresses_are_remembered() -> None:
    path = paths()
    for port in range(20):
        path.remember((AWAY[0], port))
    path.search(20.0)
    assert [address[1] for _, address in path.questions(41, 20.0, 1.0)] == [16, 17, 18, 19]
