"""What a configuration says to the engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework import HandlerMode, RelogonMode, ServerOptions
from esframework.config import ConfigError, load_config
from esframework.daemon import _stores, default_endpoints, offline_files_folder, server_options
from esframework.managers.accounts.options import AccountsOptions
from esframework.managers.disk.options import DiskOptions, PublicFolder
from esframework.managers.files.options import FilesOptions
from esframework.managers.groups.options import GroupsOptions
from esframework.managers.offline.options import OfflineOptions
from esframework.managers.offline_files.options import OfflineFilesOptions
from esframework.managers.p2p.options import P2POptions
from esframework.stores.memory import MemoryStores
from esframework.stores.sql import SqlStores

TOML = """
data = "/var/lib/es"
max_user_id = 20
administrators = ["root"]
[session]
log_on_timeout = 1
heartbeat_timeout = 2
auto_respond_heartbeat = true
relogon_mode = "ignore_new"
allowed_client_types = [4, 5]
max_connections = 6
max_connections_per_address = 7
max_log_on_tries = 16
limit_loopback = true
[accounts]
register = true
shortest_password = 17
token_lifetime = 18
free_tries = 19
free_registrations = 20
exempt = ["10.0.0.0/8", "::1"]
[limits]
max_message = 100000
write_timeout = 8
high_water = 9000
hard_limit = 100000
frames_per_second = 11
[handlers]
mode = "task_queue"
limit = 12
workers = 13
queue_length = 14
[diagnostics]
enabled = true
log_every = 15
[offline]
types = [20]
users = "everybody"
messages = 17
bytes = 18
expiry = 19
request_type = 21
delivery_type = 22

[files]
resume_lifetime = 29
foreign_resume_lifetime = 30
silence = 31
rate_limit = 32
sync = true

[offline_files]
enabled = false
files = 31
bytes = 32
files_per_sender = 33
bytes_per_sender = 34
bytes_in_all = 35
entries = 37
expiry = 36

[groups]
join_creates = false
away_grace = 23
max_groups = 24
max_groups_per_user = 25
max_members = 26
presence_members = 27
operations_per_second = 28

[disk]
folder = "/srv/disk"
quota = 29
entries = 30
public = { music = "/srv/music" }
public_writable = { drop = "/srv/drop" }
keep_deleted = true

[p2p]
port = 38
interfaces = ["192.0.2.1"]
second_address = "192.0.2.2"
servers = ["p2p.example.org", "[2001:db8::1]:39"]
secret = "known to both sides"
max_per_second = 40
max_per_second_in_all = 41
security_log = true
"""


def test_every_key_of_the_file_reaches_the_engine(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_text(TOML)
    options = server_options(load_config(file))
    assert options == ServerOptions(
        open=False,
        administrators=frozenset({"root"}),
        max_user_id=20,
        max_message=100_000,
        log_on_timeout=1,
        heartbeat_timeout=2,
        auto_respond_heartbeat=True,
        relogon_mode=RelogonMode.IGNORE_NEW,
        allowed_client_types=frozenset({4, 5}),
        write_timeout=8,
        high_water=9000,
        hard_limit=100_000,
        max_connections=6,
        max_connections_per_address=7,
        max_log_on_tries=16,
        limit_loopback=True,
        max_frames_per_second=11,
        handler_mode=HandlerMode.TASK_QUEUE,
        handler_limit=12,
        worker_threads=13,
        task_queue_length=14,
        diagnostics=True,
        diagnostics_log_interval=15,
        accounts=AccountsOptions(
            register=True,
            shortest_password=17,
            token_lifetime=18,
            free_tries=19,
            free_registrations=20,
            exempt=("10.0.0.0/8", "::1"),
        ),
        groups=GroupsOptions(
            join_creates=False,
            away_grace=23,
            max_groups=24,
            max_groups_per_user=25,
            max_members=26,
            presence_members=27,
            operations_per_second=28,
        ),
        offline=OfflineOptions(
            enabled=True,
            types=(range(20, 21),),
            has_user=options.offline.has_user,
            messages=17,
            bytes=18,
            expiry=19,
            request_type=21,
            delivery_type=22,
        ),
        files=FilesOptions(
            state_folder=Path("/var/lib/es/transfers"),
            resume_lifetime=29,
            foreign_resume_lifetime=30,
            silence=31,
            rate_limit=32,
            sync=True,
        ),
        disk=DiskOptions(
            folder=Path("/srv/disk"),
            quota=29,
            entries=30,
            public={
                "music": PublicFolder(path=Path("/srv/music")),
                "drop": PublicFolder(path=Path("/srv/drop"), is_writable=True),
            },
            keep_deleted=True,
        ),
        offline_files=OfflineFilesOptions(
            enabled=False,
            folder=options.offline_files.folder,
            files=31,
            bytes=32,
            files_per_sender=33,
            bytes_per_sender=34,
            bytes_in_all=35,
            entries=37,
            expiry=36,
        ),
        p2p=P2POptions(
            port=38,
            interfaces=("192.0.2.1",),
            second_address="192.0.2.2",
            servers=(("p2p.example.org", 9901), ("2001:db8::1", 39)),
            secrets=(b"known to both sides",),
            max_per_second=40,
            max_per_second_in_all=41,
            security_log=True,
        ),
    )
    assert options.offline.has_user is not None and options.offline.has_user("anybody")


def test_the_files_defaults_are_the_engines() -> None:
    # Some differ: a daemon asks who people are, it has a store, and a folder for their files.
    config = load_config(None)
    assert server_options(config) == ServerOptions(
        open=False,
        offline=OfflineOptions(enabled=True),
        files=FilesOptions(state_folder=config.data / "transfers"),
        disk=DiskOptions(folder=config.data / "disk"),
        offline_files=OfflineFilesOptions(folder=config.data / "offline-files"),
    )


@pytest.mark.parametrize(
    ("text", "is_served"),
    [
        ("", True),
        ("open = true", False),
        ("open = true\n[disk]\nenabled = true", True),
        ("[disk]\nenabled = false", False),
    ],
)
def test_there_is_a_network_disk_where_not_anybody_may_be_anybody(tmp_path: Path, text: str, is_served: bool) -> None:
    file = tmp_path / "es.toml"
    file.write_text(text)
    assert (server_options(load_config(file)).disk.folder is not None) is is_served


def test_where_nothing_is_kept_no_files_are(tmp_path: Path) -> None:
    data = str(tmp_path)
    assert offline_files_folder(load_config(None, {"data": data, "open": 1})) is None
    kept = load_config(None, {"data": data, "open": 1, "store": str(tmp_path / "db.sqlite")})
    assert offline_files_folder(kept) == tmp_path / "offline-files"


def test_a_daemon_is_never_open_by_accident() -> None:
    assert server_options(load_config(None)).open is False


def test_by_default_this_machine_alone_is_served() -> None:
    endpoints = default_endpoints()
    assert endpoints[0] == "tcp:4530:interface=127.0.0.1"
    assert endpoints[1:] in ([], ["tcp6:4530:interface=\\:\\:1"])


def test_a_daemon_keeps_everything_in_its_data_folder_or_in_the_database_that_is_named(tmp_path: Path) -> None:
    stores = _stores(load_config(None, {"data": str(tmp_path)}))
    assert stores.name == str(tmp_path / "accounts.sqlite")
    assert not any(tmp_path.iterdir()), "nothing is made before it starts"
    assert _stores(load_config(None, {"store": "sqlite:///elsewhere.sqlite"})).name == "elsewhere.sqlite"


def test_where_anybody_is_whoever_he_says_nothing_is_kept_unless_it_is_wanted(tmp_path: Path) -> None:
    assert isinstance(_stores(load_config(None, {"open": 1})), MemoryStores)
    assert isinstance(_stores(load_config(None, {"open": 1, "store": str(tmp_path / "es")})), SqlStores)


def test_a_database_that_there_cannot_be_is_a_wrong_configuration_and_its_password_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="mysql") as refusal:
        _stores(load_config(None, {"store": "mysql://es:hidden@host/es"}))
    assert "hidden" not in str(refusal.value)
