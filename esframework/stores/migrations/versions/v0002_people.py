"""Roles, profiles and session tokens of accounts; contacts, groups and messages to those who are away."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add columns to accounts, make the other tables, and turn the first release away."""
    _extend_accounts()
    _make_contacts_and_groups()
    _make_offline_messages()
    versions = sa.table("schema_versions", sa.column("part"), sa.column("version"))
    op.execute(sa.update(versions).where(versions.c.part == "accounts").values(version=2))


def _name() -> sa.String:
    return sa.String(255).with_variant(sa.String(255, collation="C"), "postgresql")


def _number() -> sa.BigInteger:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _extend_accounts() -> None:
    op.add_column("accounts", sa.Column("role", sa.Integer, nullable=False, server_default="0"))
    op.add_column("accounts", sa.Column("profile", sa.Text, nullable=False, server_default="{}"))
    op.add_column("accounts", sa.Column("created_at", sa.Double, nullable=False, server_default="0"))
    op.create_table(
        "session_tokens",
        sa.Column("digest", sa.LargeBinary(64), primary_key=True),
        sa.Column("user_id", _name(), nullable=False, index=True),
        sa.Column("login_id", sa.String(259), nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False, index=True),
    )


def _make_contacts_and_groups() -> None:
    op.create_table(
        "contact_relations",
        sa.Column("owner", _name(), primary_key=True),
        sa.Column("other", _name(), primary_key=True, index=True),
        sa.Column("state", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
    )
    op.create_table(
        "stored_groups",
        sa.Column("group_id", _name(), primary_key=True),
        sa.Column("owner", _name(), nullable=False),
        sa.Column("tag", sa.Text, nullable=False),
    )
    op.create_table(
        "group_members",
        sa.Column("group_id", _name(), primary_key=True),
        sa.Column("user_id", _name(), primary_key=True, index=True),
    )


def _make_offline_messages() -> None:
    op.create_table(
        "offline_messages",
        sa.Column("number", _number(), primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("target", _name(), nullable=False),
        sa.Column("source", _name()),
        sa.Column("source_device", sa.Integer),
        sa.Column("information_type", _number(), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("received_at", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False, index=True),
        sa.Column("handed_out", sa.Integer, nullable=False),
        sa.Column("content", sa.LargeBinary),
        sa.UniqueConstraint("id", "target", name="offline_messages_once"),
        sa.Index("offline_messages_in_order", "target", "number", "size"),
    )
    op.create_table(
        "counters",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("value", _number(), nullable=False),
    )
