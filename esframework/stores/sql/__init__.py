"""Stores in a database: SQLite by default, PostgreSQL where its extra is installed; one database for all stores."""

from esframework.stores.sql.stores import SqlStores

__all__ = ["SqlStores"]
