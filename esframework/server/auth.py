"""Verifiers and twisted.cred checkers as one function. Knows nothing of connections."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from twisted.cred.checkers import ICredentialsChecker
from twisted.cred.credentials import IUsernamePassword, UsernamePassword
from twisted.cred.error import LoginFailed
from twisted.internet.defer import inlineCallbacks, maybeDeferred
from zope.interface import implementer

from esframework.errors import PluginError
from esframework.interfaces import IVerifier, LogOnRequest, Verify

REFUSED = "unknown account or wrong password"


def as_verify(verifier: Any) -> Verify | None:
    """The function that decides about log-ons; None (everybody is admitted) for no verifier.

    Takes an `IVerifier`, any object with `verify`, a twisted.cred checker, or a sequence of checkers, asked in turn.
    Raises PluginError for anything else.
    """
    if verifier is None:
        return None
    if hasattr(verifier, "verify"):
        verify: Verify = verifier.verify
        return verify
    checkers = list(verifier) if isinstance(verifier, Iterable) else [verifier]
    for checker in checkers:
        if not ICredentialsChecker.providedBy(checker):
            raise PluginError(f"{checker!r} is neither an IVerifier nor a twisted.cred checker")
        if not any(_takes_plain_password(interface) for interface in checker.credentialInterfaces):
            raise PluginError(f"{checker!r} cannot check user names with plain passwords, which is what log-ons carry")
    return CheckerVerifier(checkers).verify


def _takes_plain_password(interface: Any) -> bool:
    """Whether a checker's credential interface takes a user name and a plain password."""
    return bool(IUsernamePassword.isOrExtends(interface) or interface.isOrExtends(IUsernamePassword))


@implementer(IVerifier)
class CheckerVerifier:
    """Asks twisted.cred checkers in turn; the first that knows the avatar admits it."""

    def __init__(self, checkers: list[Any]) -> None:
        self._checkers = checkers

    @inlineCallbacks
    def verify(self, request: LogOnRequest) -> Any:
        """True, or why not."""
        credentials = UsernamePassword(request.user_id.encode(), request.password.encode())
        for checker in self._checkers:
            try:
                avatar = yield maybeDeferred(checker.requestAvatarId, credentials)
            except LoginFailed:
                continue
            if avatar in (request.user_id, request.user_id.encode()):
                return True
        return REFUSED
