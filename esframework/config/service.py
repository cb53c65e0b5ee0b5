"""Every option of the service: its name, its default, its rule, and what it is.

This is the one list: files, flags, `config check` and documentation are made from it. Defaults that engines
share come from `limits`. Knows no reading and no reporting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

import platformdirs

from esframework import limits
from esframework.config.rules import (
    AccountName,
    AddressText,
    Either,
    FilePath,
    HostPort,
    ListOf,
    NamedFolders,
    NetworkText,
    OffOr,
    OneOf,
    Ranges,
    Rule,
    Seconds,
    Switch,
    Text,
    Times,
    Whole,
)
from esframework.wire.devices import DEVICE_NAMES

OFF: Final = "off"
"""What stands for "not at all" where an option is a port or an endpoint."""

ROTATE_SIZE: Final = 1024 * 1024
"""Bytes: with ten old files kept, a forgotten log takes eleven megabytes."""

LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")

_DEVICES: Final = 'lists of devices such as [["linux", "mac"], ["android", "ios"]]'
"""What is expected where devices exclude each other."""

_EXCLUSIVE: Final = ListOf(OneOf(DEVICE_NAMES), "devices", least=2)

LARGEST_TYPE: Final = 2**31 - 1
"""The largest information type that the wire carries."""

_SIZE: Final = Whole(1, 2**31 - 1)
_ENDPOINT: Final = Text("a Twisted endpoint string such as tcp:4530")


def _option(default: Any, rule: Rule, about: str, *, secret: bool = False) -> Any:
    """A field with its rule; the value of a `secret` one is never repeated to anybody."""
    return field(default=default, repr=not secret, metadata={"rule": rule, "about": about, "secret": secret})


@dataclass(frozen=True, slots=True, kw_only=True)
class LogConfig:
    """`[log]`: where the log goes and how it looks."""

    file: Path | None = _option(
        None, FilePath("a path"), "log file; without it the log goes to standard error"
    )
    level: str = _option("info", OneOf(LOG_LEVELS), "least level that is logged")
    json: bool = _option(False, Switch(), "one JSON object a line instead of text")
    rotate_size: int = _option(
        ROTATE_SIZE, Whole(0, 2**40, "never"), "bytes after which a new log file is begun"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionConfig:
    """`[session]`: who may come and how long one may be silent."""

    log_on_timeout: float = _option(limits.LOG_ON_TIMEOUT, Seconds(), "seconds to send a complete log-on")
    verify_timeout: float = _option(limits.VERIFY_TIMEOUT, Seconds(), "seconds to verify a log-on")
    heartbeat_timeout: float = _option(
        limits.HEARTBEAT_TIMEOUT, Seconds(), "seconds of silence that end a session"
    )
    auto_respond_heartbeat: bool = _option(False, Switch(), "answer each heartbeat")
    relogon_mode: Literal["replace_old", "ignore_new"] = _option(
        "replace_old", OneOf(("replace_old", "ignore_new")), "who stays when a user logs on a second time"
    )
    exclusive_devices: tuple[tuple[str, ...], ...] = _option(
        (),
        Either({"same_kind": (), "all": (DEVICE_NAMES,)}, ListOf(_EXCLUSIVE, _DEVICES)),
        "devices of one account that cannot be online together",
    )
    older_device_prefixes: bool = _option(
        False, Switch(), "1# means iOS, 2# Android, 3# WebSocket, 4# Windows Phone in generation 6"
    )
    allowed_client_types: tuple[int, ...] | None = _option(
        None, ListOf(Whole(0, 255), "client type numbers from 0 to 255"), "client types that are admitted"
    )
    max_connections: int = _option(
        limits.MAX_CONNECTIONS, Whole(0, 10_000_000, "no limit"), "connections in all"
    )
    max_connections_per_address: int = _option(
        limits.MAX_CONNECTIONS_PER_ADDRESS, Whole(0, 10_000_000, "no limit"), "connections from one address"
    )
    max_log_on_tries: int = _option(
        limits.FREE_TRIES_PER_ADDRESS,
        Whole(0, 10_000_000, "no limit"),
        "failed log-ons from one address that cost no waiting",
    )
    limit_loopback: bool = _option(
        False, Switch(), "limits for each address count this machine's own addresses, too"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountsConfig:
    """`[accounts]`: making accounts over the network, session tokens, and who waits after failed log-ons."""

    register: bool = _option(False, Switch(), "anybody who reaches the server may make an account")
    shortest_password: int = _option(
        limits.SHORTEST_PASSWORD, Whole(1, 1000), "characters of the shortest password that is set over the network"
    )
    token_lifetime: float | None = _option(
        None,
        Seconds("no tokens"),
        f"seconds for which session tokens log on; without it {limits.SESSION_TOKEN_LIFETIME / 86400:g} days, and none"
        " with auth",
    )
    free_tries: int = _option(
        limits.FREE_TRIES_PER_ACCOUNT,
        Whole(0, 10_000_000, "no limit"),
        "failed log-ons of one account that cost no waiting",
    )
    free_registrations: int = _option(
        limits.FREE_REGISTRATIONS,
        Whole(0, 10_000_000, "no limit"),
        "accounts that one address may make without waiting",
    )
    exempt: tuple[str, ...] = _option(
        (),
        ListOf(NetworkText(), "networks such as 10.0.0.0/8"),
        "networks whose log-ons are neither counted nor held up",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HandlersConfig:
    """`[handlers]`: how application handlers are run."""

    mode: Literal["direct", "task_queue"] = _option(
        "direct", OneOf(("direct", "task_queue")), "in the reactor, or in worker threads"
    )
    workers: int = _option(limits.WORKER_THREADS, Whole(1, 1000), "worker threads of the task queue")
    queue_length: int = _option(
        limits.TASK_QUEUE_LENGTH,
        Whole(1, 10_000_000),
        "messages that wait for a worker before reading pauses",
    )
    limit: float = _option(limits.HANDLER_LIMIT, Seconds(), "seconds a handler may take")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsConfig:
    """`[limits]`: what peers can pile up."""

    max_message: int = _option(limits.MAX_MESSAGE, Whole(1024, 2**31 - 1), "bytes of the longest frame")
    write_timeout: float = _option(
        limits.WRITE_TIMEOUT, Seconds(), "seconds for a byte to leave a connection"
    )
    high_water: int = _option(limits.HIGH_WATER, _SIZE, "bytes waiting above which a channel is busy")
    hard_limit: int = _option(limits.HARD_LIMIT, _SIZE, "bytes waiting at which a slow consumer is cut")
    frames_per_second: int = _option(
        limits.MAX_FRAMES_PER_SECOND, Whole(0, 2**31 - 1, "no limit"), "frames a second and connection"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DiagnosticsConfig:
    """`[diagnostics]`: counting and timing of what is handled."""

    enabled: bool = _option(False, Switch(), "count and time each message")
    log_every: float = _option(0.0, Seconds("never"), "seconds between two reports in the log")


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupsConfig:
    """`[groups]`: groups that users make and join; as `GroupsOptions`."""

    join_creates: bool = _option(True, Switch(), "joining a group that is not there makes a dynamic one")
    away_grace: float = _option(
        limits.HEARTBEAT_TIMEOUT,
        Seconds("at once"),
        "seconds without a connection after which one leaves dynamic groups",
    )
    max_groups: int = _option(
        limits.MAX_DYNAMIC_GROUPS, Whole(0, 10_000_000, "no limit"), "dynamic groups in all"
    )
    max_groups_per_user: int = _option(
        limits.MAX_DYNAMIC_GROUPS_PER_USER, Whole(0, 10_000_000, "no limit"), "dynamic groups that one user may be in"
    )
    max_members: int = _option(
        limits.MAX_GROUP_MEMBERS, Whole(0, 10_000_000, "no limit"), "members of one dynamic group"
    )
    presence_members: int = _option(
        limits.MAX_PRESENCE_MEMBERS,
        Whole(0, 10_000_000, "no limit"),
        "members up to which a group hears who comes online and goes",
    )
    operations_per_second: int = _option(
        limits.GROUP_OPERATIONS_PER_SECOND, Whole(0, 1_000_000, "no limit"), "requests about groups for one user"
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineConfig:
    """`[offline]`: messages to users who are away. `types` None means all."""

    enabled: bool = _option(True, Switch(), "keep what is sent to absent users")
    types: tuple[range, ...] | None = _option(
        None, Either({"all": None}, Ranges(LARGEST_TYPE)), "information types that are kept"
    )
    users: Literal["accounts", "everybody"] = _option(
        "accounts", OneOf(("accounts", "everybody")), "for whom: those who have an account, or anybody who is named"
    )
    messages: int = _option(
        limits.OFFLINE_MESSAGES, Whole(0, 2**31 - 1, "no limit"), "messages that may wait for one user"
    )
    bytes: int = _option(limits.OFFLINE_BYTES, Whole(0, 2**50, "no limit"), "bytes that may wait for one user")
    expiry: float = _option(limits.OFFLINE_EXPIRY, Seconds("for ever"), "seconds that a message waits")
    request_type: int | None = _option(
        None,
        Either({"off": None}, Whole(0, LARGEST_TYPE)),
        "information type by which clients of other makes ask for what waits",
    )
    delivery_type: int | None = _option(
        None,
        Either({"off": None}, Whole(0, LARGEST_TYPE)),
        "information type in which they get it wrapped; off: as if it were sent now",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class FilesConfig:
    """`[files]`: files and folders that the server sends and receives itself. What it has received half is noted in the
    data folder."""

    resume_lifetime: float = _option(
        limits.FILE_RESUME_LIFETIME, Seconds("keep nothing"), "seconds that half a file waits to be gone on with"
    )
    foreign_resume_lifetime: float = _option(
        limits.FOREIGN_FILE_RESUME_LIFETIME, Seconds("keep nothing"), "the same for senders of another make"
    )
    silence: float = _option(limits.FILE_SILENCE, Seconds(), "seconds in which something must move")
    rate_limit: int = _option(0, Whole(0, 2**40, "no limit"), "bytes a second of each transfer that is sent")
    sync: bool = _option(False, Switch(), "wait for the disk itself before a file counts as received")


@dataclass(frozen=True, slots=True, kw_only=True)
class OfflineFilesConfig:
    """`[offline_files]`: files for users who are away, in the data folder."""

    enabled: bool = _option(True, Switch(), "keep files that are left for absent users")
    files: int = _option(limits.OFFLINE_FILES, Whole(0, 2**31 - 1, "no limit"), "files that may be kept for one user")
    bytes: int = _option(limits.OFFLINE_FILE_BYTES, Whole(0, 2**60, "no limit"), "bytes that may be kept for one user")
    files_per_sender: int = _option(
        limits.OFFLINE_FILES, Whole(0, 2**31 - 1, "no limit"), "files that may be kept of one sender"
    )
    bytes_per_sender: int = _option(
        limits.OFFLINE_FILE_BYTES, Whole(0, 2**60, "no limit"), "bytes that may be kept of one sender"
    )
    bytes_in_all: int = _option(
        limits.OFFLINE_FILE_BYTES_IN_ALL, Whole(0, 2**60, "no limit"), "bytes that may be kept for everybody together"
    )
    entries: int = _option(
        limits.OFFLINE_FILE_ENTRIES, Whole(0, 2**31 - 1, "no limit"), "files and folders in one folder that is kept"
    )
    expiry: float = _option(limits.OFFLINE_EXPIRY, Seconds("for ever"), "seconds that a file is kept")


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactsConfig:
    """`[contacts]`: who keeps contacts, who is told of whom, how fast one may broadcast."""

    source: Literal["stored", "everybody"] | None = _option(
        None,
        OneOf(("stored", "everybody")),
        "users make their contacts, or everybody online is one; by default the latter on an open server only",
    )
    connected_notify: bool = _option(True, Switch(), "contacts are told when a user comes")
    disconnected_notify: bool = _option(True, Switch(), "contacts are told when a user goes")
    broadcasts_per_sender: int = _option(
        limits.MAX_BROADCASTS_PER_SECOND, Whole(0, 10_000_000, "no limit"), "broadcasts a second and user"
    )
    deliveries_per_sender: int = _option(
        limits.MAX_DELIVERIES_PER_SENDER,
        Whole(0, 2**31 - 1, "no limit"),
        "copies that one user's broadcasts may make in a second",
    )
    deliveries_per_second: int = _option(
        limits.MAX_DELIVERIES_PER_SECOND,
        Whole(0, 2**31 - 1, "no limit"),
        "copies that everybody's broadcasts may make in a second",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryConfig:
    """`[delivery]`: what waits for clients that lost their connection."""

    window: float = _option(limits.DELIVERY_WINDOW, Seconds("at once"), "seconds to come back and miss nothing")
    messages: int = _option(limits.DELIVERY_WINDOW_MESSAGES, _SIZE, "messages that may wait for one user")
    bytes: int = _option(limits.DELIVERY_WINDOW_BYTES, _SIZE, "the same in bytes of content")
    messages_in_all: int = _option(limits.DELIVERY_MESSAGES_IN_ALL, _SIZE, "messages that may wait for all users")
    bytes_in_all: int = _option(limits.DELIVERY_BYTES_IN_ALL, _SIZE, "the same in bytes of content")
    messages_from_one: int = _option(
        limits.DELIVERY_MESSAGES_FROM_ONE, _SIZE, "messages of one sender that may be unhandled"
    )
    bytes_from_one: int = _option(limits.DELIVERY_BYTES_FROM_ONE, _SIZE, "the same in bytes of content")
    messages_in_hand: int = _option(
        limits.DELIVERY_CREDIT_MESSAGES, _SIZE, "messages that one process may hold unfinished"
    )
    bytes_in_hand: int = _option(limits.DELIVERY_CREDIT_BYTES, _SIZE, "the same in bytes of content")


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskConfig:
    """`[disk]`: a folder for each user, and folders for all. `enabled` None means: where users have accounts."""

    enabled: bool | None = _option(
        None, Switch(), "users have folders of their own; by default where not anybody may log on"
    )
    folder: Path | None = _option(
        None, FilePath("the path of a folder"), "where they are; by default `disk` in the data folder"
    )
    quota: int = _option(limits.DISK_QUOTA, Whole(0, 2**50, "no limit"), "bytes that one user may keep there")
    entries: int = _option(
        limits.DISK_ENTRIES, Whole(0, 2**31 - 1, "no limit"), "files and folders that one user may keep there"
    )
    public: Mapping[str, Path] = field(
        default_factory=dict,
        metadata={"rule": NamedFolders(), "about": "folders that everybody may read", "secret": False},
    )
    public_writable: Mapping[str, Path] = field(
        default_factory=dict,
        metadata={"rule": NamedFolders(), "about": "folders that everybody may read and change", "secret": False},
    )
    keep_deleted: bool = _option(False, Switch(), "files of deleted accounts stay, in the folder `deleted`")


@dataclass(frozen=True, slots=True, kw_only=True)
class P2PConfig:
    """`[p2p]`: the P2P server, within a server or alone. `port` None means the first TCP port + 1, or 9901 alone."""

    port: int | Literal["off"] | None = _option(
        None, OffOr(Whole(1, 65535)), "port of the P2P server, UDP and TCP; without it the first TCP port plus 1"
    )
    interfaces: tuple[str, ...] = _option(
        (), ListOf(AddressText(), "addresses"), "addresses where it listens; without them those of the listeners"
    )
    second_address: str | None = _option(
        None, AddressText(), "another address of this machine, by which clients learn more of their NATs"
    )
    servers: tuple[str, ...] = _option(
        (),
        ListOf(HostPort(limits.P2P_PORT), "hosts such as p2p.example.org:9901"),
        "P2P servers that stand alone and have the same secret",
    )
    secret: str | None = _option(
        None,
        Text(f"at least {limits.P2P_SHORTEST_SECRET} random characters", shortest=limits.P2P_SHORTEST_SECRET),
        "what this server shares with P2P servers that stand alone",
        secret=True,
    )
    secret_file: Path | None = _option(
        None, FilePath("the path of a file"), "file with such a secret, or several: one a line, the first makes tokens"
    )
    max_per_second: int = _option(
        limits.P2P_REQUESTS_PER_SECOND, Whole(1, 10_000_000), "requests a second that one address gets answered"
    )
    max_per_second_in_all: int = _option(
        limits.P2P_REQUESTS_IN_ALL, Whole(1, 10_000_000), "requests a second that are answered in all"
    )
    security_log: bool = _option(False, Switch(), "log what the P2P server refuses, once in ten seconds and reason")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceConfig:
    """All options of the daemon, checked. `listen` empty means port 4530 of loopback, IPv4 and IPv6.

    `console` and `metrics` None mean their default (the console's own port, and no metrics); both may be `OFF`. `open`
    counts how often it was given.
    """

    data: Path = field(
        default_factory=lambda: Path(platformdirs.user_data_dir("esframework")),
        metadata={"rule": FilePath("the path of a folder"), "about": "data folder", "secret": False},
    )
    store: str | None = _option(
        None,
        Text("postgresql://user@host/name, sqlite:///path or a path"),
        "database of accounts, contacts, groups, offline messages and files; without it a file in the data folder",
        secret=True,
    )
    listen: tuple[str, ...] = _option(
        (), ListOf(_ENDPOINT, "Twisted endpoint strings"), "where clients come in"
    )
    console: str | None = _option(None, OffOr(_ENDPOINT), "where the web console is served")
    metrics: str | None = _option(None, OffOr(_ENDPOINT), "where Prometheus may fetch figures")
    open: int = _option(
        0, Times(), "anybody may log on and do everything; beyond loopback only when given twice"
    )
    auth: tuple[str, ...] = _option(
        (),
        ListOf(Text("text"), "strcred descriptions such as file:/etc/passwords"),
        "who may log on",
        secret=True,
    )
    administrators: tuple[str, ...] = _option(
        (), ListOf(AccountName(), "account names"), "accounts that may kick others out and see their addresses"
    )
    max_user_id: int = _option(limits.MAX_USER_ID, Whole(1, 255), "bytes of the longest account id")
    log: LogConfig = field(default_factory=LogConfig)
    session: SessionConfig = field(default_factory=SessionConfig)
    accounts: AccountsConfig = field(default_factory=AccountsConfig)
    handlers: HandlersConfig = field(default_factory=HandlersConfig)
    limits: LimitsConfig = field(default_factory=LimitsConfig)
    contacts: ContactsConfig = field(default_factory=ContactsConfig)
    diagnostics: DiagnosticsConfig = field(default_factory=DiagnosticsConfig)
    groups: GroupsConfig = field(default_factory=GroupsConfig)
    offline: OfflineConfig = field(default_factory=OfflineConfig)
    offline_files: OfflineFilesConfig = field(default_factory=OfflineFilesConfig)
    delivery: DeliveryConfig = field(default_factory=DeliveryConfig)
    disk: DiskConfig = field(default_factory=DiskConfig)
    files: FilesConfig = field(default_factory=FilesConfig)
    p2p: P2PConfig = field(default_factory=P2PConfig)


TABLES: Final[dict[str, type[Any]]] = {
    "": ServiceConfig,
    "log": LogConfig,
    "session": SessionConfig,
    "accounts": AccountsConfig,
    "handlers": HandlersConfig,
    "limits": LimitsConfig,
    "contacts": ContactsConfig,
    "diagnostics": DiagnosticsConfig,
    "groups": GroupsConfig,
    "offline": OfflineConfig,
    "offline_files": OfflineFilesConfig,
    "delivery": DeliveryConfig,
    "disk": DiskConfig,
    "files": FilesConfig,
    "p2p": P2PConfig,
}
"""Each table of a configuration file and what its keys are the fields of; "" is the top level."""
