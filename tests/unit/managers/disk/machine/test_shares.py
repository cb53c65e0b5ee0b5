"""Shares: who may what, what they follow, when they end."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.managers.disk.machine.refusals import InvalidPath, NoSuchPath, QuotaExceeded
from esframework.managers.disk.machine.shares import Right, Share, ShareBook


def book() -> ShareBook:
    """alice shares /plans with bob to read, and with the group `team` to write."""
    shares = ShareBook()
    shares.share("alice", ("plans",), ["bob"], [], Right.READ)
    shares.share("alice", ("plans",), [], ["team"], Right.WRITE)
    return shares


def plans(shares: ShareBook) -> Share:
    share = shares.find("alice", "plans")
    assert share is not None
    return share


@pytest.mark.parametrize(
    ("user", "groups", "right"),
    [
        ("alice", set(), Right.WRITE),
        ("bob", set(), Right.READ),
        ("bob", {"team"}, Right.WRITE),
        ("carol", {"team"}, Right.WRITE),
        ("carol", {"others"}, Right.NONE),
        ("carol", set(), Right.NONE),
    ],
)
def test_the_best_right_counts(user: str, groups: set[str], right: Right) -> None:
    assert plans(book()).right_of(user, groups) is right


def test_sharing_again_adds_others_and_changes_rights() -> None:
    shares = book()
    share = shares.share("alice", ("plans",), ["bob", "carol"], [], Right.WRITE)
    assert share.users == {"bob": Right.WRITE, "carol": Right.WRITE}
    assert share.groups == {"team": Right.WRITE}


def test_others_see_what_is_given_to_them_or_their_groups() -> None:
    shares = book()
    assert [share.name for share in shares.given_to("bob", [])] == ["plans"]
    assert [share.name for share in shares.given_to("carol", ["team"])] == ["plans"]
    assert shares.given_to("carol", []) == []
    assert shares.given_to("alice", ["team"]) == [], "one's own is not shared with one"
    assert shares.groups() == ["team"]


def test_two_things_of_one_name_are_shared_under_two() -> None:
    shares = book()
    assert shares.share("alice", ("old", "plans"), ["bob"], [], Right.READ).name == "plans (2)"
    assert shares.share("bob", ("plans",), ["alice"], [], Right.READ).name == "plans"


def test_nobody_shares_everything_or_with_nobody() -> None:
    shares = ShareBook()
    with pytest.raises(InvalidPath, match="whole disk"):
        shares.share("alice", (), ["bob"], [], Right.READ)
    with pytest.raises(InvalidPath, match="nobody"):
        shares.share("alice", ("a",), ["alice"], [], Right.READ)
    assert shares.of("alice") == []


def test_a_right_is_taken_away_and_the_last_one_ends_the_share() -> None:
    shares = book()
    left = shares.unshare("alice", ("plans",), ["bob"], [])
    assert left is not None
    assert (left.users, left.groups) == ({}, {"team": Right.WRITE})
    assert shares.given_to("bob", []) == []
    assert shares.unshare("alice", ("plans",), [], ["team"]) is None
    assert shares.of("alice") == []
    with pytest.raises(NoSuchPath):
        shares.unshare("alice", ("plans",), [], [])


def test_to_name_nobody_ends_the_share() -> None:
    shares = book()
    assert shares.unshare("alice", ("plans",), [], []) is None
    assert shares.given_to("bob", ["team"]) == []


def test_a_share_follows_what_is_moved() -> None:
    shares = book()
    shares.share("alice", ("plans", "a"), ["carol"], [], Right.READ)
    assert shares.moved("alice", ("plans",), ("work", "ideas"))
    assert [(share.name, share.path) for share in shares.of("alice")] == [
        ("a", ("work", "ideas", "a")),
        ("ideas", ("work", "ideas")),
    ]
    assert [share.name for share in shares.given_to("bob", [])] == ["ideas"]
    assert not shares.moved("alice", ("plans",), ("elsewhere",))


def test_a_share_keeps_its_name_when_only_its_folder_is_another() -> None:
    shares = book()
    shares.moved("alice", ("plans",), ("work", "plans"))
    assert plans(shares).path == ("work", "plans")


def test_a_share_ends_with_what_is_removed() -> None:
    shares = book()
    shares.share("alice", ("plans", "a"), ["carol"], [], Right.READ)
    shares.share("alice", ("plans2",), ["carol"], [], Right.READ)
    assert shares.removed("alice", ("plans",))
    assert [share.name for share in shares.of("alice")] == ["plans2"]
    assert not shares.removed("alice", ("plans",))


def test_a_user_who_is_no_more_shares_nothing_and_is_given_nothing() -> None:
    shares = book()
    shares.share("bob", ("pictures",), ["carol"], [], Right.READ)
    assert shares.forget_user("bob") == ["alice"]
    assert shares.of("bob") == []
    assert plans(shares).users == {}
    assert shares.given_to("carol", []) == []


def test_a_group_that_has_ended_is_given_nothing() -> None:
    shares = book()
    shares.share("alice", ("only",), [], ["team"], Right.READ)
    assert shares.forget_group("team") == ["alice"]
    assert shares.groups() == []
    assert shares.find("alice", "only") is None
    assert plans(shares).users == {"bob": Right.READ}


def test_a_user_shares_so_many_things_with_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_SHARES", 1)
    monkeypatch.setattr(limits, "MAX_SHARED_WITH", 3)
    shares = book()
    with pytest.raises(QuotaExceeded):
        shares.share("alice", ("more",), ["bob"], [], Right.READ)
    with pytest.raises(QuotaExceeded, match="use a group"):
        shares.share("alice", ("plans",), ["carol", "dave"], [], Right.READ)
    assert set(plans(shares).users) == {"bob"}


def test_a_change_that_could_not_be_kept_is_undone() -> None:
    shares = book()
    before = plans(shares)
    now = shares.share("alice", ("plans",), ["carol"], [], Right.WRITE)
    shares.restore(now, before)
    assert plans(shares) == before
    assert shares.given_to("carol", []) == []
    first = shares.share("alice", ("new",), ["carol"], [], Right.READ)
    shares.restore(first, None)
    assert shares.find("alice", "new") is None


def test_what_was_written_down_is_there_again() -> None:
    shares = ShareBook()
    shares.load(book().of("alice"))
    assert [share.name for share in shares.given_to("carol", ["team"])] == ["plans"]
