"""Logging: what an entry looks like, where it goes, what it cannot do; `logging` comes by the same door."""

from __future__ import annotations

import io
import json
import logging
import stat
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogBeginner, Logger, LogLevel, LogPublisher
from twisted.python.failure import Failure

from esframework.logs import (
    KEPT_FILES,
    LONGEST_ENTRY,
    json_line,
    log_observer,
    route_standard_library,
    start_logging,
    text_line,
)


def event(text: str, **facts: Any) -> dict[str, Any]:
    return {
        "log_format": text,
        "log_time": 1_700_000_000.25,
        "log_level": LogLevel.info,
        "log_namespace": "esframework.server",
        **facts,
    }


def failure(error: Exception) -> Failure:
    try:
        raise error
    except type(error):
        return Failure()


def written(make: Callable[[dict[str, Any]], str | None], of: dict[str, Any]) -> str:
    line = make(of)
    assert line is not None
    return line


def test_a_text_entry_has_time_origin_level_and_message() -> None:
    line = written(text_line, event("{user} came", user="alice"))
    assert line.startswith("2023-11-1")
    assert line.endswith(" [esframework.server#info] alice came\n")


def test_a_text_entry_shows_the_traceback_indented() -> None:
    lines = written(text_line, event("broken", log_failure=failure(ValueError("odd")))).splitlines()
    assert "broken" in lines[0]
    assert len(lines) > 2
    assert all(line.startswith("\t") for line in lines[1:])
    assert lines[-1].strip() == "builtins.ValueError: odd"


def test_a_json_entry_is_one_object_with_the_facts_under_their_names() -> None:
    line = written(json_line, event("{user} came", user="alice", connections=3, transport=object()))
    assert line.count("\n") == 1
    assert json.loads(line) == {
        "time": "2023-11-14T22:13:20.250Z",
        "level": "info",
        "logger": "esframework.server",
        "message": "alice came",
        "user": "alice",
        "connections": 3,
    }


def test_a_json_entry_has_the_traceback_apart() -> None:
    entry = json.loads(written(json_line, event("broken", log_failure=failure(ValueError("odd")))))
    assert entry["message"] == "broken"
    assert "ValueError: odd" in entry["traceback"]


def test_facts_cannot_replace_what_the_entry_says_itself() -> None:
    entry = json.loads(written(json_line, event("came", level="critical", time="never", logger="x")))
    assert (entry["level"], entry["logger"]) == ("info", "esframework.server")
    assert entry["time"].startswith("2023")


def test_numbers_that_json_does_not_know_become_text() -> None:
    entry = json.loads(written(json_line, event("{x}", x=float("nan"))), parse_constant=pytest.fail)
    assert entry["x"] == "nan"


@pytest.mark.parametrize("make", [text_line, json_line])
def test_an_empty_event_is_not_written(make: Callable[[dict[str, Any]], str | None]) -> None:
    assert make({"log_level": LogLevel.info}) is None


def test_what_a_peer_sent_begins_no_entry_and_steers_no_terminal() -> None:
    line = written(text_line, event("{name}", name="x\n2026 [admin#info] forged\x1b[2J\x9b\r\x00"))
    first, second = line.splitlines()
    assert second.startswith("\t")
    assert not set(line) & {"\x1b", "\x9b", "\r", "\x00"}
    assert "\\x1b[2J" in second


@pytest.mark.parametrize("make", [text_line, json_line])
def test_a_huge_entry_is_cut_and_says_so(make: Callable[[dict[str, Any]], str | None]) -> None:
    line = written(make, event("{words}", words="x" * (LONGEST_ENTRY + 1000)))
    assert "characters more" in line
    assert len(line) < 3 * LONGEST_ENTRY


@pytest.mark.parametrize("make", [text_line, json_line])
def test_text_that_utf_8_cannot_carry_is_written_anyway(make: Callable[[dict[str, Any]], str | None]) -> None:
    assert written(make, event("{name}", name="a\ud800b")).encode("utf-8")


def test_the_level_filters() -> None:
    stream = io.StringIO()
    observer = log_observer(level="warn", stream=stream)
    for level in (LogLevel.debug, LogLevel.info, LogLevel.warn, LogLevel.critical):
        observer(event(level.name, log_level=level))
    assert [line.split("] ")[1] for line in stream.getvalue().splitlines()] == ["warn", "critical"]


def test_an_unknown_level_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="'loud': expected debug, info, warn, error or critical"):
        log_observer(level="loud")


def test_a_file_is_private_and_continued(tmp_path: Path) -> None:
    file = tmp_path / "log" / "es.log"
    for text in ("one", "two"):
        log_observer(file)(event(text))
    assert [line.split("] ")[1] for line in file.read_text().splitlines()] == ["one", "two"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_a_file_rotates_by_bytes_and_old_ones_are_dropped(tmp_path: Path) -> None:
    file = tmp_path / "es.log"
    observer = log_observer(file, rotate_size=1000)
    for _ in range(200):
        observer(event("李" * 100))
    files = sorted(tmp_path.iterdir())
    assert len(files) == 1 + KEPT_FILES
    assert all(path.stat().st_size < 1500 for path in files)


def test_a_rotate_size_of_zero_means_never(tmp_path: Path) -> None:
    observer = log_observer(tmp_path / "es.log", rotate_size=0)
    for _ in range(200):
        observer(event("x" * 100))
    assert [path.name for path in tmp_path.iterdir()] == ["es.log"]


def test_a_file_that_cannot_be_opened_is_an_error_at_once(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="es.log"):
        (tmp_path / "es.log").mkdir()
        log_observer(tmp_path / "es.log")


@pytest.fixture
def twisted_events() -> Iterator[list[dict[str, Any]]]:
    """Everything that reaches Twisted's log."""
    from twisted.logger import globalLogPublisher

    events: list[dict[str, Any]] = []
    globalLogPublisher.addObserver(events.append)
    yield events
    globalLogPublisher.removeObserver(events.append)


@pytest.mark.parametrize(
    ("number", "level"),
    [(10, "debug"), (20, "info"), (25, "info"), (30, "warn"), (40, "error"), (50, "critical"), (5, "debug")],
)
def test_the_standard_library_s_levels_are_translated(
    twisted_events: list[dict[str, Any]], number: int, level: str
) -> None:
    undo = route_standard_library("debug")
    logging.getLogger().setLevel(1)
    logging.getLogger("somebody").log(number, "%s {braces}", "with")
    undo()
    (seen,) = twisted_events
    assert (seen["log_level"].name, seen["log_namespace"]) == (level, "somebody")
    assert "with {braces}" in written(text_line, seen)


def test_the_standard_library_s_exceptions_keep_their_traceback(twisted_events: list[dict[str, Any]]) -> None:
    undo = route_standard_library()
    try:
        raise ZeroDivisionError("by hand")
    except ZeroDivisionError:
        logging.getLogger("somebody").exception("it broke")
    undo()
    assert "ZeroDivisionError: by hand" in written(text_line, twisted_events[0])


@pytest.mark.parametrize(("level", "number"), [("info", 0), ("debug", 1)])
def test_what_a_library_finds_of_its_own_is_told_at_debug_only(
    twisted_events: list[dict[str, Any]], level: str, number: int
) -> None:
    undo = route_standard_library(level)
    logging.getLogger("alembic.runtime.plugins").info("setup plugin %s", "x")
    undo()
    assert len(twisted_events) == number


def test_undoing_leaves_logging_as_it_was(twisted_events: list[dict[str, Any]]) -> None:
    root = logging.getLogger()
    before = (root.level, list(root.handlers))
    route_standard_library("debug")()
    assert (root.level, list(root.handlers)) == before


def test_start_logging_shows_what_was_logged_before_and_stops(tmp_path: Path) -> None:
    publisher = LogPublisher()
    showwarning = warnings.showwarning
    beginner = LogBeginner(publisher, io.StringIO(), sys, warnings)
    log = Logger(namespace="test", observer=publisher)
    log.info("early")
    stream = io.StringIO()
    try:
        stop = start_logging(as_json=True, stream=stream, beginner=beginner, publisher=publisher)
        log.info("now")
        stop()
        log.info("late")
    finally:
        warnings.showwarning = showwarning
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["early", "now"]
