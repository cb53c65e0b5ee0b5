"""`esframework p2p test`: opens a channel to somebody who answers tests, and measures it.

What is sent is counted where it arrives, and the digest made there is compared: nothing is taken for sent that the
other end has not got. Knows no command line.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from statistics import median
from typing import Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import LoopingCall

from esframework.cli.channelling import trial
from esframework.cli.channelling.prospects import why_none
from esframework.cli.channelling.telling import Teller
from esframework.cli.channelling.ways import milliseconds, place, way_of
from esframework.cli.information import name_of, printable
from esframework.cli.session import DONE, FAILED
from esframework.cli.transferring.figures import size_of
from esframework.errors import (
    EsError,
    HandlerRaised,
    NoP2PChannel,
    P2PConnectFailed,
    RequestError,
    RequestTimeout,
    TargetAbsent,
)
from esframework.managers.p2p.nat import NatKind
from esframework.wire.login_id import bare_id
from esframework.wire.types import ChannelMode

NO_CHANNEL: Final = 5
"""Exit code: no channel could be opened. Messages go by the server all the same."""

_PINGS: Final = 20
_FIRST_PINGS: Final = 3
"""Not counted: messages move to a channel within the first moments."""

_STILL: Final = 20.0
"""Seconds in which nothing has arrived, after which a test is given up."""

_DRAWN_EVERY: Final = 0.1

_NAT_TIME: Final = 15.0
"""Seconds in which the other end may find out about its NAT: twice what that takes."""


class TestFailed(EsError):
    """A test could not be made, or not be finished; says why."""

    __test__ = False


@dataclass(slots=True)
class Outcome:
    """What was measured so far; times in seconds. `opened` are protocols and how long each took to be open."""

    user: str
    opened: list[tuple[str, float]] = field(default_factory=list)
    state: Any = None
    by_server: list[float] = field(default_factory=list)
    by_channel: list[float] = field(default_factory=list)
    bytes: int = 0
    seconds: float = 0.0
    cause: str = ""
    here: NatKind | None = None
    there: NatKind | None = None

    @property
    def mbit_s(self) -> float | None:
        """Megabits a second."""
        return self.bytes * 8 / self.seconds / 1e6 if self.seconds else None

    def facts(self) -> dict[str, object]:
        """For scripts: one object, with the same keys whatever happened."""
        state = self.state
        facts: dict[str, object] = {
            "user": self.user,
            "protocol": None if state is None else state.protocol,
            "address": None if state is None else place(state.address),
            "local_address": None if state is None else place(state.local_address),
            "opened_in_ms": _ms(self.opened[0][1]) if self.opened else None,
            "opened": [{"protocol": protocol, "in_ms": _ms(seconds)} for protocol, seconds in self.opened],
            "rtt_ms": _ms(median(self.by_channel)) if self.by_channel else None,
            "rtt_min_ms": _ms(min(self.by_channel)) if self.by_channel else None,
            "server_rtt_ms": _ms(median(self.by_server)) if self.by_server else None,
            "server_rtt_min_ms": _ms(min(self.by_server)) if self.by_server else None,
            "mbit_s": None if self.mbit_s is None else round(self.mbit_s, 2),
            "bytes": self.bytes,
            "seconds": round(self.seconds, 3),
            "cause": self.cause or None,
        }
        if self.here is not None or self.there is not None:
            facts |= {"nat": None if self.here is None else self.here.value}
            facts |= {"other_nat": None if self.there is None else self.there.value}
        return facts

    def lines(self) -> list[str]:
        """For people."""
        lines = []
        if self.state is not None:
            first, *later = self.opened
            took_over = "".join(f"; {protocol} after {milliseconds(seconds)}" for protocol, seconds in later)
            lines += [
                f"channel     {self.state.protocol}; open by {first[0]} after {milliseconds(first[1])}{took_over}",
                f"from here   {place(self.state.local_address)}",
                f"{name_of(self.user)[:10]:<10}  {place(self.state.address)}",
            ]
        if self.by_channel:
            lines.append(f"round trip  {_times(self.by_channel)}; by the server {_times(self.by_server)}")
        if self.mbit_s is not None:
            whole = f"{size_of(self.bytes)} in {self.seconds:.1f} s, all there by its digest"
            lines.append(f"throughput  {self.mbit_s:.0f} Mbit/s: {whole}")
        return lines


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)


def _times(times: list[float]) -> str:
    return f"{milliseconds(median(times))} (least {milliseconds(min(times))})"


class Tester:
    """Tests the channel between a client engine and `target`, with `size` bytes."""

    def __init__(self, client: Any, teller: Teller, target: str, size: int) -> None:
        self._client = client
        self._teller = teller
        self._name = name_of(target)
        self._target = target
        self._size = size
        self._clock = client.reactor
        self._test = os.urandom(trial.ID_SIZE)
        self._count = trial.Count(size)
        self._all_there: Deferred[str] = Deferred()
        self._got = 0
        self._latest_at = self._flooded_at = self._drawn_at = 0.0
        self._began_at: float | None = None
        self.outcome = Outcome(target)

    @property
    def arrived(self) -> int:
        """Bytes that the other end says it has."""
        return self._got

    async def run(self) -> int:
        """Do all of it and tell what came out; the exit code."""
        subscription = self._client.manager("p2p").channel_opened.subscribe(self._opened)
        try:
            if self._client.p2p is None:
                raise P2PConnectFailed("this server offers no P2P: it was started with --p2p off, or has no UDP")
            await self._greet()
            await self._open()
            await self._ping()
            if self._size:
                await self._flood()
        except P2PConnectFailed as error:
            await self._explain(error)
            return NO_CHANNEL
        except trial.Unintelligible:
            self._complain(f"{self._name} answers what is no part of a test: there, another program has taken over")
            return FAILED
        except TestFailed as error:
            self._complain(str(error))
            return FAILED
        finally:
            subscription.cancel()
        self._tell()
        return DONE

    # --- steps --------------------------------------------------------------------------------------------------------
    async def _greet(self) -> None:
        """Whether there is somebody who answers tests; and how far that is by the server."""
        if bare_id(self._target) == self._client.current_user_id:
            raise TestFailed(f"{self._name} is the account that tests; there is no channel to oneself")
        try:
            version = trial.number(await self._ask(do="hello"), "version")
        except (HandlerRaised, RequestTimeout, trial.Unintelligible):
            raise TestFailed(
                f"{self._name} is online with a program that answers no tests: there, run esframework p2p answer "
                f"{self._name}@HOST:PORT"
            ) from None
        if version != trial.VERSION:
            raise TestFailed(f"{self._name} runs another release of esframework, whose tests are not those of this one")
        self.outcome.by_server = [await self._client.basic.ping(self._target) for _ in range(_PINGS)]

    async def _open(self) -> None:
        self._teller.draw(f"opening a channel to {self._name} …")
        self._began_at = self._clock.seconds()
        self.outcome.state = await self._client.p2p.connect(self._target)
        # From now on that device, whatever others the account has.
        self._target = self.outcome.state.login_id
        self._teller.remark(f"channel to {self._name}: {way_of(self.outcome.state)}")

    def _opened(self, state: Any) -> None:
        if self._began_at is not None and state.user_id == bare_id(self.outcome.user):
            self.outcome.opened.append((state.protocol, self._clock.seconds() - self._began_at))

    async def _ping(self) -> None:
        for number in range(_FIRST_PINGS + _PINGS):
            began = self._clock.seconds()
            await self._ask(do="ping")
            if number >= _FIRST_PINGS:
                self.outcome.by_channel.append(self._clock.seconds() - began)
        self._look()

    def _look(self) -> None:
        """Notice that another channel took over, or that there is none any more."""
        state = self._client.p2p.channel_state(self._target)
        if state is None:
            raise self._lost()
        self.outcome.state = state

    async def _flood(self) -> None:
        words = await self._ask(do="begin", id=self._test.hex(), size=self._size)
        if "refused" in words:
            raise TestFailed(f"{self._name} refuses the test: {printable(trial.text(words, 'refused'))}")
        noise = os.urandom(trial.PIECE)
        self._latest_at = self._flooded_at = self._clock.seconds()
        while not self._count.is_whole:
            length = min(trial.PIECE, self._size - self._count.bytes)
            piece = (self._count.bytes.to_bytes(8, "big") + noise[8:])[:length]
            self._count.take(piece)
            await self._give_up_if_still(Deferred.fromCoroutine(self._send(piece)))
        digest = await self._give_up_if_still(self._all_there)
        if digest != self._count.digest:
            raise TestFailed(f"{self._name} did not get what was sent: the digests differ")
        self.outcome.bytes, self.outcome.seconds = self._size, max(self._latest_at - self._flooded_at, 1e-6)
        self._look()

    async def _send(self, piece: bytes) -> None:
        try:
            content = trial.carry(self._test, piece)
            await self._client.custom.send_blob(
                self._target, trial.INFORMATION_TYPE, content, channel=ChannelMode.BY_P2P_CHANNEL
            )
        except NoP2PChannel:
            raise self._lost() from None

    def _lost(self) -> TestFailed:
        return TestFailed(f"the channel to {self._name} was lost; {size_of(self._got)} had arrived by then")

    async def _give_up_if_still(self, waiting: Deferred[Any]) -> Any:
        """What comes of it; fails when nothing arrives at the other end for too long."""
        watch = LoopingCall(self._cancel_if_still, waiting)
        watch.clock = self._clock
        watch.start(1.0, now=False)
        try:
            return await waiting
        except CancelledError:
            if self._is_still:
                text = f"nothing has arrived for {_STILL:.0f} s; {size_of(self._got)} of {size_of(self._size)} had"
                raise TestFailed(text) from None
            raise
        finally:
            watch.stop()

    @property
    def _is_still(self) -> bool:
        return bool(self._clock.seconds() - self._latest_at >= _STILL)

    def _cancel_if_still(self, waiting: Deferred[Any]) -> None:
        if self._is_still:
            waiting.cancel()

    # --- what comes ---------------------------------------------------------------------------------------------------
    def handle_information(self, source: Any, information_type: int, content: bytes | None) -> None:
        """The other end says how much it has got."""
        if information_type != trial.INFORMATION_TYPE or getattr(source, "login_id", source) != self._target:
            return
        try:
            words = trial.said(content)
            got, test = trial.number(words, "got", self._size), trial.test_id(words)
            digest = trial.text(words, "digest") if got == self._size else ""
        except trial.Unintelligible:
            return
        if test != self._test or got <= self._got:
            return
        self._got, self._latest_at = got, self._clock.seconds()
        self._draw()
        if digest and not self._all_there.called:
            self._all_there.callback(digest)

    def _draw(self) -> None:
        """Progress, now and then."""
        if self._latest_at - self._drawn_at >= _DRAWN_EVERY:
            self._drawn_at = self._latest_at
            speed = self._got * 8 / max(self._latest_at - self._flooded_at, 1e-6) / 1e6
            self._teller.draw(f"{size_of(self._got)} of {size_of(self._size)} are there, {speed:.0f} Mbit/s")

    # --- words --------------------------------------------------------------------------------------------------------
    async def _ask(self, *, timeout: float | None = None, **words: object) -> dict[str, Any]:
        try:
            answer = await self._client.custom.query(
                self._target, trial.INFORMATION_TYPE, trial.say(**words), timeout=timeout
            )
        except TargetAbsent:
            raise TestFailed(
                f"{self._name} is not online: in another terminal, run esframework p2p answer {self._name}@HOST:PORT"
            ) from None
        return trial.said(answer)

    async def _explain(self, error: P2PConnectFailed) -> None:
        """Why there is no channel, in words of NATs where both are known."""
        outcome, sentences = self.outcome, []
        self._teller.draw("looking for the reason …")
        if self._client.p2p is not None:
            outcome.here, outcome.there = await self._nat_here(), await self._nat_there()
            if outcome.here is not None and outcome.there is not None:
                sentences.append(why_none(self._name, outcome.here, outcome.there))
        if outcome.by_server:
            sentences.append(f"messages to {self._name} go by the server: {_times(outcome.by_server)} there and back")
        self._complain(printable(str(error)))
        for sentence in sentences:
            self._teller.remark(sentence)

    async def _nat_here(self) -> NatKind | None:
        try:
            report = await self._client.p2p.examine_nat()
        except RequestError:
            return None
        kind: NatKind = report.kind
        return kind

    async def _nat_there(self) -> NatKind | None:
        try:
            return NatKind(trial.text(await self._ask(timeout=_NAT_TIME, do="nat"), "kind"))
        except (RequestError, TestFailed, ValueError):
            return None

    def _complain(self, cause: str) -> None:
        self.outcome.cause = cause
        if self._teller.as_json:
            self._tell()
        else:
            self._teller.remark(f"esframework: {cause}")

    def _tell(self) -> None:
        self._teller.tell("\n".join(self.outcome.lines()), **self.outcome.facts())
