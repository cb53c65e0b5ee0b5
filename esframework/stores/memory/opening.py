"""Whether the stores in memory are open; they refuse everything while they are not, as those in a database do."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, execute

from esframework.errors import StoreClosed

P = ParamSpec("P")
T = TypeVar("T")


class Opening:
    """Shared by all stores of one `MemoryStores`."""

    def __init__(self) -> None:
        self.is_open = False

    def check(self) -> None:
        """Raises `StoreClosed`."""
        if not self.is_open:
            raise StoreClosed("the stores in memory are not open")

    def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """A Deferred that has fired with what `work` returns or raises, or with `StoreClosed`."""

        def checked() -> T:
            self.check()
            return work(*args, **kwargs)

        return execute(checked)
