"""Requests that wait: ids, who may answer, deadlines."""

from __future__ import annotations

import pytest

from esframework.errors import TooManyRequests
from esframework.machines.requests import Requests

QUERY, ANSWER, ACK = 203, 204, 206


def opened(requests: Requests[str], target: str | None = "bob", timeout: float = 30.0, now: float = 0.0) -> int:
    return requests.open(target, QUERY, ANSWER, timeout, now, f"waiter of {target}")


def test_an_answer_closes_its_request_once() -> None:
    requests: Requests[str] = Requests()
    message_id = opened(requests)
    request = requests.answered(message_id, "bob", ANSWER)
    assert request is not None
    assert request.waiter == "waiter of bob"
    assert requests.answered(message_id, "bob", ANSWER) is None
    assert len(requests) == 0


@pytest.mark.parametrize(("source", "answer_type"), [("mallory", ANSWER), (None, ANSWER), ("bob", ACK)])
def test_only_who_was_asked_may_answer_and_only_with_what_was_asked_for(source: str | None, answer_type: int) -> None:
    requests: Requests[str] = Requests()
    message_id = opened(requests)
    assert requests.answered(message_id, source, answer_type) is None
    assert len(requests) == 1


def test_an_unknown_id_is_nobodys_answer() -> None:
    assert Requests[str]().answered(1, None, ANSWER) is None


def test_requests_expire_in_their_order_and_not_before_their_time() -> None:
    requests: Requests[str] = Requests()
    opened(requests, "late", 10.0, 0.0)
    opened(requests, "soon", 3.0, 0.0)
    opened(requests, "later", 10.0, 5.0)
    opened(requests, "never", 0.0, 0.0)
    assert requests.next_deadline() == 3.0
    assert requests.expired(2.9) == []
    assert [request.target for request in requests.expired(3.0)] == ["soon"]
    assert requests.next_deadline() == 10.0
    assert [request.target for request in requests.expired(99.0)] == ["late", "later"]
    assert requests.next_deadline() is None
    assert len(requests) == 1


def test_an_answered_request_does_not_expire() -> None:
    requests: Requests[str] = Requests()
    requests.answered(opened(requests), "bob", ANSWER)
    assert requests.next_deadline() is None
    assert requests.expired(99.0) == []


def test_all_requests_to_one_target_can_be_closed() -> None:
    requests: Requests[str] = Requests()
    for target in ("bob", "carol", "bob", None):
        opened(requests, target)
    closed = requests.close_target("bob")
    assert [request.target for request in closed] == ["bob", "bob"]
    assert len(requests) == 2


def test_there_is_a_limit_and_a_closed_request_makes_room() -> None:
    requests: Requests[str] = Requests(limit=2)
    first = opened(requests)
    opened(requests)
    with pytest.raises(TooManyRequests, match="2 requests"):
        opened(requests)
    requests.close(first)
    opened(requests)


def test_ids_are_positive_wrap_around_and_skip_those_in_use() -> None:
    requests: Requests[str] = Requests()
    first = opened(requests)
    assert first == 1
    requests._last_id = 2**31 - 2
    assert [opened(requests), opened(requests)] == [2**31 - 1, 2]


def test_many_different_timeouts_leave_nothing_behind() -> None:
    requests: Requests[str] = Requests()
    for number in range(1, 1000):
        requests.close(opened(requests, timeout=float(number)))
    assert len(requests._by_timeout) <= 1


def test_ids_go_on_behind_the_one_they_are_told_and_begin_again_at_one() -> None:
    requests: Requests[str] = Requests(last_id=2**31 - 3)
    assert [opened(requests) for _ in range(3)] == [2**31 - 2, 2**31 - 1, 1]
