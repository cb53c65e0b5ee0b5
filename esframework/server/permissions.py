"""Who may do what: the application's hook first, then the action's default; errors refuse. Knows no action."""

from __future__ import annotations

from collections.abc import Callable

from twisted.logger import Logger

from esframework.interfaces import Permission
from esframework.server.refusals import Refusals

_log = Logger()


class Permissions:
    """Fails closed. An open server asks nobody.

    `known(user_id)` says who is an administrator besides the `administrators`; it is to answer at once.
    """

    def __init__(
        self,
        is_open: bool,
        administrators: frozenset[str],
        hook: Permission | None,
        refusals: Refusals,
        known: Callable[[str], bool],
    ) -> None:
        self.is_open = is_open
        self._known = known
        self._administrators = administrators
        self._hook = hook
        self._refusals = refusals

    def is_administrator(self, user_id: str) -> bool:
        """Whether a user may do what only administrators may."""
        return self.is_open or user_id in self._administrators or self._known(user_id)

    def permit(self, action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        """Whether `user_id` may do `action` to `target`; a refusal is counted."""
        try:
            allowed = self._decide(action, user_id, target, default)
        except Exception:
            _log.failure("the permission hook failed for {action}; it is refused", action=action)
            allowed = False
        if not allowed:
            self._refusals.add(f"not_permitted_{action}")
        return allowed

    def _decide(self, action: str, user_id: str, target: str | None, default: Callable[[], bool]) -> bool:
        verdict = None if self._hook is None else self._hook(action, user_id, target)
        if verdict is None:
            return self.is_open or default() is True
        return verdict is True
