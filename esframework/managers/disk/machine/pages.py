"""Long lists in pages: the names behind the last one seen, no more of them than fit one message. Knows no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from heapq import nsmallest
from typing import TypeVar

T = TypeVar("T")


def page_of(items: Iterable[T], name: Callable[[T], str], after: str | None, limit: int) -> tuple[list[T], bool]:
    """The first `limit` items behind the name `after` in the order of code points, and whether there are more.

    Takes no more memory than a page, however many items there are.
    """
    behind = (item for item in items if after is None or name(item) > after)
    page = nsmallest(limit + 1, behind, key=name)
    return page[:limit], len(page) > limit


def fitting(items: list[T], size: Callable[[T], int], budget: int) -> int:
    """How many of the first items take no more than `budget` bytes together; at least one, if there is one."""
    for number, item in enumerate(items):
        budget -= size(item)
        if budget < 0:
            return max(number, 1)
    return len(items)
