"""From a class and its annotations to the formats that carry it: the only place that looks into classes.

Refuses with `ContractError` whatever the wire has no form for; never sees a value or a byte.
"""

from __future__ import annotations

import dataclasses
import inspect
import types
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, Final, Union, get_args, get_origin, get_type_hints

from esframework.errors import ContractError
from esframework.wire import compact_containers as containers
from esframework.wire import compact_formats as formats
from esframework.wire.compact_types import PLAIN_NUMBERS, Color, DateFormat, Image, Number

_UNIONS: Final = (Union, types.UnionType)
_HAVE_NULL: Final = (
    formats.TextFormat,
    formats.BytesFormat,
    formats.ImageFormat,
    containers.ListFormat,
    containers.DictFormat,
    containers.ClassFormat,
)
_MAY_BE_KEYS: Final = (
    formats.NumberFormat,
    formats.BoolFormat,
    formats.EnumFormat,
    formats.TextFormat,
    formats.BytesFormat,
    formats.DatetimeFormat,
)
_ADVICE: Final[dict[object, str]] = {
    list: "say of what: list[T]",
    dict: "say of what: dict[K, V]",
    set: "declare list[T]",
    frozenset: "declare list[T]",
    tuple: "declare list[T], or a dataclass where the parts differ",
    bytearray: "declare bytes",
    memoryview: "declare bytes",
    complex: "declare two floats",
    Decimal: "declare str or float",
    date: "declare datetime",
    time: "declare datetime, or int for a number of seconds",
    timedelta: "declare float for a number of seconds",
    Any: "declare the type that travels",
    object: "declare the type that travels",
}


def wire_order(name: str) -> tuple[list[tuple[int, str]], str]:
    """Sort key of a wire name: .NET's culture order.

    Letters are compared without regard to case; '_' comes before digits, digits before letters, and a name
    before those that it begins. Of names that differ in case alone, the one with the first lowercase letter
    comes first.
    """
    ranked = [(0 if letter == "_" else 1 if letter.isdigit() else 2, letter) for letter in name.lower()]
    return ranked, name.swapcase()


def wire_name(field: dataclasses.Field[Any]) -> str:
    """A field's name on the wire: its `metadata={"wire": ...}`, else its own in PascalCase."""
    given: str | None = field.metadata.get("wire")
    if given is not None:
        return given
    return "".join(part[:1].upper() + part[1:] for part in field.name.split("_"))


class Compiler:
    """Makes the formats of one declared type and of everything inside it."""

    def __init__(self, dates: DateFormat) -> None:
        self._dates = dates
        self._classes: dict[type, containers.ClassFormat] = {}
        self._place = ""

    def format_of(self, declared: Any) -> formats.Format:
        """The format of a type. Raises ContractError, naming class, field, type and what to do."""
        origin = get_origin(declared)
        arguments = get_args(declared)
        if origin is Annotated:
            marks = [mark for mark in declared.__metadata__ if isinstance(mark, Number)]
            return formats.NumberFormat(marks[0]) if marks else self.format_of(arguments[0])
        if origin in _UNIONS:
            return self._nullable(declared, arguments)
        if origin is list and len(arguments) == 1:
            return containers.ListFormat(self.format_of(arguments[0]))
        if origin is dict and len(arguments) == 2:
            return self._dictionary(*arguments)
        if isinstance(declared, type) and origin is None:
            return self._plain(declared)
        known = Any if declared is Any else origin
        raise self._refusal(declared, _ADVICE.get(known, "no type of the wire corresponds to it"))

    def _plain(self, declared: type) -> formats.Format:
        if declared in PLAIN_NUMBERS:
            return formats.NumberFormat(PLAIN_NUMBERS[declared])
        if declared is bool:
            return formats.BoolFormat()
        if declared is str:
            return formats.TextFormat()
        if declared is bytes:
            return formats.BytesFormat()
        if declared is datetime:
            return formats.DatetimeFormat(self._dates)
        if declared is Color:
            return formats.ColorFormat()
        if declared is Image:
            return formats.ImageFormat()
        if issubclass(declared, Enum):
            return self._enumeration(declared)
        if dataclasses.is_dataclass(declared):
            return self._class(declared)
        advice = _ADVICE.get(declared, "make it a dataclass, or declare what it consists of")
        raise self._refusal(declared, advice)

    def _nullable(self, declared: Any, arguments: tuple[Any, ...]) -> formats.Format:
        kinds = [kind for kind in arguments if kind is not type(None)]
        if len(kinds) != 1:
            raise self._refusal(declared, "a field has one type, and `| None` where that may be null")
        inner = self.format_of(kinds[0])
        if not isinstance(inner, _HAVE_NULL):
            advice = f"the wire has no null for {inner.name}: choose a value that means none"
            raise self._refusal(declared, advice)
        return containers.NullableFormat(inner)

    def _dictionary(self, key_type: Any, value_type: Any) -> formats.Format:
        key = self.format_of(key_type)
        if not isinstance(key, _MAY_BE_KEYS):
            advice = "a dictionary's keys are numbers, bools, enumerations, text, bytes or dates"
            raise self._refusal(key_type, advice)
        return containers.DictFormat(key, self.format_of(value_type))

    def _enumeration(self, declared: type[Enum]) -> formats.Format:
        if not issubclass(declared, int):
            raise self._refusal(declared, "enumerations travel as int32: derive it from IntEnum")
        if not all(-(2**31) <= member.value < 2**31 for member in declared):
            raise self._refusal(declared, "enumerations travel as int32: a member lies outside it")
        return formats.EnumFormat(declared)

    def _class(self, contract: type) -> containers.ClassFormat:
        known = self._classes.get(contract)
        if known is None:
            known = self._classes[contract] = containers.ClassFormat(contract)
            hints = self._hints(contract)
            fields = [field for field in dataclasses.fields(contract) if field.init]
            self._check_construction(contract, fields)
            self._check_names(contract, fields)
            fields.sort(key=lambda field: wire_order(wire_name(field)))
            known.fill([self._field(contract, field, hints[field.name]) for field in fields])
        return known

    def _field(
        self, contract: type, field: dataclasses.Field[Any], declared: Any
    ) -> tuple[str, str, formats.Format]:
        outer, self._place = self._place, f"{contract.__qualname__}.{field.name}"
        made = field.name, wire_name(field), self.format_of(declared)
        self._place = outer
        return made

    def _hints(self, contract: type) -> dict[str, Any]:
        try:
            return get_type_hints(contract, include_extras=True)
        except (NameError, AttributeError, SyntaxError, TypeError):
            # A class made inside a function cannot be found by its own name, though it may well hold itself.
            own = {contract.__name__: contract}
        try:
            return get_type_hints(contract, localns=own, include_extras=True)
        except (NameError, AttributeError, SyntaxError, TypeError) as error:
            raise ContractError(
                f"{contract.__qualname__}: an annotation cannot be resolved ({error}); "
                "define what it names at the top of the module, and not under TYPE_CHECKING"
            ) from None

    def _check_construction(self, contract: type, fields: list[dataclasses.Field[Any]]) -> None:
        parameters = inspect.signature(contract).parameters
        carried = {field.name for field in fields}
        for name, parameter in parameters.items():
            if name not in carried and parameter.default is parameter.empty:
                raise ContractError(
                    f"{contract.__qualname__}: it needs {name!r} to be made, which is no field that travels; "
                    "give it a default"
                )
        if missing := carried - parameters.keys():
            raise ContractError(
                f"{contract.__qualname__}: its own __init__ does not take the field {min(missing)!r}; "
                "let dataclass write __init__"
            )

    def _check_names(self, contract: type, fields: list[dataclasses.Field[Any]]) -> None:
        owners: dict[str, str] = {}
        for field in fields:
            name = wire_name(field)
            place = f"{contract.__qualname__}.{field.name}"
            if not (isinstance(name, str) and name.isascii() and name.isidentifier()):
                raise ContractError(
                    f"{place}: {name!r} is no name of ASCII letters, digits and '_', so its place "
                    "in the order is uncertain; give one as field(metadata={'wire': 'Name'})"
                )
            if name in owners:
                raise ContractError(
                    f"{place}: has the wire name {name!r} of {owners[name]!r} too; give it another as "
                    "field(metadata={'wire': 'Name'})"
                )
            owners[name] = field.name

    def _refusal(self, declared: Any, advice: str) -> ContractError:
        shown = declared.__qualname__ if isinstance(declared, type) else declared
        place = f"{self._place}: " if self._place else ""
        return ContractError(f"{place}{shown} cannot be carried by the compact serializer: {advice}")
