"""The daemon: a service built from its configuration: accounts or checkers, one server engine, metrics, warnings.

Composition only; flags are `tap`'s, what the options mean is `config`'s.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from twisted.internet.defer import inlineCallbacks
from twisted.internet.endpoints import serverFromString
from twisted.internet.interfaces import IStreamServerEndpoint
from twisted.logger import Logger

from esframework.config import OFF, ConfigError, OfflineConfig, P2PConfig, ServiceConfig, exposure_warnings, p2p_secrets
from esframework.errors import LocalError, MissingExtra, StoreError
from esframework.managers.accounts.options import AccountsOptions
from esframework.managers.contacts.options import ContactsOptions
from esframework.managers.delivery.options import DeliveryOptions
from esframework.managers.disk.options import DiskOptions, PublicFolder
from esframework.managers.files.options import FilesOptions
from esframework.managers.groups.options import GroupsOptions
from esframework.managers.offline.options import OfflineOptions
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.managers.p2p.options import P2POptions
from esframework.process import ProcessService
from esframework.server.engine import ServerEngine
from esframework.server.options import HandlerMode, ServerOptions
from esframework.stores.memory import MemoryStores
from esframework.stores.sql import SqlStores
from esframework.stores.sql.database import FILE_NAME, shown
from esframework.stores.verifier import AccountVerifier
from esframework.wire.devices import device_number
from esframework.wire.types import RelogonMode

_log = Logger()
DEFAULT_PORT = 4530
OFFLINE_FILES = "offline-files"
"""The folder in the data folder where files for users who are away lie."""

_TAKEN = " Another program listens there; esframework doctor says which"


def server_options(config: ServiceConfig) -> ServerOptions:
    """What a configuration says to the engine."""
    session, handlers, sizes = config.session, config.handlers, config.limits
    client_types = session.allowed_client_types
    return ServerOptions(
        open=config.open > 0,
        administrators=frozenset(config.administrators),
        max_user_id=config.max_user_id,
        max_message=sizes.max_message,
        log_on_timeout=session.log_on_timeout,
        verify_timeout=session.verify_timeout,
        heartbeat_timeout=session.heartbeat_timeout,
        auto_respond_heartbeat=session.auto_respond_heartbeat,
        relogon_mode=RelogonMode[session.relogon_mode.upper()],
        exclusive_devices=tuple(frozenset(map(device_number, kinds)) for kinds in session.exclusive_devices),
        older_device_prefixes=session.older_device_prefixes,
        allowed_client_types=None if client_types is None else frozenset(client_types),
        write_timeout=sizes.write_timeout,
        high_water=sizes.high_water,
        hard_limit=sizes.hard_limit,
        max_connections=session.max_connections,
        max_connections_per_address=session.max_connections_per_address,
        max_log_on_tries=session.max_log_on_tries,
        limit_loopback=session.limit_loopback,
        max_frames_per_second=sizes.frames_per_second,
        handler_mode=HandlerMode(handlers.mode),
        handler_limit=handlers.limit,
        worker_threads=handlers.workers,
        task_queue_length=handlers.queue_length,
        contacts=ContactsOptions(**asdict(config.contacts)),
        diagnostics=config.diagnostics.enabled,
        diagnostics_log_interval=config.diagnostics.log_every,
        accounts=AccountsOptions(
            register=config.accounts.register,
            shortest_password=config.accounts.shortest_password,
            token_lifetime=config.accounts.token_lifetime,
            free_tries=config.accounts.free_tries,
            free_registrations=config.accounts.free_registrations,
            exempt=config.accounts.exempt,
        ),
        groups=GroupsOptions(**asdict(config.groups)),
        delivery=DeliveryOptions(**asdict(config.delivery)),
        offline=offline_options(config.offline),
        disk=disk_options(config),
        files=FilesOptions(state_folder=config.data / "transfers", **asdict(config.files)),
        offline_files=OfflineFilesOptions(folder=offline_files_folder(config), **asdict(config.offline_files)),
        p2p=p2p_options(config.p2p),
    )


def p2p_options(config: P2PConfig) -> P2POptions:
    """What a configuration says of P2P; raises ConfigError for secrets that cannot be read."""
    return P2POptions(
        enabled=config.port != OFF,
        port=config.port if isinstance(config.port, int) else None,
        interfaces=config.interfaces,
        second_address=config.second_address or "",
        servers=tuple(map(_host_and_port, config.servers)),
        secrets=p2p_secrets(config),
        max_per_second=config.max_per_second,
        max_per_second_in_all=config.max_per_second_in_all,
        security_log=config.security_log,
    )


def offline_options(config: OfflineConfig) -> OfflineOptions:
    """What a configuration says of messages to users who are away."""
    return OfflineOptions(
        enabled=config.enabled,
        types=config.types,
        has_user=None if config.users == "accounts" else lambda user_id: True,
        messages=config.messages,
        bytes=config.bytes,
        expiry=config.expiry,
        request_type=config.request_type,
        delivery_type=config.delivery_type,
    )


def disk_options(config: ServiceConfig) -> DiskOptions:
    """What a configuration says of the network disk: none where anybody may be anybody, unless it is asked for."""
    disk = config.disk
    is_enabled = config.open == 0 if disk.enabled is None else disk.enabled
    readable = {name: PublicFolder(path=path) for name, path in disk.public.items()}
    writable = {name: PublicFolder(path=path, is_writable=True) for name, path in disk.public_writable.items()}
    return DiskOptions(
        folder=(disk.folder or config.data / "disk") if is_enabled else None,
        quota=disk.quota,
        entries=disk.entries,
        public={**readable, **writable},
        keep_deleted=disk.keep_deleted,
    )


def offline_files_folder(config: ServiceConfig) -> Path | None:
    """Where files for users who are away lie; nowhere on a server that keeps nothing."""
    return config.data / OFFLINE_FILES if _keeps_anything(config) else None


def default_endpoints() -> list[str]:
    """Port 4530 on loopback: IPv4, and IPv6 where this machine has it."""
    endpoints = [f"tcp:{DEFAULT_PORT}:interface=127.0.0.1"]
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return endpoints
    return [*endpoints, f"tcp6:{DEFAULT_PORT}:interface=\\:\\:1"]


class Daemon(ProcessService):
    """What `twistd esframework` runs."""

    def __init__(self, config: ServiceConfig, checkers: Sequence[Any] = (), reactor: Any = None) -> None:
        if reactor is None:
            from twisted.internet import reactor
        super().__init__(config.log, reactor)
        self._config = config
        self._endpoints = endpoints_of(reactor, config.listen or default_endpoints(), "listen")
        self._stores = _stores(config)
        self._has_accounts = not (checkers or config.open)
        verifier: Any = AccountVerifier(self._stores.accounts) if self._has_accounts else list(checkers) or None
        options = server_options(config)
        self.engine = ServerEngine(verifier=verifier, options=options, stores=self._stores, reactor=reactor)
        self._metrics: Any = None

    @inlineCallbacks
    def open_everything(self) -> Any:
        """Stores, listeners, metrics."""
        for warning in exposure_warnings(self._config):
            _log.warn("WARNING: {warning}", warning=warning)
        yield self.engine.startService()
        if self._has_accounts and not (yield self._stores.accounts.page("", None, 1)):
            _log.warn(
                "there are no accounts yet, so nobody can log on: esframework user add NAME {where}",
                where=_where(self._config),
            )
        for text, endpoint in self._endpoints:
            yield self._listen(text, endpoint)
        if self._config.metrics not in (None, OFF):
            # Here, because it needs a package that only those have who asked for it.

            # Only now: a server without metrics does without a web server in its memory.
            from esframework.web.metrics import metrics_endpoint

            self._metrics = yield metrics_endpoint(self._reactor, self.engine, self._config.metrics)
        for address in self.engine.addresses:
            _log.info("clients are served at {address}", address=_readable(address))
        if self._config.p2p.servers:
            _log.info("P2P servers that clients are told of: {servers}", servers=", ".join(self._config.p2p.servers))
        if not self._config.listen:
            _log.info(
                "only this machine is served; for others: --listen ssl:{port}:privateKey=key.pem:certKey=cert.pem",
                port=DEFAULT_PORT,
            )

    @inlineCallbacks
    def _listen(self, text: str, endpoint: IStreamServerEndpoint) -> Any:
        try:
            yield self.engine.listen(endpoint)
        except Exception as error:
            cause = getattr(error, "socketError", None)
            is_taken = isinstance(cause, OSError) and cause.errno == errno.EADDRINUSE
            # Twisted does not say which of several endpoints it cannot open.
            raise LocalError(f"{text}: {error}{_TAKEN if is_taken else ''}") from error

    @inlineCallbacks
    def stopService(self) -> Any:
        """Close in an orderly way."""
        yield super().stopService()  # type: ignore[no-untyped-call]
        if self._metrics is not None:
            yield self._metrics.stopListening()
        yield self.engine.close()
        _log.info("closed")


def _keeps_anything(config: ServiceConfig) -> bool:
    """Where anybody may log on under any name there is nothing worth keeping, unless somebody says where."""
    return not config.open or config.store is not None


def _stores(config: ServiceConfig) -> Any:
    """Where everything is kept; raises ConfigError for a database that there cannot be."""
    if not _keeps_anything(config):
        return MemoryStores()
    try:
        return SqlStores(config.store or config.data / FILE_NAME)
    except (StoreError, MissingExtra) as error:
        raise ConfigError([f"store: {error}"]) from None


def _where(config: ServiceConfig) -> str:
    """The option by which other commands find the same store."""
    return f"--data {config.data}" if config.store is None else f"--store {shown(config.store)}"


def check_places(reactor: Any, config: ServiceConfig) -> None:
    """Whether endpoints and store are such as a daemon can use, without opening any; raises ConfigError if not."""
    problems: list[str] = []
    metrics = () if config.metrics in (None, OFF) else (config.metrics or "",)
    for check in (
        lambda: endpoints_of(reactor, config.listen, "listen"),
        lambda: endpoints_of(reactor, metrics, "metrics"),
        lambda: _stores(config),
        lambda: p2p_secrets(config.p2p),
    ):
        try:
            check()
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)


def endpoints_of(reactor: Any, texts: Sequence[str], key: str) -> list[tuple[str, IStreamServerEndpoint]]:
    """Endpoints beside their strings; raises ConfigError, which names each string that means none."""
    made, problems = [], []
    for text in texts:
        try:
            made.append((text, serverFromString(reactor, text)))
        except Exception as error:
            # A word, a number, a file with a key: whatever is wrong, somebody's plugin tells it by its own exception.
            problems.append(f"{key} = {text!r}: expected an endpoint such as tcp:4530:interface=127.0.0.1 ({error})")
    if problems:
        raise ConfigError(problems)
    return made


def _host_and_port(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _readable(address: Any) -> str:
    host, port = getattr(address, "host", None), getattr(address, "port", None)
    if host is None:
        return str(getattr(address, "name", address))
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
