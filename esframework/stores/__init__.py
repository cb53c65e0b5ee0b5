"""Persistence behind interfaces: each store has a SQL backend and one in memory that behaves the same.

Nothing here knows sessions, frames or engines; what a store may be asked is said in `esframework.interfaces`.
"""
