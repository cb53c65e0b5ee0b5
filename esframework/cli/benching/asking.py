"""Questions by the real client engine: to the server's handler, or from client to client through the server.

Each client keeps so many questions open, and asks the next when one is answered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred, DeferredList
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.task import deferLater

from esframework.cli.benching.load import NOT_ANSWERED, wait_at_most
from esframework.cli.benching.measuring import Histogram
from esframework.cli.benching.opening import naming
from esframework.cli.benching.schemes import Plan
from esframework.client.engine import ClientEngine
from esframework.client.options import ClientOptions
from esframework.errors import HandlerRaised, LocalError, LogonFailed, RequestError

SETTLE_SECONDS: Final = 5.0
"""How long answers may still come after the end."""

NO_ANSWER: Final = "HandlerRaised: the server's handler failed, or it has none (esframework serve has none)"


class EchoHandler:
    """Answers each question with its content."""

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> None:
        """Nothing is to be done."""

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> bytes | None:
        """The content itself."""
        return content


class Asking:
    """Questions of `clients`, which are logged on in the order of the plan's names; see `Load`."""

    def __init__(self, reactor: Any, plan: Plan, clients: list[ClientEngine]) -> None:
        self._reactor = reactor
        self._now: Callable[[], float] = reactor.seconds
        self._plan = plan
        self._clients = clients
        self._running = False
        self._askers: list[Deferred[None]] = []
        self._content = bytes(plan.size)
        self.sent = 0
        self.answered = 0
        self.skipped = 0
        self.latency = Histogram()
        self.errors: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Questions answered."""
        return self.answered

    @property
    def received(self) -> int:
        """Answers."""
        return self.answered

    def begin(self) -> None:
        """Start to ask."""
        self._running = True
        for client, target in self._who_asks_whom():
            for _ in range(self._plan.outstanding):
                self._askers.append(Deferred.fromCoroutine(self._ask(client, target)))

    def end(self) -> None:
        """Ask no more."""
        self._running = False

    def settle(self) -> Deferred[None]:
        """Fires when every question is answered."""
        return Deferred.fromCoroutine(self._settle())

    async def _settle(self) -> None:
        failed = sum(self.errors.values())
        ended: Deferred[None] = DeferredList(self._askers).addCallback(lambda _: None)
        if not await wait_at_most(self._reactor, ended, SETTLE_SECONDS):
            self.errors[NOT_ANSWERED] += self.sent - self.answered - failed

    def _who_asks_whom(self) -> list[tuple[ClientEngine, str | None]]:
        if not self._plan.in_pairs:
            return [(client, None) for client in self._clients]
        names = self._plan.user_names
        return list(zip(self._clients[::2], names[1::2], strict=True))

    async def _ask(self, client: ClientEngine, target: str | None) -> None:
        query, information_type = client.custom.query, self._plan.information_type
        while self._running:
            self.sent += 1
            asked = self._now()
            try:
                await query(target, information_type, self._content)
            except HandlerRaised as error:
                self.errors[NO_ANSWER if target is None else type(error).__name__] += 1
            except RequestError as error:
                self.errors[type(error).__name__] += 1
            except LocalError as error:
                self.errors[type(error).__name__] += 1
                return
            else:
                self.latency.record(self._now() - asked)
                self.answered += 1
            if self._plan.interval > 0:
                await deferLater(self._reactor, self._plan.interval)


async def log_on_clients(
    reactor: Any, plan: Plan, password: str, endpoint: str | IStreamClientEndpoint
) -> list[ClientEngine]:
    """A client engine for each of the plan's names, logged on; raises the first error, after closing the others."""
    options = ClientOptions(
        generation=plan.generation,
        max_user_id=plan.max_user_id,
        auto_reconnect=False,
        # Accounts of real users may be measured with: their devices' tokens stay.
        keep_session_token=False,
    )
    clients: list[ClientEngine] = []
    try:
        for name in plan.user_names:
            client = ClientEngine(EchoHandler(), options=options, reactor=reactor)
            clients.append(client)
            await client.log_on(name, password, endpoint)
    except LogonFailed as error:
        await close_clients(clients)
        raise naming(name, error) from None
    except BaseException:
        await close_clients(clients)
        raise
    return clients


async def close_clients(clients: list[ClientEngine]) -> None:
    """End every session."""
    for client in clients:
        await client.close()
