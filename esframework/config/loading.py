"""A `ServiceConfig` from a TOML file and from flags, which override it; or every problem that they have.

Knows the grammar of neither: TOML is the standard library's work, flags come parsed.
"""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import Field, dataclass, fields
from pathlib import Path
from typing import Any, Final

from esframework.config.problems import ConfigError
from esframework.config.rules import Seconds, WrongItem
from esframework.config.service import TABLES, ServiceConfig

_FLAGS: Final = {"log.file": "--log", "log.level": "--log-level", "log.json": "--log-json", "p2p.port": "--p2p"}
"""Flags that are not called as their key is."""

_SHORT: Final = {"p2p": "port"}
"""Tables in whose place one of their keys can be written: `p2p = "off"`."""

_HEADER: Final = re.compile(r"\s*\[\s*([\w.\"'-]+)\s*\]\s*(#.*)?$")


def load_config(
    file: Path | None = None, flags: Mapping[str, object] | None = None, called: Mapping[str, str] | None = None
) -> ServiceConfig:
    """Read `file`, put `flags` over it, and check everything.

    Flags are named as in the file, `table.key` (`log.level`), and None means that one was not given; `called` are those
    that a program calls otherwise (`{"p2p.port": "--port"}`).
    Relative paths begin at the file's folder, those of flags at the current one. Raises `ConfigError` with
    every problem.
    """
    reading = _Reading({table: {} for table in TABLES}, [])
    if file is not None:
        _read_file(reading, file)
    for name, value in (flags or {}).items():
        if value is not None:
            _read_flag(reading, name, value, {**_FLAGS, **(called or {})})
    problems = reading.problems or _contradictions(reading.values)
    if problems:
        raise ConfigError(problems)
    tables = {name: TABLES[name](**reading.values[name]) for name in TABLES if name}
    return ServiceConfig(**reading.values[""], **tables)


@dataclass(slots=True)
class _Reading:
    """What has been read so far: checked values by table and key, and what was wrong."""

    values: dict[str, dict[str, Any]]
    problems: list[str]


def _read_file(reading: _Reading, file: Path) -> None:
    try:
        text = file.read_text(encoding="utf-8")
        content = tomllib.loads(text)
    except OSError as error:
        raise ConfigError([f"{file}: cannot be read ({error.strerror})"]) from error
    except UnicodeDecodeError as error:
        raise ConfigError([f"{file}: is not UTF-8 (byte {error.start})"]) from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{file}: is not TOML: {error}"]) from error
    source = _Source(file, text.splitlines())
    for key, value in content.items():
        if key in TABLES and isinstance(value, dict):
            for inner, inner_value in value.items():
                _read_key(reading, source, key, inner, inner_value)
        elif key in _SHORT and not isinstance(value, list):
            option = _options(key)[_SHORT[key]]
            _check(reading, key, option, value, source.file.parent, f"{source.place('', key)}{key}")
        elif key in TABLES:
            reading.problems.append(f"{source.place('', key)}{key}: expected a table, written [{key}]")
        else:
            _read_key(reading, source, "", key, value)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file's name and lines, to say where in it something stands."""

    file: Path
    lines: list[str]

    def place(self, table: str, key: str) -> str:
        """`es.toml, line 4, [session] ` as far as it can be told."""
        line = self._line(table, key)
        shown = f"[{table}] " if table else ""
        return f"{self.file}{f', line {line}' if line else ''}: {shown}"

    def _line(self, table: str, key: str) -> int | None:
        """The line of a key, or of the table called `key`: searched, since the TOML reader tells none."""
        name = rf"[\"']?{re.escape(key)}[\"']?"
        plain = re.compile(rf"\s*{name}\s*[.=]")
        dotted = re.compile(rf"\s*[\"']?{re.escape(table)}[\"']?\s*\.\s*{name}\s*=")
        current = ""
        for number, line in enumerate(self.lines, 1):
            header = _HEADER.match(line)
            if header:
                current = header[1].strip("\"'")
                if not table and current == key:
                    return number
            elif (current == table and plain.match(line)) or (table and not current and dotted.match(line)):
                return number
        return None


def _read_key(reading: _Reading, source: _Source, table: str, key: str, value: object) -> None:
    place = source.place(table, key)
    option = _options(table).get(key)
    if option is None:
        what = f"unknown table [{key}]" if isinstance(value, dict) and not table else f'unknown key "{key}"'
        reading.problems.append(f"{place}{what}{_hint(table, key, isinstance(value, dict))}")
        return
    _check(reading, table, option, value, source.file.parent, f"{place}{key}")


def _read_flag(reading: _Reading, name: str, value: object, called: Mapping[str, str]) -> None:
    table, _, key = name.rpartition(".")
    flag = called.get(name, f"--{key.replace('_', '-')}")
    _check(reading, table, _options(table)[key], value, Path(), flag)


def _check(
    reading: _Reading, table: str, option: Field[Any], value: object, folder: Path, place: str
) -> None:
    rule = option.metadata["rule"]
    try:
        reading.values[table][option.name] = rule.check(value, folder)
    except ValueError as error:
        is_secret = option.metadata["secret"]
        shown = "" if is_secret else f" = {_short(value)}"
        item = _wrong_item(error, is_secret) if isinstance(error, WrongItem) else ""
        reading.problems.append(f"{place}{shown}: expected {rule.expected}{item}")


def _wrong_item(error: WrongItem, is_secret: bool) -> str:
    """Which item of a list is wrong, and what it should be."""
    if is_secret:
        return f"; item {error.place} is none"
    return f"; item {error.place} is {_short(error.item)}, expected {error.expected}"


def _options(table: str) -> dict[str, Field[Any]]:
    """The options of a table by key; tables inside the top level are none."""
    return {option.name: option for option in fields(TABLES[table]) if "rule" in option.metadata}


def _hint(table: str, key: str, is_table: bool) -> str:
    """The nearest right name: in the same table, else in another one."""
    if is_table and not table:
        names = {name: f"[{name}]" for name in TABLES if name}
    else:
        here = {name: f'"{name}"' for name in _options(table)}
        there = {
            name: f'"{name}" in {f"[{other}]" if other else "the top level"}'
            for other in TABLES
            if other != table
            for name in _options(other)
        }
        names = here if difflib.get_close_matches(key, here) else there
        if key in there:
            names = there
    near = difflib.get_close_matches(key, names, n=1)
    if near:
        return f"; did you mean {names[near[0]]}?"
    return "; it may hold " + ", ".join(sorted(_options(table))) if table else ""


_NOT_BELOW: Final = (
    ("limits", "hard_limit", "high_water"),
    ("limits", "hard_limit", "max_message"),
    ("delivery", "messages_in_all", "messages"),
    ("delivery", "bytes_in_all", "bytes"),
)
"""Table, and two of its keys: the first may not be less than the second."""


def _contradictions(chosen: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """Pairs of options that cannot both be kept."""
    problems = []
    for table, greater, lesser in _NOT_BELOW:
        options = TABLES[table](**chosen[table])
        value, least = getattr(options, greater), getattr(options, lesser)
        if value < least:
            problems.append(f"[{table}] {greater} = {value}: expected at least {lesser} ({least})")
    p2p = TABLES["p2p"](**chosen["p2p"])
    if p2p.servers and p2p.secret is None and p2p.secret_file is None:
        problems.append("[p2p] servers: expected a secret or secret_file as well, the one that those servers have")
    offline = TABLES["offline"](**chosen["offline"])
    if offline.request_type is not None and offline.request_type == offline.delivery_type:
        problems.append(
            f"[offline] delivery_type = {offline.delivery_type}: expected another type than request_type, such as"
            f" {offline.request_type ^ 1}"
        )
    return problems


def oddities(config: ServiceConfig) -> list[str]:
    """What is valid and probably not meant: times below 0."""
    return [
        f"{f'[{table}] ' if table else ''}{name} = {value:g}: means the same as 0 ({option.metadata['rule'].zero})"
        for table in TABLES
        for name, option in _options(table).items()
        if isinstance(option.metadata["rule"], Seconds)
        and (value := getattr(getattr(config, table) if table else config, name)) is not None
        and value < 0
    ]


def _short(value: object) -> str:
    """A value as people would write it, cut where it is long."""
    shown = str(value).lower() if isinstance(value, bool) else repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
