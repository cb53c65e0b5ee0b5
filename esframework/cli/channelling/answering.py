"""`esframework p2p answer`: takes part in tests of channels, and tells what happens. Opens none by itself.

What comes is counted and forgotten, so a test costs no memory, however much it sends.
"""

from __future__ import annotations

from typing import Any, Final

from esframework.cli.channelling import trial
from esframework.cli.channelling.telling import Teller
from esframework.cli.channelling.ways import place, way_to
from esframework.cli.information import name_of
from esframework.cli.transferring.figures import size_of
from esframework.errors import EsError
from esframework.managers.custom.combined import UnhandledType

_MOST_TESTS: Final = 16
"""Tests that go on at a time; who wants another one is told to come back."""

_FORGOTTEN: Final = 60.0
"""Seconds without bytes after which a test is over."""


class _Test:
    """One that is under way."""

    def __init__(self, test: bytes, size: int, now: float) -> None:
        self.id = test
        self.count = trial.Count(size)
        self.began_at = self.latest_at = now


class Answerer:
    """An `ICustomHandler`; `begin` when it is logged on. `senders` are bare ids, none means anybody."""

    def __init__(self, teller: Teller, senders: frozenset[str] = frozenset()) -> None:
        self._teller = teller
        self._senders = senders
        self._client: Any = None
        self._tests: dict[str, _Test] = {}

    def begin(self, client: Any) -> None:
        """Tell of channels from now on."""
        self._client = client
        p2p = client.manager("p2p")
        p2p.answers_to = self._is_welcome
        p2p.channel_opened.subscribe(lambda state: self._told("opened", state))
        p2p.channel_closed.subscribe(lambda state: self._told("closed", state))

    def _is_welcome(self, user_id: str) -> bool:
        return not self._senders or user_id in self._senders

    def _told(self, event: str, state: Any) -> None:
        where = f"{state.protocol}, {place(state.local_address)} to {place(state.address)}"
        text = f"{name_of(state.user_id)}: channel {event}: {where}"
        self._teller.tell(
            text,
            event=event,
            user=state.user_id,
            protocol=state.protocol,
            address=place(state.address),
            local_address=place(state.local_address),
        )

    # --- ICustomHandler -----------------------------------------------------------------------------------------------
    async def handle_query(self, source: Any, information_type: int, content: bytes | None) -> bytes:
        """Answer what belongs to a test; anything else fails, as it does where nobody handles it."""
        if information_type != trial.INFORMATION_TYPE or source is None or not self._is_welcome(str(source)):
            raise UnhandledType("this program only answers tests of P2P channels")
        try:
            return await self._answer(source, trial.said(content))
        except trial.Unintelligible as error:
            raise UnhandledType(f"what came is no question of a test: {error}") from None

    async def _answer(self, source: Any, words: dict[str, Any]) -> bytes:
        what = words.get("do")
        if what == "hello":
            return trial.say(version=trial.VERSION, most=trial.MOST_BYTES)
        if what == "begin":
            return self._begin(source, words)
        if what == "nat":
            return await self._nat()
        return trial.say(do="ping")

    def handle_information(self, source: Any, information_type: int, content: bytes | None) -> None:
        """Bytes of a test."""
        came = trial.carried(content) if information_type == trial.INFORMATION_TYPE else None
        test = self._tests.get(_device(source))
        if came is None or test is None or came[0] != test.id:
            return
        test.latest_at = self._client.reactor.seconds()
        test.count.take(came[1])
        got: dict[str, object] = {"id": test.id.hex(), "got": test.count.bytes}
        if test.count.is_whole:
            got["digest"] = test.count.digest
            self._over(source, test)
        try:
            self._client.custom.post(_device(source), trial.INFORMATION_TYPE, trial.say(**got))
        except EsError as error:
            self._teller.remark(f"{name_of(source)} cannot be told what has come: {error}")

    # --- tests --------------------------------------------------------------------------------------------------------
    def _begin(self, source: Any, words: dict[str, Any]) -> bytes:
        size, test = trial.number(words, "size"), trial.test_id(words)
        now = self._client.reactor.seconds()
        self._tests = {who: each for who, each in self._tests.items() if now - each.latest_at < _FORGOTTEN}
        self._tests.pop(_device(source), None)
        if len(self._tests) >= _MOST_TESTS:
            return trial.say(refused=f"{_MOST_TESTS} others are testing; try again later")
        self._tests[_device(source)] = _Test(test, size, now)
        self._teller.remark(f"{name_of(source)}: sends {size_of(size)}")
        return trial.say(id=test.hex())

    def _over(self, source: Any, test: _Test) -> None:
        del self._tests[_device(source)]
        seconds = max(test.latest_at - test.began_at, 1e-6)
        speed, way = test.count.bytes * 8 / seconds / 1e6, way_to(self._client, _device(source))
        text = f"{name_of(source)}: {size_of(test.count.bytes)} came in {seconds:.1f} s, {speed:.0f} Mbit/s, {way}"
        facts = {"bytes": test.count.bytes, "seconds": round(seconds, 3), "mbit_s": round(speed, 1), "way": way}
        self._teller.tell(text, event="received", user=str(source), **facts)

    async def _nat(self) -> bytes:
        try:
            report = await self._client.p2p.examine_nat()
        except EsError:
            # Whoever asks is told what is known: nothing.
            return trial.say(kind="unknown")
        return trial.say(kind=report.kind.value)


def _device(source: Any) -> str:
    return getattr(source, "login_id", None) or str(source)
