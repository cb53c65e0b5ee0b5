"""The numbers of delivery."""

from __future__ import annotations

from esframework.managers.delivery.options import DeliveryOptions


def test_the_window_is_what_was_promised() -> None:
    options = DeliveryOptions()
    assert (options.window, options.messages, options.bytes) == (120.0, 1000, 1024 * 1024)
    assert options.messages_in_all > options.messages
