"""What stores keep, and what they may be asked: accounts, contacts, groups, messages and files to those who are away.

Every method returns a Deferred, and may fail with a `StoreError` (nothing was changed then) or `ComeBackLater`;
refusals are `StoreRefusal`s; all are in `esframework.errors`. Names obey protocol section 5, rule 8: changes fail with
`InvalidUserId` for one that does not, questions know nothing of it. Lists are sorted by code points.

Programs import these names from `esframework.interfaces`. Nothing here knows a database or a frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from zope.interface import Attribute, Interface

from esframework.errors import FileQuotaExceeded

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred


class Role(IntEnum):
    """What an account may do."""

    USER = 0
    ADMINISTRATOR = 1


@dataclass(frozen=True, slots=True)
class Account:
    """An account without its password; `created_at` is in seconds UTC."""

    user_id: str
    role: Role = Role.USER
    profile: Mapping[str, str] = field(default_factory=dict)
    created_at: float = 0.0


class IAccounts(Interface):
    """Who may log on, with which password, as what; and the tokens of sessions.

    What takes a password fails with `ComeBackLater` when too many passwords are being hashed already.
    """

    def add(
        user_id: str, password: str, role: Role = Role.USER, profile: Mapping[str, str] | None = None
    ) -> Deferred[None]:
        """Make an account, and delete what still waits for that name in the same `IStores`, in one transaction: it was
        for an earlier owner.

        Fails with `InvalidUserId`, `InvalidPassword`, `InvalidText` or `AccountExists`.
        """

    def remove(user_id: str) -> Deferred[None]:
        """Delete an account and all that any store of the same `IStores` holds of the user, in one transaction.

        Groups that the user owned go to the first of the other members, or vanish. Fails with `NoSuchAccount`.
        """

    def set_password(user_id: str, password: str) -> Deferred[None]:
        """Replace a password and drop the account's tokens. Fails with `InvalidPassword` or `NoSuchAccount`."""

    def set_role(user_id: str, role: Role) -> Deferred[None]:
        """Fails with `NoSuchAccount`."""

    def modify(user_id: str, profile: Mapping[str, str]) -> Deferred[None]:
        """Replace the profile: up to `limits.MAX_PROFILE_FIELDS` short texts. Fails with `InvalidText` or
        `NoSuchAccount`."""

    def account(user_id: str) -> Deferred[Account | None]:
        """The account, or None."""

    def user_ids() -> Deferred[list[str]]:
        """Every account's name: for tools; servers ask for pages."""

    def page(prefix: str, after: str | None, limit: int) -> Deferred[list[Account]]:
        """Up to `limit` accounts whose names begin with `prefix` (compared exactly) and come behind `after`."""

    def exists(user_id: str) -> Deferred[bool]:
        """Whether there is such an account."""

    def verify(user_id: str, password: str) -> Deferred[bool]:
        """Whether there is such an account and this is its password, at the end as at the beginning of the check.

        Unknown names and wrong passwords take the same time.
        """

    def add_token(digest: bytes, user_id: str, login_id: str, expires_at: float) -> Deferred[None]:
        """Keep a session token, of which only its digest is known here; no account is needed.

        Beyond `limits.MAX_SESSION_TOKENS` of a user, the one that expires first goes.
        """

    def token_owner(digest: bytes, now: float) -> Deferred[tuple[str, str] | None]:
        """(user id, LoginID) of a token that has not expired, or None."""

    def drop_tokens(user_id: str, digest: bytes | None = None) -> Deferred[int]:
        """Forget one token of the user, or all; fires with their number."""

    def expire_tokens(now: float) -> Deferred[int]:
        """Forget what has expired; fires with the number."""


class RelationState(IntEnum):
    """How one user stands to another."""

    ASKED = 1
    ASKED_BY = 2
    ACCEPTED = 3
    BLOCKED = 4


@dataclass(frozen=True, slots=True)
class Relation:
    """One direction: how `owner` stands to `other`. `text` came with the request, `since` is in seconds UTC."""

    owner: str
    other: str
    state: RelationState
    text: str = ""
    since: float = 0.0


class IContactStore(Interface):
    """Who is whose contact. Both directions are changed at once. Changes fail with `InvalidContact` for oneself.

    Whom an owner has asked, accepted or blocked counts against `limits.MAX_CONTACTS`; unanswered requests of others
    count against `limits.MAX_CONTACT_REQUESTS`. No account is needed.
    """

    def ask(owner: str, other: str, text: str = "") -> Deferred[RelationState]:
        """Ask to be a contact; fires with how `owner` stands now: ACCEPTED when the other had asked already.

        Fails with `ContactBlocked` (either way), `ContactsFull` or `InvalidText`.
        """

    def accept(owner: str, other: str) -> Deferred[bool]:
        """Accept a request; False when they were contacts already. Fails with `NoSuchRelation`, `ContactsFull`."""

    def refuse(owner: str, other: str) -> Deferred[None]:
        """Refuse a request: nothing of it stays. Fails with `NoSuchRelation`."""

    def remove(owner: str, other: str) -> Deferred[bool]:
        """End a contact or a request, in both directions; blocks stay. Fires with whether there was one."""

    def block(owner: str, other: str) -> Deferred[bool]:
        """Block the other, which ends contact and requests; False when it was so. Fails with `ContactsFull`."""

    def unblock(owner: str, other: str) -> Deferred[bool]:
        """Take a block back; False when there was none. They are strangers afterwards."""

    def contacts_of(owner: str) -> Deferred[list[str]]:
        """Whom the owner has accepted or been accepted by. Asked often: may be answered from a cache."""

    def relations(owner: str) -> Deferred[list[Relation]]:
        """All that the owner stands in, sorted by the other's name."""

    def is_blocked(owner: str, by: str) -> Deferred[bool]:
        """Whether `by` has blocked `owner`."""


@dataclass(frozen=True, slots=True)
class StoredGroup:
    """A group as it is kept; `members` are sorted and the owner is one of them."""

    group_id: str
    owner: str
    tag: str
    members: tuple[str, ...]


class IGroupStore(Interface):
    """Groups that outlive their members' sessions. Ids are without the `_` of virtual ids, and obey the rule of names.

    Changes other than `create` fail with `NoSuchGroup`.
    """

    def create(group_id: str, owner: str, tag: str = "", members: Iterable[str] = ()) -> Deferred[StoredGroup]:
        """Make a group of the owner and the members.

        Fails with `GroupExists`, `GroupFull`, `TooManyGroups` or `InvalidText`.
        """

    def group(group_id: str) -> Deferred[StoredGroup | None]:
        """The group, or None. Asked often: may be answered from a cache."""

    def groups_of(user_id: str) -> Deferred[list[str]]:
        """Ids of the groups that a user is in. Asked often: may be answered from a cache."""

    def add_members(group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """Fires with those who were none before. Fails with `GroupFull` or `TooManyGroups`; then nobody was added."""

    def remove_members(group_id: str, members: Iterable[str]) -> Deferred[list[str]]:
        """Fires with those who were members. When the owner goes, the first of the others owns it; when the last
        goes, so does the group."""

    def set_owner(group_id: str, owner: str) -> Deferred[None]:
        """Fails with `NotAMember`."""

    def set_tag(group_id: str, tag: str) -> Deferred[None]:
        """Fails with `InvalidText`."""

    def dissolve(group_id: str) -> Deferred[list[str]]:
        """Delete the group; fires with those who were its members."""


@dataclass(frozen=True, slots=True)
class StoredMessage:
    """A message kept for somebody absent. Times are in seconds UTC; `source` None is the server.

    `id` is the sender's word, unique for each target; `number` the store's: it only grows, and is the order.
    `handed_out` counts how often it was given to the target without being acknowledged, before it was kept included.
    """

    id: str
    target: str
    source: str | None
    source_device: int | None
    information_type: int
    content: bytes | None
    received_at: float
    expires_at: float
    handed_out: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class MessageSummary:
    """A stored message without its content, of which `size` is the length."""

    id: str
    target: str
    source: str | None
    source_device: int | None
    information_type: int
    size: int
    received_at: float
    expires_at: float
    handed_out: int
    number: int


@dataclass(frozen=True, slots=True)
class Quota:
    """What may wait for one user: messages, and bytes of their content. 0 means no limit."""

    messages: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What waits for one target; `oldest_at` is when the first of it came, in seconds UTC."""

    target: str
    messages: int
    bytes: int
    oldest_at: float


class IOfflineStore(Interface):
    """Messages to users who are away. What has expired is still there until `expire` takes it away."""

    def keep(message: StoredMessage, quota: Quota) -> Deferred[int]:
        """Keep a message; fires with its number once it is committed and synced to the disk, no earlier.

        The same id for the same target again is harmless: fires with the first one's number. Fails with
        `QuotaExceeded`, `InvalidUserId` or `InvalidText`, and with `ComeBackLater` when too much waits to be written.
        """

    def waiting(target: str, after_number: int, max_messages: int, max_bytes: int) -> Deferred[list[StoredMessage]]:
        """The next messages in order, behind `after_number`; one at least if there is one, however long it is."""

    def summaries(target: str, after_number: int, limit: int) -> Deferred[list[MessageSummary]]:
        """The same without their contents."""

    def handed_out(target: str, numbers: Iterable[int]) -> Deferred[None]:
        """Count that these were given to the target."""

    def acknowledge(target: str, numbers: Iterable[int]) -> Deferred[int]:
        """Delete what the target has acknowledged; fires with how many of these were there."""

    def usage(target: str) -> Deferred[tuple[int, int]]:
        """(messages, bytes) that wait for the target."""

    def totals() -> Deferred[tuple[int, int]]:
        """(messages, bytes) that wait for everybody."""

    def mailboxes(after: str | None, limit: int) -> Deferred[list[Mailbox]]:
        """Up to `limit` targets for whom anything waits, behind the name `after`."""

    def purge(target: str | None, older_than: float | None) -> Deferred[int]:
        """Delete what waits for the target (None: for everybody) and came before `older_than` (None: all).

        One portion after another, so that messages can be kept meanwhile; what was deleted before a failure stays so.
        """

    def expire(now: float) -> Deferred[int]:
        """Delete what has expired, as `purge` does; fires with the number."""


@dataclass(frozen=True, slots=True)
class StoredFile:
    """What stores know of a file or folder that is kept for somebody absent; its content lies in the data folder, under
    `blob`. Times are in seconds UTC, but `modified_at` is in nanoseconds; `source` None is the server.

    `id` is the source's word, unique for each target; `number` the store's: it only grows, and is the order. `size` are
    the bytes of all its `files`. `handed_out` counts how often it was offered to the target and not received.
    """

    id: str
    target: str
    source: str | None
    source_device: int | None
    name: str
    is_folder: bool
    size: int
    files: int
    modified_at: int
    comment: str | None
    blob: str
    received_at: float
    expires_at: float
    handed_out: int = 0
    number: int = 0


@dataclass(frozen=True, slots=True)
class FileUsage:
    """What is kept: for one target, of one source (0 for the server), and bytes in all."""

    files: int = 0
    bytes: int = 0
    source_files: int = 0
    source_bytes: int = 0
    bytes_in_all: int = 0


@dataclass(frozen=True, slots=True)
class FileQuota:
    """What may be kept, as in `FileUsage`; a folder counts as one file. 0 means no limit."""

    files: int = 0
    bytes: int = 0
    source_files: int = 0
    source_bytes: int = 0
    bytes_in_all: int = 0

    def check(self, target: str, source: str | None, size: int | None, usage: FileUsage) -> None:
        """Raise `FileQuotaExceeded` if, beside this usage, there is no room for a file of `size` bytes; with None, if
        there is none for any."""
        whom = f"for {target!r}"
        checks = [(self.files, usage.files, self.bytes, usage.bytes, whom)]
        if source is not None:
            whom = f"of {source!r}"
            checks.append((self.source_files, usage.source_files, self.source_bytes, usage.source_bytes, whom))
        checks.append((0, 0, self.bytes_in_all, usage.bytes_in_all, "for everybody together"))
        for most_files, files, most_bytes, kept, whose in checks:
            if 0 < most_files <= files or 0 < most_bytes < kept + (size or 0):
                raise FileQuotaExceeded(whose, size, (files, kept), (most_files, most_bytes))


@dataclass(frozen=True, slots=True)
class FileMailbox:
    """What is kept for one target; `oldest_at` is when the first of it came, in seconds UTC."""

    target: str
    files: int
    bytes: int
    oldest_at: float


class IOfflineFileStore(Interface):
    """Files for users who are away: what is known of them, not their contents. What has expired is still there until
    `expire` takes it away."""

    def add(file: StoredFile, quota: FileQuota) -> Deferred[StoredFile]:
        """Keep a file; fires with it, its number included, once that is committed and synced to the disk.

        The same id of the same source for the same target again is harmless: fires with the first one. Fails with
        `FileQuotaExceeded`, `InvalidUserId` or `InvalidText`.
        """

    def find(target: str, source: str | None, id: str) -> Deferred[StoredFile | None]:
        """The file that a source has left for a target under this id, or None."""

    def waiting(target: str, after_number: int, limit: int) -> Deferred[list[StoredFile]]:
        """What is kept for a target, in order, behind `after_number`."""

    def left_by(source: str, after_number: int, limit: int) -> Deferred[list[StoredFile]]:
        """What a source has left for others and is still kept, in order, behind `after_number`."""

    def handed_out(target: str, number: int) -> Deferred[None]:
        """Count that this was offered to the target."""

    def remove(target: str, numbers: Iterable[int]) -> Deferred[int]:
        """Delete what the target has received; fires with how many of these were there."""

    def known(blobs: Iterable[str]) -> Deferred[set[str]]:
        """Those of these blobs that belong to a file that is kept."""

    def usage(target: str, source: str | None) -> Deferred[FileUsage]:
        """What is kept, as the quota counts it."""

    def totals() -> Deferred[tuple[int, int]]:
        """(files, bytes) that are kept for everybody."""

    def mailboxes(after: str | None, limit: int) -> Deferred[list[FileMailbox]]:
        """Up to `limit` targets for whom anything is kept, behind the name `after`."""

    def purge(target: str | None, older_than: float | None) -> Deferred[int]:
        """Delete what is kept for the target (None: for everybody) and came before `older_than` (None: all).

        One portion after another. Contents go when the server next looks for those that belong to nothing.
        """

    def expire(now: float) -> Deferred[int]:
        """Delete what has expired, as `purge` does; fires with the number."""


class IStores(Interface):
    """All that a server keeps, in one place, so that one transaction can change several stores."""

    accounts: IAccounts = Attribute("Who may log on.")
    contacts: IContactStore = Attribute("Who is whose contact.")
    groups: IGroupStore = Attribute("Groups that outlive sessions.")
    offline: IOfflineStore = Attribute("Messages to those who are away.")
    offline_files: IOfflineFileStore = Attribute("Files for those who are away, without their contents.")

    def open() -> Deferred[None]:
        """Make the stores ready; comes first. Fails with `SchemaTooNew` or `SchemaTooOld`, which name both versions."""

    def close() -> Deferred[None]:
        """Let what was begun end, then leave nothing behind; later calls fail with `StoreClosed`."""
