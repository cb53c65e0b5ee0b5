"""Remote paths: how clients make them absolute, what servers take, and what they mean."""

from __future__ import annotations

import pytest

from esframework import limits
from esframework.managers.disk.machine.paths import (
    Area,
    Location,
    folder_name,
    is_within,
    joined,
    locate,
    names_of,
    owner_name,
    owner_of,
    text_of,
)
from esframework.managers.disk.machine.refusals import InvalidPath


@pytest.mark.parametrize(
    ("folder", "path", "absolute"),
    [
        ("/", "", "/"),
        ("/", "a", "/a"),
        ("/a", "b/c", "/a/b/c"),
        ("/a", "/b", "/b"),
        ("/a/b", "..", "/a"),
        ("/a", "../../..", "/"),
        ("/a", "./b//c/", "/a/b/c"),
        ("/a", "...", "/a/..."),
    ],
)
def test_a_path_is_absolute_or_begins_at_the_current_folder(folder: str, path: str, absolute: str) -> None:
    assert joined(folder, path) == absolute


def test_what_is_no_text_is_no_path() -> None:
    with pytest.raises(InvalidPath, match="a text is expected"):
        joined("/", 5)  # type: ignore[arg-type]


def test_the_root_has_no_names() -> None:
    assert names_of("/") == ()
    assert text_of(()) == "/"


def test_names_and_text_are_two_spellings_of_a_path() -> None:
    assert names_of("/a/b c/ü") == ("a", "b c", "ü")
    assert text_of(("a", "b c", "ü")) == "/a/b c/ü"


@pytest.mark.parametrize("path", ["", "a", "a/b", "/a/", "//a", "/a//b", "/..", "/a/../b", "/.", "/a/.", "/a\0b"])
def test_a_server_takes_absolute_paths_of_names_only(path: str) -> None:
    with pytest.raises(InvalidPath):
        names_of(path)


def test_a_path_has_a_longest_and_a_deepest() -> None:
    with pytest.raises(InvalidPath, match="characters"):
        names_of("/" + "a" * limits.MAX_PATH_BYTES)
    assert len(names_of("/a" * limits.MAX_PATH_DEPTH)) == limits.MAX_PATH_DEPTH
    with pytest.raises(InvalidPath, match="within each other"):
        names_of("/a" * (limits.MAX_PATH_DEPTH + 1))


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", Location(Area.OWN)),
        ("/a/b", Location(Area.OWN, rest=("a", "b"))),
        ("/a/shared", Location(Area.OWN, rest=("a", "shared"))),
        ("/shared", Location(Area.SHARED)),
        ("/shared/bob", Location(Area.SHARED, "bob")),
        ("/shared/bob/plans", Location(Area.SHARED, "bob", "plans")),
        ("/shared/bob/plans/a/b", Location(Area.SHARED, "bob", "plans", ("a", "b"))),
        ("/shared/%2E%2E/x", Location(Area.SHARED, "..", "x")),
        ("/public", Location(Area.PUBLIC)),
        ("/public/music/a", Location(Area.PUBLIC, None, "music", ("a",))),
    ],
)
def test_the_first_name_says_which_part_of_the_tree_it_is(path: str, location: Location) -> None:
    assert locate(names_of(path)) == location


@pytest.mark.parametrize("user_id", ["bob", "..", ".", "a/b", "100%", "%2F", "a%2Fb", "%", "ü", "...", "%252E"])
def test_every_users_id_is_one_name_in_a_path(user_id: str) -> None:
    name = owner_name(user_id)
    assert "/" not in name
    assert name not in (".", "..")
    assert owner_of(name) == user_id


@pytest.mark.parametrize(
    ("user_id", "folder"),
    [("alice", "alice"), ("Alice", "%41lice"), ("..", "%2e%2e"), ("a/b", "a%2fb"), ("ü", "%c3%bc"), ("a-1", "a-1")],
)
def test_a_users_folder_has_a_name_that_is_safe_and_nobody_elses(user_id: str, folder: str) -> None:
    assert folder_name(user_id, "digest") == folder


def test_the_longest_id_has_a_name_that_file_systems_take() -> None:
    first, second = folder_name("Ü" * 127 + "a", "1" * 32), folder_name("Ü" * 127 + "b", "2" * 32)
    assert len(first) <= 255
    assert first != second
    assert "%_" in first, "which no shorter name has in it"


def test_a_folder_is_within_itself_and_those_around_it() -> None:
    assert is_within(("a", "b"), ("a",))
    assert is_within(("a",), ("a",))
    assert is_within(("a",), ())
    assert not is_within(("ab",), ("a",))
    assert not is_within(("a",), ("a", "b"))
