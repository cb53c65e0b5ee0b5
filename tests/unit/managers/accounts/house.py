"""A server with accounts in memory, on a network in memory: what the tests of accounts stand on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

from twisted.internet.defer import Deferred, execute, succeed

from esframework import ClientEngine, ClientOptions, ServerEngine, ServerOptions
from esframework.interfaces import Role
from esframework.managers.accounts.manager import AccountsManager
from esframework.managers.accounts.options import AccountsOptions
from esframework.managers.basic.manager import BasicManager
from esframework.managers.custom.manager import CustomManager
from esframework.managers.diagnostics.manager import DiagnosticsManager
from esframework.stores.memory import MemoryStores
from esframework.stores.passwords import PasswordHashing, PasswordPool
from esframework.stores.threads import BoundedPool
from esframework.stores.verifier import AccountVerifier
from esframework.testing import MemoryNetwork

PASSWORD = "correct horse"
AWAY = "203.0.113.5"


class AtOnce:
    """In the place of a pool of threads: work is done in the turn in which it is asked for. `busy` fails it."""

    def __init__(self) -> None:
        self.jobs = 0
        self.busy: Exception | None = None

    def run(self, work: Callable[..., Any], *arguments: Any) -> Deferred[Any]:
        self.jobs += 1

        def done() -> Any:
            if self.busy is not None:
                raise self.busy
            return work(*arguments)

        return execute(done)

    def close(self) -> Deferred[None]:
        return succeed(None)


class Held:
    """Holds a store's call back until `go`; it is made then, or, with `late`, was made before and is answered then."""

    def __init__(self, store: Any, name: str, late: bool = False) -> None:
        self._call, self._late = getattr(store, name), late
        self._gate: Deferred[None] = Deferred()
        setattr(store, name, self)

    def __call__(self, *arguments: Any) -> Deferred[Any]:
        if self._late:
            answer = self._call(*arguments)
            return self._gate.addCallback(lambda _: answer)
        return self._gate.addCallback(lambda _: self._call(*arguments))

    def go(self) -> None:
        self._gate.callback(None)


class House:
    """One server. `hashes` counts passwords that were hashed or checked; `wall` is the time of tokens."""

    def __init__(
        self,
        network: MemoryNetwork,
        accounts: AccountsOptions | None = None,
        *,
        verifier: Any = None,
        more_managers: Sequence[Any] = (),
        **options: Any,
    ) -> None:
        self.network = network
        self.wall = 1_000_000.0
        self.hashing = AtOnce()
        self.stores = MemoryStores(
            PasswordPool(PasswordHashing(memory=8, rounds=1), cast(BoundedPool, self.hashing)), lambda: self.wall
        )
        own = [AccountsManager(lambda: self.wall), BasicManager(), CustomManager(), DiagnosticsManager()]
        self.managers = [*own, *more_managers]
        permit, contacts = options.pop("permit", None), options.pop("contacts", None)
        self.server: ServerEngine = network.server(
            verifier=verifier or AccountVerifier(self.stores.accounts),
            stores=self.stores,
            managers=self.managers,
            permit=permit,
            contacts=contacts,
            options=ServerOptions(accounts=accounts or AccountsOptions(), **options),
        )

    @property
    def hashes(self) -> int:
        return self.hashing.jobs

    async def add(self, *names: str, role: Role = Role.USER) -> House:
        """Accounts, all with the same password."""
        for name in names:
            await self.stores.accounts.add(name, PASSWORD, role)
        return self

    async def client(self, name: str, password: str = PASSWORD, **options: Any) -> ClientEngine:
        """A client that is logged on."""
        arguments = {key: options.pop(key) for key in ("host", "handler") if key in options}
        options.setdefault("reconnect_first_delay", 0.1)
        client: ClientEngine = await self.network.client(
            name, password, managers=self.managers, options=ClientOptions(**options), **arguments
        )
        self.network.settle()
        return client

    def new_client(self, host: str = "127.0.0.1", **options: Any) -> ClientEngine:
        """A client that has not logged on."""
        return self.network.new_client(managers=self.managers, host=host, options=ClientOptions(**options))
