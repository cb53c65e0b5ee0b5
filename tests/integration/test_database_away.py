"""A database that goes away in the middle and comes back: clear errors meanwhile, and nothing acknowledged is lost."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
import pytest_twisted
from twisted.internet.defer import DeferredList, gatherResults

from esframework.errors import SchemaTooNew, SchemaTooOld, StoreAway, StoreBusy, StoreError
from esframework.interfaces import Quota, StoredMessage
from esframework.stores.sql import SqlStores
from esframework.stores.sql.database import open_database
from esframework.stores.sql.schema import SCHEMA_VERSION
from esframework.stores.sql.versions import upgrade
from tests.postgresql import PostgreSQL

pytestmark = pytest.mark.integration
NO_LIMIT = Quota(0, 0)


def message(number: int) -> StoredMessage:
    return StoredMessage(f"m{number}", "bob", "alice", None, 0, b"hello", 1.0, 2.0)


@pytest_twisted.ensureDeferred
async def test_postgresql_goes_away_and_comes_back(postgresql: PostgreSQL) -> None:
    stores = SqlStores(postgresql.new_database())
    await stores.open()
    first = await gatherResults([stores.offline.keep(message(number), NO_LIMIT) for number in range(100)])
    await stores.accounts.add("alice", "secret")
    postgresql.stop()
    for call in (
        lambda: stores.accounts.exists("alice"),
        lambda: stores.contacts.ask("alice", "bob"),
        lambda: stores.offline.keep(message(100), NO_LIMIT),
        lambda: stores.accounts.verify("alice", "secret"),
    ):
        with pytest.raises(StoreAway, match="postgresql://postgres@/test_"):
            await call()
    outcomes = await DeferredList(
        [stores.offline.keep(message(number), NO_LIMIT) for number in range(100, 200)], consumeErrors=True
    )
    assert {outcome.type for ok, outcome in outcomes if not ok} == {StoreAway}
    assert not any(ok for ok, _ in outcomes)
    postgresql.start()
    assert await stores.accounts.verify("alice", "secret")
    assert [one.number for one in await stores.offline.summaries("bob", 0, 1000)] == first
    assert await stores.offline.keep(message(100), NO_LIMIT) > first[-1]
    await stores.close()


@pytest_twisted.ensureDeferred
async def test_a_database_that_is_away_at_the_start_is_named_without_a_password(postgresql: PostgreSQL) -> None:
    stores = SqlStores("postgresql://es:hidden@127.0.0.1:1/es")
    with pytest.raises(StoreAway, match=r"postgresql://es:\*\*\*@127\.0\.0\.1:1/es: it cannot be reached") as failure:
        await stores.open()
    assert "hidden" not in str(failure.value)
    await stores.close()
    missing = SqlStores(postgresql.url("no_such_database"))
    with pytest.raises(StoreError, match="no_such_database"):
        await missing.open()
    await missing.close()


@pytest_twisted.ensureDeferred
async def test_a_locked_sqlite_file_waits_and_then_fails_clearly(tmp_path: Path) -> None:
    path = tmp_path / "stores.sqlite"
    stores = SqlStores(open_database(path, busy_timeout=0.05))
    await stores.open()
    first = await stores.offline.keep(message(0), NO_LIMIT)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreBusy, match=r"stores\.sqlite.*locked"):
        await stores.offline.keep(message(1), NO_LIMIT)
    assert [one.number for one in await stores.offline.waiting("bob", 0, 10, 100)] == [first]
    other.execute("ROLLBACK")
    other.close()
    assert await stores.offline.keep(message(1), NO_LIMIT) > first
    await stores.close()


@pytest_twisted.ensureDeferred
async def test_two_servers_share_one_postgresql(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    one, other = SqlStores(url), SqlStores(url)
    await gatherResults([one.open(), other.open()])
    keeps = [
        stores.offline.keep(message(number), NO_LIMIT)
        for number in range(200)
        for stores in ((one, other) if number % 3 else (other, one))
    ]
    numbers = await gatherResults(keeps)
    assert len(set(numbers)) == 200
    assert await one.offline.usage("bob") == (200, 1000)
    await gatherResults([one.close(), other.close()])


@pytest_twisted.ensureDeferred
async def test_versions_of_a_postgresql_are_named_and_upgraded_only_on_demand(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    name = url.rpartition("/")[2].partition("?")[0]
    postgresql.execute("CREATE TABLE accounts (user_id VARCHAR(255) PRIMARY KEY, password_hash VARCHAR(255))", name)
    postgresql.execute("CREATE TABLE schema_versions (part VARCHAR(64) PRIMARY KEY, version INTEGER)", name)
    postgresql.execute("INSERT INTO schema_versions VALUES ('accounts', 1)", name)
    postgresql.execute("INSERT INTO accounts VALUES ('alice', 'hash')", name)
    with pytest.raises(SchemaTooOld, match=f"version 1.*needs {SCHEMA_VERSION}"):
        await SqlStores(url).open()
    database = open_database(url)
    assert upgrade(database) == (1, SCHEMA_VERSION)
    database.close()
    stores = SqlStores(url)
    await stores.open()
    assert await stores.accounts.user_ids() == ["alice"]
    await stores.close()
    postgresql.execute("UPDATE esframework_version SET version_num = '0042'", name)
    with pytest.raises(SchemaTooNew, match=f"version 42.*up to {SCHEMA_VERSION}"):
        await SqlStores(url).open()


def test_what_is_on_the_disk_is_not_the_database_s_choice(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    name = url.rpartition("/")[2].partition("?")[0]
    postgresql.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    database = open_database(url)
    with database.reading() as connection:
        assert connection.exec_driver_sql("SHOW synchronous_commit").scalar_one() == "on"
    database.close()
