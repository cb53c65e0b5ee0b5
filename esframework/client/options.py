"""Every number and switch of a client engine, with its default. Knows no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field

from esframework import limits
from esframework.managers.files.options import FilesOptions
from esframework.managers.p2p.client_options import ClientP2POptions


@dataclass(frozen=True, slots=True)
class Socks5Proxy:
    """A SOCKS5 proxy: an endpoint string, and the account there if it wants one. Host names are resolved by the
    proxy."""

    endpoint: str
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Options of `ClientEngine` (manual, chapter 06). Times are seconds and none when <= 0; sizes are bytes.

    `send_buffer` is the kernel's send buffer, None leaves it as it is: with a small one and a short `write_timeout` a
    cut cable is noticed within that time. `client_type` None says "others". With
    `keep_session_token` a server of ours is asked for a token, by which the client comes back after a lost connection
    without its password being checked again. `offline_ready` asks for messages that waited after each log-on, as
    `client.offline.ready()` does.
    """

    generation: int = 6
    client_type: int | None = None
    max_user_id: int = limits.MAX_USER_ID
    max_message: int = limits.MAX_MESSAGE
    system_token: str = ""
    connect_timeout: float = limits.CONNECT_TIMEOUT
    log_on_timeout: float = limits.LOG_ON_TIMEOUT
    heartbeat_interval: float = limits.HEARTBEAT_INTERVAL
    response_timeout: float = limits.RESPONSE_TIMEOUT
    write_timeout: float = limits.WRITE_TIMEOUT
    send_buffer: int | None = None
    high_water: int = limits.HIGH_WATER
    hard_limit: int = limits.HARD_LIMIT
    auto_reconnect: bool = True
    keep_session_token: bool = True
    reconnect_first_delay: float = limits.RECONNECT_FIRST_DELAY
    reconnect_longest_delay: float = limits.RECONNECT_LONGEST_DELAY
    proxy: Socks5Proxy | None = None
    handler_limit: float = limits.HANDLER_LIMIT
    offline_ready: bool = False
    files: FilesOptions = FilesOptions()
    p2p: ClientP2POptions = ClientP2POptions()
    diagnostics: bool = False
    diagnostics_log_interval: float = 0.0
