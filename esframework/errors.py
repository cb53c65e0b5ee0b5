"""Every exception of the framework: who erred (this program or the other end), and the protocol's number where it has
one.

`LocalError`: this program asked for what cannot be; mend the call. `RemoteError`: the other end, or the way to it,
failed; the call was right. Each message names what, which value, and what was expected.
"""

from __future__ import annotations


class EsError(Exception):
    """Root of the tree; `except EsError` catches everything that the framework raises on purpose."""


class LocalError(EsError):
    """This program erred; nothing was sent."""


class RemoteError(EsError):
    """The other end or the network erred."""


# --- this program --------------------------------------------------------------------------------------------------
class ContractError(LocalError, TypeError):
    """A class cannot be carried by the compact serializer; says class, field, type and what to do."""


class EncodeError(LocalError, ValueError):
    """A value does not fit the field that should carry it; names the field."""


class InvalidUserId(LocalError, ValueError):
    """An id breaks a rule of protocol section 5, rule 8; names the id and the rule."""


class NotLoggedOn(LocalError):
    """The client engine has no session: log on first, or wait for `relogon_completed`."""


class NoP2PChannel(LocalError):
    """Information was to go by P2P only, and there is no channel to the target."""


class ChannelOverflow(LocalError):
    """More bytes wait on the connection than its hard limit allows; wait for `send()` or use `OnBusy.DISCARD`."""


class TooManyRequests(LocalError):
    """More requests are unanswered than `limits.MAX_OPEN_REQUESTS`."""


class PluginError(LocalError):
    """A manager cannot be installed; names the manager and the reason."""


class MissingExtra(LocalError, ImportError):
    """A feature needs a package that is not installed; names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'esframework[{extra}]'")


# --- the other end -------------------------------------------------------------------------------------------------
class InvalidMessage(RemoteError):
    """Bytes from a peer are no frame of the protocol. `kind` is a `MessageInvalidType`."""

    def __init__(self, kind: int, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class WrongUserId(RemoteError):
    """A peer sent a frame in somebody else's name."""


class MalformedBody(RemoteError, ValueError):
    """A body does not hold what its type demands; names field and offset."""


class LogonFailed(RemoteError):
    """The server refused a log-on. `result` is a `LogonResult`, `cause` the server's text.

    `retry_after` is the number of seconds after which it may be otherwise, None for a refusal that is final.
    """

    def __init__(self, result: int, cause: str, retry_after: float | None = None) -> None:
        super().__init__(f"log-on refused: {cause or getattr(result, 'name', result)}")
        self.result = result
        self.cause = cause
        self.retry_after = retry_after


class ConnectionFailed(RemoteError):
    """No connection to the server could be made; names the endpoint and the reason."""


class RequestError(RemoteError):
    """A request was not answered as hoped. `target` is None for the server."""

    def __init__(self, text: str, target: str | None, request_type: int) -> None:
        super().__init__(text)
        self.target = target
        self.request_type = request_type


def request_label(request_type: int) -> str:
    """What an error calls a request: a message type by its name, an application's information type by its number."""
    name: str | None = getattr(request_type, "name", None)
    return f"type {request_type}" if name is None else name.lower().replace("_", " ")


class RequestTimeout(RequestError, TimeoutError):
    """No answer came in time; the target may still have handled the request."""


class HandlerRaised(RequestError):
    """The target's handler raised, or nobody there handles that information type."""


class ConnectionInterrupted(RequestError):
    """The connection was lost while the answer was awaited; the target may have handled the request."""


class NotDelivered(RequestError):
    """The server did not bring the request to its target, or not the answer back; `reason` is a `RequestFailure`."""

    def __init__(self, text: str, target: str | None, request_type: int, reason: int) -> None:
        super().__init__(text, target, request_type)
        self.reason = reason


class TargetAbsent(RequestError):
    """The target is not online; nothing was delivered."""


class NotPermitted(RequestError):
    """The server's permission hook refused; nothing was done."""
