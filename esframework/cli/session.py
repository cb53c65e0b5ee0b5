"""Running a program on the reactor: one coroutine, an exit code, an orderly end whatever happens.

`run_client` brings a client that is logged on; `run` nothing. Knows no command and no option.
"""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any, Final, TypeAlias

import click
from twisted.internet.defer import Deferred
from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    eventAsText,
    globalLogBeginner,
)
from twisted.python.failure import Failure
from zope.interface import provider

from esframework.cli.account import Account
from esframework.client.engine import ClientEngine
from esframework.client.keeper import LogonResponse
from esframework.client.options import ClientOptions
from esframework.errors import (
    ConnectionFailed,
    EsError,
    LocalError,
    LogonFailed,
    NotLoggedOn,
    RemoteError,
)
from esframework.net.clock import use_monotonic_time
from esframework.wire.types import LogonResult

DONE: Final = 0
FAILED: Final = 1
"""Refused or failed."""
WRONG_USAGE: Final = 2
NO_CONNECTION: Final = 3
NOT_WANTED: Final = 4
"""Of transfers: the other end refused. Unlike a failure, it is not worth another try."""

Program: TypeAlias = Callable[[Any], Awaitable[int | None]]
"""What runs: gets the reactor (or the client) and returns an exit code, None for 0."""


class SessionEnded(RemoteError):
    """The server ended the session for good: kicked out, pushed out."""


def run_client(
    account: Account,
    password: str,
    program: Program,
    *,
    handler: Any = None,
    options: ClientOptions | None = None,
    as_json: bool = False,
) -> int:
    """Log on, `await program(client)`, close in an orderly way; returns the exit code, see `run`.

    While the program runs the engine comes back by itself when the connection is lost (unless the options say no). When
    the session is over for good, the program is cancelled, and this fails.
    """

    async def main(reactor: Any) -> int | None:
        client = ClientEngine(handler, options=options, reactor=reactor)
        try:
            await _log_on(client, account, password)
            return await while_in_session(client, program)
        finally:
            await client.close()

    return run(main, as_json=as_json)


def run(main: Program, *, as_json: bool = False) -> int:
    """Run the reactor until `await main(reactor)` is done; returns the exit code. Once in a process.

    An error of the framework is told in one line on standard error (a JSON object on standard output, if so wanted)
    and becomes the code of `explain`; any other is raised here. Ctrl-C and SIGTERM cancel `main`, which may still clean
    up; the code is then 128 + the signal's number (130, 143). A second Ctrl-C kills.
    """
    from twisted.internet import reactor as installed

    reactor: Any = installed
    use_monotonic_time(reactor)
    _log_warnings()
    ended = _Ended()
    running: list[Deferred[Any]] = []

    def begin() -> None:
        running.append(Deferred.fromCoroutine(_started(main, reactor)))
        running[0].addCallbacks(ended.done, ended.failed)
        running[0].addBoth(lambda _: reactor.callLater(0, reactor.stop))

    def cancel() -> None:
        for waiting in running:
            waiting.cancel()

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        ended.signal = number
        # A signal's handler may run anywhere, and only this wakes the reactor.
        reactor.callFromThread(cancel)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, interrupt)
    reactor.callWhenRunning(begin)
    reactor.run(installSignalHandlers=False)
    return ended.exit_code(as_json)


def explain(error: EsError) -> int:
    """The exit code that an error of the framework means."""
    if isinstance(error, (ConnectionFailed, NotLoggedOn)):
        return NO_CONNECTION
    return WRONG_USAGE if isinstance(error, LocalError) else FAILED


def tell_error(error: EsError, as_json: bool) -> None:
    """One line about an error: for people on standard error, for scripts as JSON on standard output."""
    if as_json:
        click.echo(json.dumps({"error": type(error).__name__, "cause": str(error)}, ensure_ascii=False))
    else:
        click.echo(f"esframework: {error}", err=True)


class _Ended:
    """How the program ended."""

    def __init__(self) -> None:
        self.code = DONE
        self.failure: Failure | None = None
        self.signal: int | None = None

    def done(self, code: int | None) -> None:
        self.code = code or DONE

    def failed(self, failure: Failure) -> None:
        self.failure = failure

    def exit_code(self, as_json: bool) -> int:
        """The code; tells the error, and raises one that is not the framework's."""
        if self.signal is not None:
            return 128 + self.signal
        if self.failure is None:
            return self.code
        error = self.failure.value
        if isinstance(error, EsError):
            tell_error(error, as_json)
            return explain(error)
        self.failure.raiseException()


async def _started(main: Program, reactor: Any) -> int | None:
    return await main(reactor)


async def _log_on(client: ClientEngine, account: Account, password: str) -> None:
    try:
        await client.log_on(account.user_id, password, account.endpoint)
    except ConnectionFailed as error:
        text = str(error)
        raise ConnectionFailed(text if account.endpoint in text else f"{account.endpoint}: {text}") from None


async def while_in_session(client: ClientEngine, program: Program) -> int | None:
    """Run the program; when the session is over before, cancel it and say why."""
    reasons: list[EsError] = []
    running: list[Deferred[int | None]] = []

    def over(reason: EsError) -> None:
        reasons.append(reason)
        for waiting in running:
            waiting.cancel()

    def relogon_completed(response: LogonResponse) -> None:
        if response.result != LogonResult.SUCCEED:
            over(LogonFailed(response.result, response.cause))

    def interrupted() -> None:
        if not client.options.auto_reconnect:
            over(ConnectionFailed("the connection was lost"))

    subscriptions = [
        client.basic.being_kicked_out.subscribe(lambda: over(SessionEnded("kicked out by the server"))),
        client.basic.being_pushed_out.subscribe(
            lambda: over(SessionEnded("pushed out: the same account logged on elsewhere"))
        ),
        client.relogon_completed.subscribe(relogon_completed),
        client.connection_interrupted.subscribe(interrupted),
    ]
    try:
        running.append(Deferred.fromCoroutine(_started(program, client)))
        if reasons:
            running[0].cancel()
        return await running[0]
    except Exception:
        if reasons:
            raise reasons[0] from None
        raise
    finally:
        for subscription in subscriptions:
            subscription.cancel()


def _log_warnings() -> None:
    """What goes wrong behind the program's back is told on standard error; nothing else is."""

    @provider(ILogObserver)
    def show(event: LogEvent) -> None:
        failure = event.get("log_failure")
        # Our own errors say everything in their text; any other is a fault, and its traceback says where.
        error = None if failure is None else failure.value
        is_ours = isinstance(error, EsError)
        text = eventAsText(event, includeTraceback=not is_ours, includeTimestamp=False, includeSystem=False)
        if is_ours:
            text += f": {error}"
        if text:
            print(f"esframework: {text}", file=sys.stderr)

    quiet = FilteringLogObserver(show, [LogLevelFilterPredicate(defaultLogLevel=LogLevel.warn)])
    globalLogBeginner.beginLoggingTo([quiet], redirectStandardIO=False)
