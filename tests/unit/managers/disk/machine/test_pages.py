"""Long lists in pages."""

from __future__ import annotations

from esframework.managers.disk.machine.pages import fitting, page_of


def test_a_page_is_the_first_names_behind_another() -> None:
    names = ["b", "a", "d", "c"]
    assert page_of(names, str, None, 2) == (["a", "b"], True)
    assert page_of(names, str, "b", 2) == (["c", "d"], False)
    assert page_of(names, str, "aa", 1) == (["b"], True)
    assert page_of(names, str, "d", 2) == ([], False)


def test_all_pages_together_are_the_list() -> None:
    names = [f"{number:03}" for number in range(100)]
    seen: list[str] = []
    has_more = True
    while has_more:
        page, has_more = page_of(reversed(names), str, seen[-1] if seen else None, 7)
        seen += page
    assert seen == names


def test_as_many_items_fit_as_there_is_room_for() -> None:
    assert fitting(["aa", "bb", "cc"], len, 6) == 3
    assert fitting(["aa", "bb", "cc"], len, 5) == 2
    assert fitting([], len, 5) == 0


def test_one_item_always_fits() -> None:
    assert fitting(["a" * 100, "b"], len, 5) == 1
