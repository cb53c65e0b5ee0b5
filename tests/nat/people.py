"""People of the lab: processes that run `person` on their hosts, and the server that they log on to, in the internet.

Starts and watches them; who meets whom, and what must come of it, it leaves to others.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred

from tests.integration.support import COMMAND, SERVE, Child, Daemon, within
from tests.nat.lab import SERVERS, Host, Lab
from tests.nat.namespaces import DIES_WITH_US

PORT = 4530
PATIENCE = 60.0
Event = dict[str, Any]
_WITH_REACTOR = """
from twisted.application.reactors import installReactor
installReactor("{}")
from tests.nat.person import main
main()
"""
_SETPRIV = shutil.which(DIES_WITH_US[0]) or DIES_WITH_US[0]


def program(host: Host, *arguments: str) -> Child:
    """`esframework ...` on a host; any password will do."""
    with host.namespace.inside():
        command = [*DIES_WITH_US[1:], sys.executable, *COMMAND, *arguments]
        return Child(command, {"ESFRAMEWORK_PASSWORD": ""}, python=_SETPRIV)


def started_server(lab: Lab, data: Path, address: str = SERVERS[0], config: str = "") -> Daemon:
    """`esframework serve` at an address of the internet, with its P2P server beside it."""
    program = (*DIES_WITH_US[1:], sys.executable, *SERVE)
    with lab.internet.inside():
        return Daemon(
            data,
            *("--open", "--open"),
            program=program,
            python=_SETPRIV,
            listen=f"tcp:{PORT}:interface={address}:backlog=1024",
            config=config,
        )


class Person(Child):
    """One person's process. `events` is all that it told so far."""

    def __init__(
        self, host: Host, user_id: str, server: str = SERVERS[0], reactor: str | None = None, **options: Any
    ) -> None:
        """`reactor` is one of Twisted's, by its name for `installReactor`; without it the usual one."""
        self.host = host
        self.user_id = user_id
        self.events: list[Event] = []
        self._taken: dict[str, int] = {}
        self._waiting: list[tuple[Callable[[], Event | None], Deferred[Event]]] = []
        self._rest = ""
        self.complaints = ""
        about = json.dumps({"user_id": user_id, "endpoint": f"tcp:{server}:{PORT}", **options})
        program = ["-m", "tests.nat.person"] if reactor is None else ["-c", _WITH_REACTOR.format(reactor)]
        with host.namespace.inside():
            super().__init__([*DIES_WITH_US[1:], sys.executable, *program, about], python=_SETPRIV)

    async def logged_on(self) -> Person:
        """Waits until it is."""
        await self.tells("logged on")
        return self

    def does(self, what: str, **arguments: Any) -> None:
        """Has it do something."""
        self.process.write(json.dumps({"do": what, **arguments}).encode() + b"\n")

    async def tells(self, *names: str, seconds: float = PATIENCE) -> Event:
        """Waits for the first event of one of these names that was not waited for before."""
        waiting: Deferred[Event] = Deferred()
        self._waiting.append((lambda: self._next(names), waiting))
        self._look()
        try:
            return await within(waiting, f"{self.user_id} to tell of {' or '.join(names)}", seconds)
        except BaseException:
            print(self)
            raise

    def __str__(self) -> str:
        """All that was told, for whoever has to find out why."""
        told = [event for event in self.events if event["event"] not in ("state", "report", "progress")]
        lines = [f"--- {self.user_id}, {self.host.namespace.name}", *map(str, told), self.complaints]
        return "\n".join(lines)

    def _next(self, names: tuple[str, ...]) -> Event | None:
        for number, event in enumerate(self.events):
            if event["event"] in names and number >= self._taken.get(event["event"], 0):
                self._taken[event["event"]] = number + 1
                return event
        return None

    def since(self, at: float, *names: str) -> list[Event]:
        """What it told of these since a time."""
        return [event for event in self.events if event["at"] >= at and event["event"] in names]

    def _look(self) -> None:
        if any(event["event"] == "broken" for event in self.events) or self.exit is not None:
            waiting, self._waiting = self._waiting, []
            for _, each in waiting:
                each.errback(AssertionError(f"{self.user_id} is broken: {self.complaints} {self.events}"))
        for entry in list(self._waiting):
            find, waiting_one = entry
            event = find()
            if event is not None:
                self._waiting.remove(entry)
                waiting_one.callback(event)

    def outReceived(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data.decode()).split("\n")
        self.events += [json.loads(line) for line in lines]
        self._look()

    def errReceived(self, data: bytes) -> None:
        self.complaints += data.decode(errors="replace")
