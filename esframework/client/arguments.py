"""What a program may log on with, checked before anything is begun: whatever is wrong must leave the engine as it was.

Knows no rules of names: those are the server's, and it says which one is broken.
"""

from __future__ import annotations

from typing import Any

from esframework.errors import InvalidUserId, LocalError
from esframework.wire.login_id import bare_id


def check_log_on(user_id: Any, password: Any, endpoint: Any) -> None:
    """Raise LocalError for the first argument of a log-on that cannot be sent; a password is never repeated in it."""
    if not isinstance(user_id, str) or not _is_unicode(user_id):
        raise InvalidUserId(f"user_id is {user_id!r}; a text is expected")
    if not bare_id(user_id):
        raise InvalidUserId(f"user_id is {user_id!r}; the name of an account is expected, which is not empty")
    if not isinstance(password, str):
        raise LocalError(f"password is {type(password).__name__}; a text is expected, '' where none is needed")
    if not _is_unicode(password):
        raise LocalError("password holds half a surrogate pair; a text that UTF-8 can carry is expected")
    if not isinstance(endpoint, str) and not callable(getattr(endpoint, "connect", None)):
        raise LocalError(
            f"endpoint is {endpoint!r}; a text such as 'tcp:example.org:4530' or an IStreamClientEndpoint is expected"
        )


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
