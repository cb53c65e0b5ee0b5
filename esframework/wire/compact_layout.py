"""A contract's bytes as a table, for whoever writes the other end elsewhere (manual, technique 08).

Only reads the formats that the compiler made; knows neither annotations nor values.
"""

from __future__ import annotations

from dataclasses import dataclass

from esframework.wire import compact_containers as containers
from esframework.wire import compact_formats as formats


@dataclass(frozen=True, slots=True)
class FieldFormat:
    """One part of a body. `start_offset` and `length` are bytes, None where they depend on the value.

    `Name[]` is an item of the list `Name`, `Name{key}` and `Name{value}` are a pair of a dictionary; they
    repeat.
    """

    field_name: str
    type: str
    start_offset: int | None
    length: int | None


def rows_of(body: formats.Format, name: str) -> list[FieldFormat]:
    """The rows of a body of that format; `name` stands for the body itself."""
    walk = _Walk()
    walk.visit(body, name, "", False)
    return walk.rows


class _Walk:
    def __init__(self) -> None:
        self.rows: list[FieldFormat] = []
        self._offset: int | None = 0
        self._open: list[containers.ClassFormat] = []

    def visit(self, part: formats.Format, name: str, inside: str, nullable: bool) -> None:
        """Append the rows of `part`; `inside` begins the names of its own parts."""
        match part:
            case containers.NullableFormat():
                self.visit(part.inner, name, inside, True)
                self._offset = None
            case containers.ListFormat():
                self._length(f"{name}Count", nullable)
                self._repeated(part.item, f"{name}[]")
            case containers.DictFormat():
                self._length(f"{name}Count", nullable)
                self._repeated(part.key, f"{name}{{key}}")
                self._repeated(part.value, f"{name}{{value}}")
            case containers.ClassFormat():
                self._class(part, name, inside, nullable)
            case formats.ImageFormat():
                self._length(f"{name}Len", nullable)
                self._row(f"{name}IsGif", "bool", 1)
                self._row(name, part.name, None)
            case formats.TextFormat() | formats.BytesFormat():
                self._length(f"{name}Len", nullable)
                self._row(name, part.name, None)
            case _:
                self._row(name, part.name, part.size)

    def _class(self, part: containers.ClassFormat, name: str, inside: str, nullable: bool) -> None:
        if part in self._open:
            self._row(name, f"{part.name}, as above", None)
            return
        self._length(f"{name}Len", nullable)
        self._open.append(part)
        for _, wire_name, field in part.fields:
            self.visit(field, inside + wire_name, f"{inside}{wire_name}.", False)
        self._open.pop()

    def _repeated(self, part: formats.Format, name: str) -> None:
        self._offset = None
        self.visit(part, name, f"{name}.", False)
        self._offset = None

    def _length(self, name: str, nullable: bool) -> None:
        self._row(name, "int32, -1 = null" if nullable else "int32", 4)

    def _row(self, name: str, kind: str, length: int | None) -> None:
        self.rows.append(FieldFormat(name, kind, self._offset, length))
        if self._offset is not None:
            self._offset = None if length is None else self._offset + length
