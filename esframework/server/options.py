"""Every number and switch of a server engine, with its default. Knows no behaviour."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from esframework import limits
from esframework.errors import InvalidOption
from esframework.managers.accounts.options import AccountsOptions
from esframework.managers.contacts.options import ContactsOptions
from esframework.managers.delivery.options import DeliveryOptions
from esframework.managers.disk.options import DiskOptions
from esframework.managers.files.options import FilesOptions
from esframework.managers.groups.options import GroupsOptions
from esframework.managers.offline.options import OfflineOptions
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.managers.p2p.options import P2POptions
from esframework.wire.profile import ClientType7
from esframework.wire.types import RelogonMode


class HandlerMode(Enum):
    """Where application handlers run (manual, chapter 11)."""

    DIRECT = "direct"
    TASK_QUEUE = "task_queue"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """Options of `ServerEngine`. Times are seconds and none when <= 0; sizes are bytes; numbers of things: 0 is no
    limit.

    `open` guards nothing: any client may kick out, list users and ask for endpoints. None means: open exactly when the
    engine has no verifier. Two devices of one kind exclude each other always; `exclusive_devices` holds sets of kinds
    (`wire.devices`) of which a user may have one online, `server.devices.ONE_DEVICE` all of them. `max_log_on_tries`
    are failed log-ons of one address that cost no waiting. Raises `InvalidOption` for what would show only when
    somebody logs on.
    """

    open: bool | None = None
    administrators: frozenset[str] = frozenset()
    max_user_id: int = limits.MAX_USER_ID
    max_message: int = limits.MAX_MESSAGE
    log_on_timeout: float = limits.LOG_ON_TIMEOUT
    verify_timeout: float = limits.VERIFY_TIMEOUT
    heartbeat_timeout: float = limits.HEARTBEAT_TIMEOUT
    auto_respond_heartbeat: bool = False
    relogon_mode: RelogonMode = RelogonMode.REPLACE_OLD
    exclusive_devices: tuple[frozenset[int], ...] = ()
    older_device_prefixes: bool = False
    allowed_client_types: frozenset[int] | None = None
    response_timeout: float = limits.RESPONSE_TIMEOUT
    write_timeout: float = limits.WRITE_TIMEOUT
    high_water: int = limits.HIGH_WATER
    hard_limit: int = limits.HARD_LIMIT
    max_connections: int = limits.MAX_CONNECTIONS
    max_connections_per_address: int = limits.MAX_CONNECTIONS_PER_ADDRESS
    max_log_on_tries: int = limits.FREE_TRIES_PER_ADDRESS
    max_frames_per_second: int = limits.MAX_FRAMES_PER_SECOND
    limit_loopback: bool = False
    handler_mode: HandlerMode = HandlerMode.DIRECT
    handler_limit: float = limits.HANDLER_LIMIT
    worker_threads: int = limits.WORKER_THREADS
    task_queue_length: int = limits.TASK_QUEUE_LENGTH
    diagnostics: bool = False
    diagnostics_log_interval: float = 0.0
    watch_reactor: bool = True
    close_grace: float = limits.CLOSE_GRACE
    accounts: AccountsOptions = field(default_factory=AccountsOptions)
    contacts: ContactsOptions = field(default_factory=ContactsOptions)
    groups: GroupsOptions = field(default_factory=GroupsOptions)
    offline: OfflineOptions = field(default_factory=OfflineOptions)
    offline_files: OfflineFilesOptions = OfflineFilesOptions()
    delivery: DeliveryOptions = DeliveryOptions()
    disk: DiskOptions = field(default_factory=DiskOptions)
    files: FilesOptions = FilesOptions()
    p2p: P2POptions = field(default_factory=P2POptions)

    def __post_init__(self) -> None:
        kinds = {int(kind) for kind in ClientType7}
        if not _all(self.exclusive_devices, lambda each: _all(each, kinds.__contains__)):
            raise InvalidOption(
                f"exclusive_devices is {self.exclusive_devices!r}; sets of numbers of devices are expected, of "
                f"{sorted(kinds)}, or server.devices.ONE_DEVICE"
            )
        allowed = self.allowed_client_types
        if allowed is not None and not _all(allowed, lambda number: isinstance(number, int)):
            raise InvalidOption(f"allowed_client_types is {allowed!r}; numbers of client types are expected, or None")
        if not _all(self.administrators, lambda name: isinstance(name, str)):
            raise InvalidOption(f"administrators is {self.administrators!r}; a set of names is expected")
        for name, kind in ("relogon_mode", RelogonMode), ("handler_mode", HandlerMode):
            if not isinstance(getattr(self, name), kind):
                raise InvalidOption(f"{name} is {getattr(self, name)!r}; one of {kind.__name__} is expected")


def _all(values: Any, is_right: Callable[[Any], bool]) -> bool:
    """Whether these are several values, and each is right; a text would be its letters."""
    if isinstance(values, (str, bytes)) or not isinstance(values, Collection):
        return False
    return all(is_right(value) for value in values)
