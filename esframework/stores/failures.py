"""What a store refuses and how it fails, under the name by which programs of the first release know it.

The classes are in `esframework.errors`, since managers, which see no store, must tell them apart as well. After any of
them the store holds what it held before the call.
"""

from esframework.errors import (
    AccountExists,
    ComeBackLater,
    InvalidPassword,
    NoSuchAccount,
    SchemaTooNew,
    StoreBusy,
    StoreClosed,
    StoreError,
    StoreFull,
    StoreReadOnly,
)

__all__ = [
    "AccountExists",
    "ComeBackLater",
    "InvalidPassword",
    "NoSuchAccount",
    "SchemaTooNew",
    "StoreBusy",
    "StoreClosed",
    "StoreError",
    "StoreFull",
    "StoreReadOnly",
]
