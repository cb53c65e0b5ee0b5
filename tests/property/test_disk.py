"""The disk's names and pages, whatever users are called and whatever they write."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from esframework.managers.disk.machine.paths import (
    folder_name,
    joined,
    names_of,
    owner_name,
    owner_of,
    text_of,
)
from esframework.managers.disk.machine.quota import Amount, TreeAccount
from esframework.managers.disk.machine.refusals import DiskRefusal, QuotaExceeded
from esframework.managers.disk.machine.shares import Right, ShareBook
from esframework.wire.identity import is_possible

USER_IDS = st.text(min_size=1, max_size=40).filter(is_possible)
NAMES = st.sampled_from(["a", "b", "c"])
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(tuple)


@given(USER_IDS, USER_IDS)
def test_two_users_have_two_folders_on_any_file_system(first: str, second: str) -> None:
    names = folder_name(first, "1"), folder_name(second, "2")
    assert (names[0].lower() == names[1].lower()) == (first == second) or first == second
    for name in names:
        assert name.isascii()
        assert "/" not in name
        assert not name.startswith(".")


@given(USER_IDS)
def test_a_users_id_comes_back_from_a_path(user_id: str) -> None:
    name = owner_name(user_id)
    assert owner_of(name) == user_id
    assert names_of(f"/shared/{name}") == ("shared", name)


@given(st.text(max_size=30), st.text(max_size=30))
def test_whatever_a_user_writes_is_a_path_or_refused(folder: str, path: str) -> None:
    absolute = joined(text_of(tuple(part for part in folder.split("/") if part not in ("", ".", ".."))), path)
    try:
        names = names_of(absolute)
    except DiskRefusal:
        assert "\0" in absolute
    else:
        assert text_of(names) == absolute
        assert not {"", ".", ".."}.intersection(names)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 60), st.booleans())))
def test_reserved_room_never_exceeds_the_quota(steps: list[tuple[str, int, bool]]) -> None:
    account, quota = TreeAccount(), Amount(100, 5)
    for ticket, size, comes in steps:
        try:
            account.reserve(ticket, Amount(size, 1), quota)
        except QuotaExceeded:
            account.release(ticket)
        else:
            if comes:
                account.changed(Amount(size, 1))
                account.release(ticket)
        assert account.used.bytes <= 100
        assert account.used.entries <= 5


CHANGES = st.one_of(
    st.tuples(st.just("share"), PATHS, st.sampled_from(["bob", "carol"])),
    st.tuples(st.just("unshare"), PATHS, st.sampled_from(["bob", "carol"])),
    st.tuples(st.just("move"), PATHS, PATHS),
    st.tuples(st.just("remove"), PATHS, st.none()),
    st.tuples(st.just("forget"), st.none(), st.sampled_from(["bob", "carol"])),
)


@given(st.lists(CHANGES, max_size=30))
def test_both_sides_of_the_book_say_the_same(changes: list[tuple[str, object, object]]) -> None:
    book = ShareBook()
    for kind, first, second in changes:
        _change(book, kind, first, second)
        shares = book.of("alice")
        assert len({share.name for share in shares}) == len(shares)
        for user in ("bob", "carol"):
            assert book.given_to(user, []) == [share for share in shares if user in share.users]


def _change(book: ShareBook, kind: str, first: object, second: object) -> None:
    try:
        if kind == "share":
            book.share("alice", first, [str(second)], [], Right.READ)  # type: ignore[arg-type]
        elif kind == "unshare":
            book.unshare("alice", first, [str(second)], [])  # type: ignore[arg-type]
        elif kind == "move":
            book.moved("alice", first, second)  # type: ignore[arg-type]
        elif kind == "remove":
            book.removed("alice", first)  # type: ignore[arg-type]
        else:
            book.forget_user(str(second))
    except DiskRefusal:
        assert kind == "unshare"
