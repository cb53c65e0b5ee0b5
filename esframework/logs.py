"""Where the log goes: text or JSON lines, on standard error or in a file that rotates; one door for two
logging systems.

Sets up observers of `twisted.logger` and routes the standard library's `logging` into it. Knows no message
of the product: whoever logs uses `twisted.logger.Logger`.
"""

from __future__ import annotations

import json
import logging
import math
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, TextIO, cast

from twisted.logger import (
    FileLogObserver,
    FilteringLogObserver,
    ILogObserver,
    InvalidLogLevelError,
    LogBeginner,
    LogEvent,
    Logger,
    LogLevel,
    LogLevelFilterPredicate,
    LogPublisher,
    eventAsText,
    globalLogBeginner,
    globalLogPublisher,
)
from twisted.python.failure import Failure
from twisted.python.logfile import LogFile

ROTATE_SIZE: Final = 1024 * 1024
"""Bytes after which a new file is begun."""

KEPT_FILES: Final = 10
"""Old files that are kept: `es.log.1` is the youngest."""

TALKATIVE: Final = "alembic.runtime.plugins"
"""A library's logger that tells at info, at every first start, that it has found its own parts."""

LONGEST_ENTRY: Final = 64 * 1024
"""Characters of one entry; what peers send gets into logs, and nobody reads more."""

_FROM_LOGGING: Final = (
    (logging.CRITICAL, LogLevel.critical),
    (logging.ERROR, LogLevel.error),
    (logging.WARNING, LogLevel.warn),
    (logging.INFO, LogLevel.info),
)

_LEGACY: Final = frozenset({"message", "isError", "system", "time", "why", "format", "printed"})
"""What the old `twisted.python.log` leaves in events; it is in their text already."""

# Line ends stay, to be indented; everything else that steers a terminal is shown instead of obeyed.
_CONTROLS: Final = {
    code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) not in "\n\t"
}


def start_logging(
    file: Path | None = None,
    *,
    level: str = "info",
    as_json: bool = False,
    rotate_size: int = ROTATE_SIZE,
    stream: TextIO | None = None,
    beginner: LogBeginner = globalLogBeginner,
    publisher: LogPublisher = globalLogPublisher,
) -> Callable[[], None]:
    """Begin to log what this process logs, as `log_observer` says; returns what ends it.

    For a program of its own, once: what was logged before is not lost. Under twistd, which begins logging
    itself, use `log_observer` as the application's `ILogObserver` component, and `route_standard_library`.
    """
    observer = log_observer(file, level=level, as_json=as_json, rotate_size=rotate_size, stream=stream)
    beginner.beginLoggingTo([observer], redirectStandardIO=False)
    unroute = route_standard_library(level)

    def stop() -> None:
        unroute()
        publisher.removeObserver(observer)

    return stop


def log_observer(
    file: Path | None = None,
    *,
    level: str = "info",
    as_json: bool = False,
    rotate_size: int = ROTATE_SIZE,
    stream: TextIO | None = None,
) -> ILogObserver:
    """An observer that writes events from `level` up, as text or as JSON, one entry after another.

    They go to `file`, which is created for this user alone and rotates after `rotate_size` bytes (0:
    never), or to `stream`, by default the standard error of this moment. Raises OSError when the file
    cannot be opened and ValueError for a level that there is not (debug, info, warn, error, critical). An
    entry that cannot be written is lost without harm to whoever logged it.
    """
    least = _level(level)
    output: Any = stream or sys.stderr
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        output = _RotatingFile(  # type: ignore[no-untyped-call]
            file.name,
            str(file.parent),
            rotateLength=rotate_size or None,
            defaultMode=0o600,
            maxRotatedFiles=KEPT_FILES,
        )
    written = FileLogObserver(output, json_line if as_json else text_line)
    return FilteringLogObserver(written, [LogLevelFilterPredicate(defaultLogLevel=least)])


def route_standard_library(level: str = "info") -> Callable[[], None]:
    """Make what libraries log with `logging`, from `level` up, events of Twisted's; returns the undoing."""
    least = _level(level)
    root = logging.getLogger()
    previous = root.level
    handler = _IntoTwisted()
    root.addHandler(handler)
    root.setLevel(next((number for number, name in _FROM_LOGGING if name is least), logging.DEBUG))
    talkative = logging.getLogger(TALKATIVE)
    its_previous = talkative.level
    if least is not LogLevel.debug:
        talkative.setLevel(logging.WARNING)

    def undo() -> None:
        talkative.setLevel(its_previous)
        root.removeHandler(handler)
        root.setLevel(previous)

    return undo


def text_line(event: LogEvent) -> str | None:
    """An event for people: time, origin and level, text, traceback; further lines are indented. None if it
    is empty.

    What others put into it cannot begin a new entry, steer a terminal, or fill the disk.
    """
    text = eventAsText(event)
    return _safe(text).rstrip().replace("\n", "\n\t") + "\n" if text else None


def json_line(event: LogEvent) -> str | None:
    """An event for programs: one object on one line. None if it is empty.

    `time` (UTC), `level`, `logger`, `message`, `traceback` where there is one; and, under their own names,
    the text, numbers and switches that the message was made from.
    """
    message = eventAsText(event, includeTraceback=False, includeTimestamp=False, includeSystem=False)
    failure = event.get("log_failure")
    if not message and failure is None:
        return None
    entry = {key: _plain(value) for key, value in event.items() if _is_fact(key, value)}
    moment = datetime.fromtimestamp(event.get("log_time", 0.0), UTC)
    level = event.get("log_level")
    entry["time"] = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    entry["level"] = level.name if level is not None else "info"
    entry["logger"] = event.get("log_namespace", "")
    entry["message"] = _safe(message or repr(failure))
    if failure is not None:
        entry["traceback"] = _safe(failure.getTraceback())
    return json.dumps(entry, ensure_ascii=False) + "\n"


class _IntoTwisted(logging.Handler):
    """Turns records of `logging` into events of `twisted.logger`."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            level = next((name for number, name in _FROM_LOGGING if record.levelno >= number), LogLevel.debug)
            facts: dict[str, Any] = {"log_text": record.getMessage()}
            if record.exc_info and record.exc_info[1] is not None:
                kind, error, traceback = record.exc_info
                facts["log_failure"] = cast(Any, Failure)(error, kind, traceback)
            Logger(namespace=record.name).emit(level, "{log_text}", **facts)
        except Exception:
            self.handleError(record)


class _RotatingFile(LogFile):
    """A log file whose size is counted in bytes, whatever the script of what is logged."""

    def write(self, data: str | bytes) -> None:
        content = data.encode("utf-8") if isinstance(data, str) else data
        super().write(content)  # type: ignore[no-untyped-call]


def _level(name: str) -> Any:
    try:
        return LogLevel.levelWithName(name)
    except InvalidLogLevelError:
        raise ValueError(f"log level {name!r}: expected debug, info, warn, error or critical") from None


def _is_fact(key: str, value: object) -> bool:
    return (
        not key.startswith("log_") and key not in _LEGACY and isinstance(value, (str, int, float, type(None)))
    )


def _plain(value: object) -> object:
    if isinstance(value, str):
        return _safe(value)
    return repr(value) if isinstance(value, float) and not math.isfinite(value) else value


def _safe(text: str) -> str:
    """Text that can be written in UTF-8, steers nothing and has an end."""
    if len(text) > LONGEST_ENTRY:
        text = f"{text[:LONGEST_ENTRY]}… ({len(text) - LONGEST_ENTRY} characters more)"
    return text.translate(_CONTROLS).encode("utf-8", "backslashreplace").decode("utf-8")
