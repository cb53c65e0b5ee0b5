"""Every exception of the framework: who erred (this program or the other end), and the protocol's number where it has
one.

`LocalError`: this program asked for what cannot be; mend the call. `RemoteError`: the other end, or the way to it,
failed; the call was right. Each message names what, which value, and what was expected.
"""

from __future__ import annotations

import errno


class EsError(Exception):
    """Root of the tree; `except EsError` catches everything that the framework raises on purpose."""


class LocalError(EsError):
    """This program erred; nothing was sent."""


class RemoteError(EsError):
    """The other end or the network erred."""


# --- this program --------------------------------------------------------------------------------------------------
class ContractError(LocalError, TypeError):
    """A class cannot be carried by the compact serializer; says class, field, type and what to do."""


class InvalidOption(LocalError, ValueError):
    """An option of an engine cannot be so; names the option, its value and what is expected."""


class EncodeError(LocalError, ValueError):
    """A value does not fit the field that should carry it; names the field."""


class InvalidUserId(LocalError, ValueError):
    """An id breaks a rule of protocol section 5, rule 8; names the id and the rule."""


class NotLoggedOn(LocalError):
    """The client engine has no session: log on first, or wait for `relogon_completed`."""


class NoP2PChannel(LocalError):
    """Information was to go by P2P only, and there is no channel to the target."""


class P2PConnectFailed(EsError):
    """No P2P channel could be opened; says why. Messages go by the server."""


class ChannelClosed(LocalError):
    """A P2P channel has ended, and nothing can be sent by it; a new one may be opened."""


class ChannelOverflow(LocalError):
    """More bytes wait on the connection than its hard limit allows; wait for `send()` or use `OnBusy.DISCARD`."""


class TooManyRequests(LocalError):
    """More requests are unanswered than `limits.MAX_OPEN_REQUESTS`."""


class WindowFull(LocalError):
    """More messages wait for their receipts than a window holds: wait for some of them. Nothing was sent."""


class PluginError(LocalError):
    """A manager cannot be installed; names the manager and the reason."""


class MissingExtra(LocalError, ImportError):
    """A feature needs a package that is not installed; names the extra that brings it."""

    def __init__(self, feature: str, extra: str) -> None:
        super().__init__(f"{feature} needs the extra '{extra}': pip install 'esframework[{extra}]'")


# --- stores --------------------------------------------------------------------------------------------------------
class ComeBackLater(LocalError):
    """Too much waits already; `delay` is the number of seconds after which to try again.

    The delay is different each time, so that many who were refused together do not return together.
    """

    def __init__(self, text: str, delay: float) -> None:
        super().__init__(text)
        self.delay = delay


class StoreError(LocalError):
    """A store cannot do its work; names the file or database and the reason. Nothing was changed."""


class StoreClosed(StoreError):
    """The store was not opened, or has been closed."""


class StoreBusy(StoreError):
    """Somebody else held the store locked for too long; the same call may succeed later."""


class StoreFull(StoreError):
    """There is no room for the change: the disk, a quota or a size limit is exhausted."""


class StoreReadOnly(StoreError):
    """The store can be read and not be written."""


class StoreAway(StoreError):
    """The database cannot be reached now; a later call finds it when it is back."""


class SchemaTooNew(StoreError):
    """A newer release of this software has changed the store; this one would misread it. Names both versions."""


class SchemaTooOld(StoreError):
    """The store must be upgraded first (`esframework store upgrade`). Names both versions."""


class StoreRefusal(LocalError):
    """What was asked of a store cannot be; nothing was changed. Root of the refusals below."""


class InvalidText(StoreRefusal, ValueError):
    """A short text is too long, or holds what no database can keep; names the text's purpose and the rule."""


class InvalidPassword(StoreRefusal, ValueError):
    """A password that cannot be stored; says the rule and never the password."""


class AccountExists(StoreRefusal):
    """An account of that name is there already; names it."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"account {user_id!r} exists already")


class NoSuchAccount(StoreRefusal, LookupError):
    """No account has that name; names it."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"there is no account {user_id!r}")


class InvalidContact(StoreRefusal, ValueError):
    """Nobody is a contact of himself; names the user."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"{user_id!r} cannot be a contact of itself")


class NoSuchRelation(StoreRefusal, LookupError):
    """The other has not asked to be a contact; names both."""

    def __init__(self, owner: str, other: str) -> None:
        super().__init__(f"{other!r} has not asked to be a contact of {owner!r}")


class ContactBlocked(StoreRefusal):
    """One of two users has blocked the other: `by` says who."""

    def __init__(self, by: str, other: str) -> None:
        super().__init__(f"{by!r} has blocked {other!r}")
        self.by = by


class ContactsFull(StoreRefusal):
    """`user_id` has as many contacts, or as many unanswered requests, as a user may have."""

    def __init__(self, user_id: str, what: str, maximum: int) -> None:
        super().__init__(f"{user_id!r} has {maximum} {what} already, and may have no more")
        self.user_id = user_id


class GroupExists(StoreRefusal):
    """A group of that id is there already; names it."""

    def __init__(self, group_id: str) -> None:
        super().__init__(f"group {group_id!r} exists already")


class NoSuchGroup(StoreRefusal, LookupError):
    """No group has that id; names it."""

    def __init__(self, group_id: str) -> None:
        super().__init__(f"there is no group {group_id!r}")


class NotAMember(StoreRefusal, LookupError):
    """A group's owner must be one of its members; names both."""

    def __init__(self, group_id: str, user_id: str) -> None:
        super().__init__(f"{user_id!r} is no member of group {group_id!r}")


class GroupFull(StoreRefusal):
    """A group would have more members than a group may have; names it and the maximum."""

    def __init__(self, group_id: str, maximum: int) -> None:
        super().__init__(f"group {group_id!r} would have more than {maximum} members")


class TooManyGroups(StoreRefusal):
    """`user_id` would be in more groups than a user may be in."""

    def __init__(self, user_id: str, maximum: int) -> None:
        super().__init__(f"{user_id!r} is in {maximum} groups already, and may be in no more")
        self.user_id = user_id


class QuotaExceeded(StoreRefusal):
    """A user's waiting messages fill the quota; `messages` and `bytes` are what waits, both quotas are in the text."""

    def __init__(self, target: str, messages: int, size: int, maximum_messages: int, maximum_bytes: int) -> None:
        super().__init__(
            f"{messages} messages ({size} bytes) wait for {target!r};"
            f" at most {maximum_messages or 'any number of'} messages and {maximum_bytes or 'any number of'} bytes may"
        )
        self.target = target
        self.messages = messages
        self.bytes = size


class FileQuotaExceeded(StoreRefusal):
    """A file for somebody absent does not fit into what may be kept: `asked` is its size in bytes, None where nothing
    fits; `kept` and `allowed` are (files, bytes), 0 in `allowed` is no limit. All are in the text."""

    def __init__(self, whose: str, asked: int | None, kept: tuple[int, int], allowed: tuple[int, int]) -> None:
        files, size = (number or "any number of" for number in allowed)
        what = "nothing more fits" if asked is None else f"a file of {asked} bytes does not fit"
        is_too_large = asked is not None and 0 < allowed[1] < asked
        super().__init__(
            f"{what}: {kept[0]} files ({kept[1]} bytes) are kept {whose},"
            f" at most {files} files and {size} bytes may{'' if is_too_large else '; try again when some were fetched'}"
        )
        self.asked = asked
        self.kept = kept
        self.allowed = allowed


class NotKept(LocalError):
    """A message to somebody absent is not kept; `reason` is the `RequestFailure` that its sender is told."""

    def __init__(self, text: str, reason: int) -> None:
        super().__init__(text)
        self.reason = reason


# --- files of this machine -----------------------------------------------------------------------------------------
class DestinationExists(LocalError, FileExistsError):
    """Where something was to be there is something already that stays: `filename` is its path, `strerror` says why.

    What was received is still there under its temporary name.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(errno.EEXIST, reason, path)

    def __str__(self) -> str:
        return f"{self.filename} {self.strerror}"


class SourceRefused(LocalError):
    """A file or folder cannot be sent as it is; names it, and says why."""


class SourceChanged(LocalError):
    """A file became shorter while it was being sent; names it, and both sizes in bytes."""

    def __init__(self, path: str, expected: int, found: int) -> None:
        super().__init__(f"{path!r} had {expected} bytes when it was offered and has only {found} now; send it again")
        self.path = path
        self.expected = expected
        self.found = found


# --- the other end -------------------------------------------------------------------------------------------------
class InvalidMessage(RemoteError):
    """Bytes from a peer are no frame of the protocol. `kind` is a `MessageInvalidType`."""

    def __init__(self, kind: int, detail: str) -> None:
        super().__init__(detail)
        self.kind = kind


class WrongUserId(RemoteError):
    """A peer sent a frame in somebody else's name."""


class UnsafePath(RemoteError, ValueError):
    """A name or path that a peer sent is none that this machine takes; names the part of it, the reason, and what would
    do. Nothing was touched."""


class PathClash(RemoteError):
    """Two entries of a tree are one file on this file system (upper and lower case, or two spellings of one accent), or
    somebody put something there meanwhile; names the entry. The first is untouched."""


class WrongTree(RemoteError, ValueError):
    """What a peer sent is not the tree that it offered: too much, too little, or in an order that cannot be; says
    which."""


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
    """A request was not answered as hoped. `target` is None for the server, `cause` its own words, if any."""

    cause: str = ""

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


class KeptOffline(RequestError):
    """The target is not online; the server has written the message to its disk, and hands it over later.

    `id` is the stored message's; nothing is to be sent again.
    """

    def __init__(self, text: str, target: str | None, request_type: int, id: str) -> None:
        super().__init__(text, target, request_type)
        self.id = id


class NotPermitted(RequestError):
    """The server's permission hook refused; nothing was done."""


class AttachmentRefused(RequestError):
    """The receiver does not want an attachment, or no more of it; `cause` is what it said. The information before it
    was handled."""

    def __init__(self, text: str, target: str | None, request_type: int, cause: str) -> None:
        super().__init__(text, target, request_type)
        self.cause = cause


class AttachmentFailed(RequestError):
    """An attachment did not arrive whole, and nothing of it is left at the receiver; says why."""


class TransferInterrupted(EsError):
    """A file or folder did not get through; `disruption` is a `wire.types.FileDisruption`, `cause` says more.

    What made it fail here is its `__cause__`.
    """

    def __init__(self, text: str, disruption: int, cause: str) -> None:
        super().__init__(text)
        self.disruption = disruption
        self.cause = cause


# --- channels from one to the other ---------------------------------------------------------------------------------
class PacketError(RemoteError):
    """An authenticated packet breaks the channel's protocol; names the frame and what is wrong. The channel ends."""


class KeyRefused(RemoteError, ValueError):
    """A public key from the other end is none, or one with which every shared secret is the same."""


class RendezvousRefused(RemoteError, ValueError):
    """A request to a P2P server, or an answer of one, does not count; `args[0]` is the reason, in one word."""


class DialFailed(RemoteError):
    """No TCP connection to an other end came about; names its address and the reason.

    `was_refused`: something there answered that it wants none, now; otherwise nothing answered, or no way leads there.
    """

    def __init__(self, text: str, was_refused: bool) -> None:
        super().__init__(text)
        self.was_refused = was_refused


class PortNotMapped(RemoteError):
    """The router does not forward a port to this machine; names the port and what the router said."""
