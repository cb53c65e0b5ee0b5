"""What every `IStores` promises."""

from __future__ import annotations

from typing import Any

import pytest
import pytest_twisted
from zope.interface.verify import verifyObject

from esframework.errors import StoreClosed
from esframework.interfaces import IAccounts, IContactStore, IGroupStore, IOfflineFileStore, IOfflineStore, IStores


class TestStores:
    """The contract of opening and closing."""

    def test_it_provides_the_interfaces(self, stores: Any) -> None:
        assert verifyObject(IStores, stores)
        assert verifyObject(IAccounts, stores.accounts)
        assert verifyObject(IContactStore, stores.contacts)
        assert verifyObject(IGroupStore, stores.groups)
        assert verifyObject(IOfflineStore, stores.offline)
        assert verifyObject(IOfflineFileStore, stores.offline_files)

    @pytest_twisted.ensureDeferred
    async def test_it_must_be_opened_first(self, closed_stores: Any) -> None:
        with pytest.raises(StoreClosed, match="not open"):
            await closed_stores.accounts.exists("alice")
        with pytest.raises(StoreClosed, match="not open"):
            await closed_stores.contacts.contacts_of("alice")

    @pytest_twisted.ensureDeferred
    async def test_after_close_every_store_refuses(self, stores: Any) -> None:
        await stores.close()
        calls = (
            lambda: stores.contacts.contacts_of("a"),
            lambda: stores.contacts.ask("a", "b"),
            lambda: stores.groups.group("a"),
            lambda: stores.groups.dissolve("a"),
            lambda: stores.offline.usage("a"),
            lambda: stores.offline_files.totals(),
        )
        for call in calls:
            with pytest.raises(StoreClosed):
                await call()

    @pytest_twisted.ensureDeferred
    async def test_closing_twice_is_harmless(self, stores: Any) -> None:
        await stores.close()
        await stores.close()
