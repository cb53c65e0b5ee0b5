"""The first release: names and password hashes, and the version of the schema in a table of its own."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make the two tables."""
    name = sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")
    op.create_table(
        "accounts",
        sa.Column("user_id", name, primary_key=True),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sqlite_with_rowid=False,
    )
    versions = op.create_table(
        "schema_versions",
        sa.Column("part", sa.String(64), primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    op.execute(sa.insert(versions).values(part="accounts", version=1))
