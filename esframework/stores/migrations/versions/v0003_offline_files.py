"""Files for those who are away."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "offline_files",
        sa.Column("number", _number(), primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("target", _name(), nullable=False),
        sa.Column("source", _name(), index=True),
        sa.Column("source_device", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("is_folder", sa.Boolean, nullable=False),
        sa.Column("size", _number(), nullable=False),
        sa.Column("files", _number(), nullable=False),
        sa.Column("modified_at", _number(), nullable=False),
        sa.Column("comment", sa.Text),
        sa.Column("blob", sa.String(128), nullable=False, unique=True),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False, index=True),
        sa.Column("handed_out", sa.Integer, nullable=False),
        sa.UniqueConstraint("id", "target", "source", name="offline_files_once"),
        sa.Index("offline_files_in_order", "target", "number", "size"),
    )


def _name() -> sa.String:
    return sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
