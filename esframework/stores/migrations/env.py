"""Runs migrations on the connection that `versions.py` gives, in its transaction; loaded by Alembic."""

from alembic import context

from esframework.stores.sql.versions import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    transactional_ddl=True,
)
context.run_migrations()
