"""Two people of the lab who meet: they talk all the time, open channels and lose them, and every word is counted.

Says what happened and how long it took; only what must never happen (a word lost, doubled or out of order, two ends
that are not of one mind) is an error here already.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.internet.task import deferLater

from tests.integration.support import reactor
from tests.nat.lab import Host
from tests.nat.people import Event, Person

BETWEEN_WORDS = 0.02
AT_ONCE = 4
"""People that start at a time: all together they would wait for each other."""

_numbers = count(1)
_starting = DeferredSemaphore(AT_ONCE)


@dataclass(frozen=True)
class Opened:
    """What came of a wish for a channel: `protocol` None if there is none; the seconds that it took, or that it took to
    say so."""

    protocol: str | None
    seconds: float
    why: str = ""


class Meeting:
    """Two people, both logged on."""

    def __init__(self, one: Person, other: Person) -> None:
        self.one = one
        self.other = other
        self.both = (one, other)

    @classmethod
    async def begun(cls, hosts: tuple[Host, Host], **options: Any) -> Meeting:
        """Both start and log on."""
        number = next(_numbers)
        people = [
            _starting.run(_started, host, f"{name}{number}", options)
            for host, name in zip(hosts, ("alice", "bob"), strict=True)
        ]
        one, other = await gatherResults(people, consumeErrors=True)
        return cls(one, other)

    def __str__(self) -> str:
        """All that they told, for whoever has to find out why."""
        return f"{self.one}\n{self.other}"

    # --- channels ---------------------------------------------------------------------------------------------------
    async def open(self, mode: str) -> Opened:
        """The first one wants a channel to the other, of these kinds ("UDP", "TCP" or "TCP_AND_UDP")."""
        self.other.does("use", mode=mode)
        await self.other.tells("used")
        self.one.does("connect", to=self.other.user_id, mode=mode)
        event = await self.one.tells("connected", "not connected")
        if event["event"] == "not connected":
            return Opened(None, event["seconds"], event["why"])
        return Opened(event["protocol"], event["seconds"])

    async def close(self) -> None:
        """The first one wants no channel any more; waits until neither has one."""
        self.one.does("disconnect", to=self.other.user_id)
        for person in self.both:
            while await self.protocol(person) is not None:
                await pause(0.05)

    async def protocol(self, person: Person) -> str | None:
        """By what kind of channel somebody reaches the other one now."""
        person.does("state", of=(self.other if person is self.one else self.one).user_id)
        state = await person.tells("state")
        protocol: str | None = state.get("protocol")
        return protocol

    async def have(self, protocol: str | None, seconds: float) -> None:
        """Waits until both use a channel of this kind, or none.

        :raises AssertionError: they do not within these seconds.
        """
        deadline = reactor.seconds() + seconds
        while True:
            found = [await self.protocol(person) for person in self.both]
            if found == [protocol, protocol]:
                return
            assert reactor.seconds() < deadline, f"after {seconds} s their channels are {found}, not {protocol}"
            await pause(0.05)

    # --- talking ----------------------------------------------------------------------------------------------------
    def talk(self, every: float = BETWEEN_WORDS) -> None:
        """Both begin to talk."""
        for person, listener in (self.both, self.both[::-1]):
            person.does("talk", to=listener.user_id, every=every)

    async def hush(self, seconds: float = 30.0) -> float:
        """Both stop talking; waits until everything has been heard. The longest silence in it, in seconds.

        :raises AssertionError: something was not heard, or not once, or not in its turn.
        """
        silences = []
        for person, listener in (self.both, self.both[::-1]):
            person.does("hush", to=listener.user_id)
            said = (await person.tells("hushed"))["said"]
            assert said > 0
            report = await self._heard(listener, person, said, seconds)
            assert report["wrong"] == [], f"{listener.user_id} heard of {person.user_id}: {report}"
            silences.append(report["silence"])
        return max(silences)

    async def _heard(self, listener: Person, speaker: Person, said: int, seconds: float) -> Event:
        deadline = reactor.seconds() + seconds
        longest = 0.0
        while True:
            listener.does("report", of=speaker.user_id)
            report = await listener.tells("report")
            longest = max(longest, report["silence"])
            if report["heard"] == said:
                return {**report, "silence": longest}
            if reactor.seconds() > deadline:
                print(self)
                raise AssertionError(f"of {said} words of {speaker.user_id}, {listener.user_id} heard {report}")
            await pause(0.05)

    async def end(self) -> None:
        """Both go."""
        for person in self.both:
            await person.end()


async def _logged_on(person: Person) -> Person:
    return await person.logged_on()


def _started(host: Host, user_id: str, options: dict[str, Any]) -> Deferred[Person]:
    return Deferred.fromCoroutine(_logged_on(Person(host, user_id, **options)))


def pause(seconds: float) -> Deferred[None]:
    """Between two looks at something of which nobody tells."""
    return deferLater(reactor, seconds, lambda: None)


async def all_of(coroutines: Sequence[Any]) -> list[Any]:
    """Runs them at the same time; what each returned."""
    results: list[Any] = await gatherResults(
        [Deferred.fromCoroutine(each) for each in coroutines], consumeErrors=True
    )
    return results
