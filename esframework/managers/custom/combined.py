"""Several handlers as one: each says which information types it can handle (manual, technique 03)."""

from __future__ import annotations

from typing import Any

from zope.interface import implementer

from esframework.errors import LocalError
from esframework.interfaces import IAttachmentHandler, IDeliveryHandler, IIntegratedHandler, IOfflineHandler
from esframework.managers.custom.attachments.contracts import TAKES_NO_ATTACHMENTS
from esframework.wire.login_id import Source


class UnhandledType(LocalError):
    """Nobody handles an information type."""


@implementer(IIntegratedHandler, IAttachmentHandler, IOfflineHandler, IDeliveryHandler)
class CombinedHandler:
    """Gives each message to the first of `handlers` that can handle its type; may be nested as deep as wanted."""

    def __init__(self, *handlers: Any) -> None:
        self.handlers = handlers

    def can_handle(self, information_type: int) -> bool:
        """Whether one of them can."""
        return any(handler.can_handle(information_type) for handler in self.handlers)

    def handle_information(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        """See `ICustomHandler`; raises UnhandledType when none can."""
        return self._find(information_type).handle_information(source, information_type, content)

    def handle_query(self, source: str | None, information_type: int, content: bytes | None) -> Any:
        """See `ICustomHandler`; raises UnhandledType when none can."""
        return self._find(information_type).handle_query(source, information_type, content)

    def attachment_offered(self, source: Source | None, information_type: int, attachment: Any) -> Any:
        """See `IAttachmentHandler`; refuses when the handler of the type takes no attachments."""
        offered = getattr(self._find(information_type), "attachment_offered", None)
        if offered is None:
            return TAKES_NO_ATTACHMENTS
        return offered(source, information_type, attachment)

    def handle_offline(self, message: Any) -> Any:
        """See `IOfflineHandler`; a handler that is none gets ordinary information. Raises UnhandledType when none
        can."""
        return self._handle_whole("handle_offline", message)

    def handle_delivery(self, message: Any) -> Any:
        """See `IDeliveryHandler`; as `handle_offline`."""
        return self._handle_whole("handle_delivery", message)

    def _handle_whole(self, method: str, message: Any) -> Any:
        handler = self._find(message.information_type)
        handle = getattr(handler, method, None)
        if handle is not None:
            return handle(message)
        return handler.handle_information(message.source, message.information_type, message.content)

    def _find(self, information_type: int) -> Any:
        for handler in self.handlers:
            if handler.can_handle(information_type):
                return handler
        raise UnhandledType(f"no handler for information type {information_type}")
