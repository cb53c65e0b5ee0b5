"""A chain of filters."""

from __future__ import annotations

from dataclasses import replace

import pytest

from esframework import Information
from esframework.managers.custom.filters import Filters

ITEM = Information("a", "b", 1, b"x", "send")


def test_each_filter_gets_what_the_one_before_let_through() -> None:
    filters = Filters(lambda: None)
    filters.add(lambda item: replace(item, content=(item.content or b"") + b"1"))
    filters.add(lambda item: replace(item, content=(item.content or b"") + b"2"))
    assert filters.apply(ITEM) == replace(ITEM, content=b"x12")


def test_after_one_has_dropped_the_others_are_not_asked() -> None:
    filters = Filters(lambda: None)
    filters.add(lambda item: None)
    filters.add(lambda item: pytest.fail("asked about nothing"))
    assert filters.apply(ITEM) is None


def test_comings_and_goings_are_told_so_that_nobody_reads_in_vain() -> None:
    told: list[bool] = []
    filters = Filters(lambda: told.append(bool(filters)))
    handle = filters.add(lambda item: item)
    handle.cancel()
    handle.cancel()
    assert told == [True, False]
    assert filters.apply(ITEM) is ITEM
