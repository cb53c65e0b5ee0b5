"""Options that would show to be wrong only when somebody logs on."""

from __future__ import annotations

from typing import Any

import pytest

from esframework import ContactsOptions, HandlerMode, OfflineOptions, RelogonMode, ServerOptions
from esframework.errors import InvalidOption
from esframework.server.devices import ONE_DEVICE
from esframework.wire.profile import ClientType7


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("exclusive_devices", "all", "sets of numbers"),
        ("exclusive_devices", ("linux", "mac"), "sets of numbers"),
        ("exclusive_devices", (frozenset({9, 77}),), "sets of numbers"),
        ("exclusive_devices", frozenset({9}), "sets of numbers"),
        ("exclusive_devices", None, "sets of numbers"),
        ("allowed_client_types", "linux", "numbers of client types"),
        ("allowed_client_types", 9, "numbers of client types"),
        ("administrators", "bob", "a set of names"),
        ("administrators", [1], "a set of names"),
        ("relogon_mode", "ignore_new", "one of RelogonMode"),
        ("handler_mode", "task_queue", "one of HandlerMode"),
    ],
)
def test_a_wrong_option_is_named_with_what_is_expected(name: str, value: Any, expected: str) -> None:
    options: Any = {name: value}
    with pytest.raises(InvalidOption, match=f"^{name} is .*{expected}"):
        ServerOptions(**options)


def test_options_of_managers_are_checked_as_well() -> None:
    wrong: Any = "all"
    with pytest.raises(InvalidOption, match="source of contacts is 'all'"):
        ContactsOptions(source=wrong)
    for types in (1, 2), range(3), "all":
        wrong = types
        with pytest.raises(InvalidOption, match="a tuple of ranges"):
            OfflineOptions(types=wrong)


def test_what_can_be_is_taken() -> None:
    kinds = frozenset({ClientType7.LINUX, ClientType7.MAC})
    for exclusive in (), ONE_DEVICE, (kinds, frozenset({2, 4})):
        ServerOptions(exclusive_devices=exclusive)
    ServerOptions(
        administrators=frozenset({"bob"}),
        allowed_client_types=frozenset({3}),
        relogon_mode=RelogonMode.IGNORE_NEW,
        handler_mode=HandlerMode.TASK_QUEUE,
        contacts=ContactsOptions(source="stored"),
        offline=OfflineOptions(types=(range(3), range(7, 9))),
    )
