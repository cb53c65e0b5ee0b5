"""The stores of every backend, for the tests of what each store promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool

Backend = Callable[[pytest.FixtureRequest, PasswordPool], Any]


def _memory(request: pytest.FixtureRequest, passwords: PasswordPool) -> Any:
    return MemoryStores(passwords)


BACKENDS: dict[str, Backend] = {"memory": _memory}


def cheap_passwords() -> PasswordPool:
    """Hashes of the real kind at a thousandth of the cost."""
    return PasswordPool(PasswordHashing(memory=8, rounds=1))


@pytest.fixture(params=BACKENDS.values(), ids=BACKENDS.keys())
def closed_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """An `IStores`, empty and not yet open."""
    made = request.param(request, cheap_passwords())
    yield made
    pytest_twisted.blockon(made.close())


@pytest.fixture
def stores(closed_stores: Any) -> Any:
    """An `IStores`, empty and open."""
    pytest_twisted.blockon(closed_stores.open())
    return closed_stores
