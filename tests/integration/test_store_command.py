"""`esframework store` and `esframework user` on a real PostgreSQL, and a store that moves there and back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from click.testing import CliRunner, Result

from esframework.cli.main import main
from esframework.stores.sql.database import open_database
from esframework.stores.sql.schema import metadata
from esframework.stores.sql.versions import VERSION_TABLE
from tests.postgresql import PostgreSQL
from tests.store_files import store_at

pytestmark = pytest.mark.integration


def run(*arguments: Any, **environment: str) -> Result:
    result = CliRunner().invoke(main, [str(argument) for argument in arguments], env=environment)
    assert result.exit_code == 0, result.output
    return result


def test_a_store_moves_to_postgresql_and_back_without_a_change(postgresql: PostgreSQL, tmp_path: Path) -> None:
    here, there, back = tmp_path / "here.sqlite", postgresql.new_database(), tmp_path / "back.sqlite"
    store_at(here, is_filled=True)
    files = [tmp_path / name for name in ("one", "two", "three")]
    run("store", "export", files[0], "--store", here)
    run("store", "import", files[0], "--store", there)
    run("store", "export", files[1], "--store", there)
    run("store", "import", files[1], "--store", back)
    run("store", "export", files[2], "--store", back)
    assert files[0].read_text() == files[1].read_text() == files[2].read_text()
    assert "PROBLEM" not in run("store", "check", "--store", there).output


def test_accounts_in_postgresql_are_managed_like_others(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    run("user", "add", "alice", "--store", url, ESFRAMEWORK_PASSWORD="secret")
    run("user", "passwd", "alice", "--store", url, ESFRAMEWORK_PASSWORD="other")
    assert run("user", "list", "--store", url).output == "alice\n"
    run("user", "remove", "alice", "--store", url)
    assert run("user", "list", "--store", url).output == ""


def test_the_migrations_make_the_tables_that_the_program_means_there_too(postgresql: PostgreSQL) -> None:
    url = postgresql.new_database()
    run("store", "upgrade", "--store", url)
    of_old = {"schema_versions", VERSION_TABLE}
    options = {"compare_type": True, "include_name": lambda name, kind, _: kind != "table" or name not in of_old}
    database = open_database(url)
    with database.reading() as connection:
        assert compare_metadata(MigrationContext.configure(connection, opts=options), metadata) == []
    database.close()


def test_a_database_in_another_encoding_is_refused(postgresql: PostgreSQL) -> None:
    postgresql.execute("CREATE DATABASE old_fashioned ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0")
    result = CliRunner().invoke(main, ["user", "list", "--store", postgresql.url("old_fashioned")])
    assert result.exit_code == 1
    assert "encoding is LATIN1" in result.stderr
