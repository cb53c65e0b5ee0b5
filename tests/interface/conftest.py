"""The stores of every backend, for the tests of what each store promises."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import pytest_twisted
from sqlalchemy import make_url

from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.stores.sql import SqlStores
from tests.postgresql import PostgreSQL
from tests.store_files import store_at

Backend = Callable[[pytest.FixtureRequest, PasswordPool], Any]


def _memory(request: pytest.FixtureRequest, passwords: PasswordPool) -> Any:
    return MemoryStores(passwords)


def _sqlite(request: pytest.FixtureRequest, passwords: PasswordPool) -> Any:
    return SqlStores(store_at(request.getfixturevalue("tmp_path") / "data" / "stores.sqlite"), passwords)


def _postgresql(request: pytest.FixtureRequest, passwords: PasswordPool) -> Any:
    server, url = request.getfixturevalue("postgresql"), request.getfixturevalue("shared_database")
    request.addfinalizer(lambda: server.empty(make_url(url).database))
    return SqlStores(url, passwords)


BACKENDS: dict[str, Backend] = {"memory": _memory, "sqlite": _sqlite, "postgresql": _postgresql}
PARAMETERS = [
    pytest.param(backend, id=name, marks=[pytest.mark.integration] if name == "postgresql" else [])
    for name, backend in BACKENDS.items()
]


def cheap_passwords() -> PasswordPool:
    """Hashes of the real kind at a thousandth of the cost."""
    return PasswordPool(PasswordHashing(memory=8, rounds=1))


@pytest.fixture(scope="session")
def shared_database(postgresql: PostgreSQL) -> str:
    """One database for all tests, each of which empties it: a new one for each would take ten times as long."""
    url = postgresql.new_database()
    stores = SqlStores(url)
    pytest_twisted.blockon(stores.open())
    pytest_twisted.blockon(stores.close())
    return url


@pytest.fixture(params=PARAMETERS)
def closed_stores(request: pytest.FixtureRequest) -> Iterator[Any]:
    """An `IStores`, empty and not yet open."""
    made = request.param(request, cheap_passwords())
    yield made
    pytest_twisted.blockon(made.close())


@pytest.fixture
def stores(closed_stores: Any) -> Any:
    """An `IStores`, empty and open."""
    pytest_twisted.blockon(closed_stores.open())
    return closed_stores
