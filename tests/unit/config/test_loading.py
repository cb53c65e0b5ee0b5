"""Reading a configuration: defaults, file, flags over file, and problems that say where they are."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from esframework import limits
from esframework.config import OFF, ConfigError, ServiceConfig, load_config
from esframework.config.service import TABLES

Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write(text: str) -> Path:
        file = tmp_path / "es.toml"
        file.write_text(text, encoding="utf-8")
        return file

    return write


def problems_of(file: Path | None, flags: dict[str, object] | None = None) -> tuple[str, ...]:
    with pytest.raises(ConfigError) as caught:
        load_config(file, flags)
    return caught.value.problems


EVERYTHING = """
data = "data"
listen = ["tcp:4530", "ssl:4531:privateKey=key.pem"]
console = "off"
metrics = "tcp:9100:interface=127.0.0.1"
open = 2
auth = ["memory:admin:secret"]
store = "postgresql://es:secret@localhost/es"
administrators = ["root"]
max_user_id = 20

[log]
file = "log/es.log"
level = "debug"
json = true
rotate_size = 0

[session]
log_on_timeout = 5
verify_timeout = 60
heartbeat_timeout = -1
auto_respond_heartbeat = true
relogon_mode = "ignore_new"
exclusive_devices = [["linux", "mac"]]
older_device_prefixes = true
allowed_client_types = [0, 4]
max_connections = 1000
max_connections_per_address = 0
max_log_on_tries = 10
limit_loopback = true

[accounts]
register = true
shortest_password = 12
token_lifetime = 3600
free_tries = 3
free_registrations = 1
exempt = ["10.0.0.0/8", "2001:db8::1"]

[handlers]
mode = "task_queue"
workers = 4
queue_length = 100
limit = 2.5

[limits]
max_message = 65536
write_timeout = 1.5
high_water = 1024
hard_limit = 1048576
frames_per_second = 50

[contacts]
source = "everybody"
connected_notify = false
disconnected_notify = false
broadcasts_per_sender = 5
deliveries_per_sender = 500
deliveries_per_second = 5000

[delivery]
window = 60
messages = 500
bytes = 65536
messages_in_all = 5000
bytes_in_all = 655360
messages_from_one = 300
bytes_from_one = 32768
messages_in_hand = 200
bytes_in_hand = 16384

[p2p]
port = 4600
interfaces = ["0.0.0.0"]
second_address = "192.0.2.2"
servers = ["p2p.example.org:9901"]
secret = "sixteen letters."
secret_file = "p2p.secret"
max_per_second = 5
max_per_second_in_all = 50
security_log = true

[diagnostics]
enabled = true
log_every = 60

[groups]
join_creates = false
away_grace = 0
max_groups = 10
max_groups_per_user = 2
max_members = 50
presence_members = 5
operations_per_second = 1

[files]
resume_lifetime = 3600
foreign_resume_lifetime = -1
silence = 10
rate_limit = 1000000
sync = true

[offline]
enabled = false
types = [7, "100-199"]
users = "everybody"
messages = 10
bytes = 0
expiry = 3600
request_type = 20
delivery_type = 21

[disk]
enabled = true
folder = "disk"
quota = 0
entries = 5
public = { music = "music" }
public_writable = { drop = "/srv/drop" }
keep_deleted = true

[offline_files]
enabled = false
files = 10
bytes = 0
files_per_sender = 11
bytes_per_sender = 0
bytes_in_all = 0
entries = 12
expiry = 3600
"""


def test_nothing_at_all_gives_the_defaults() -> None:
    config = load_config()
    assert config == ServiceConfig()
    assert config.listen == ()
    assert config.open == 0
    assert config.max_user_id == limits.MAX_USER_ID
    assert config.session.heartbeat_timeout == limits.HEARTBEAT_TIMEOUT
    assert config.log.rotate_size == 1024 * 1024


def test_an_empty_file_gives_the_defaults(write: Write) -> None:
    assert load_config(write("")) == ServiceConfig()


def test_every_option_can_be_set(write: Write, tmp_path: Path) -> None:
    config = load_config(write(EVERYTHING))
    assert config.data == tmp_path / "data"
    assert config.log.file == tmp_path / "log" / "es.log"
    assert config.listen == ("tcp:4530", "ssl:4531:privateKey=key.pem")
    assert config.console == OFF
    assert config.session.allowed_client_types == (0, 4)
    assert config.session.log_on_timeout == 5.0
    assert isinstance(config.session.log_on_timeout, float)
    assert config.handlers.limit == 2.5
    assert config.offline.types == (range(7, 8), range(100, 200))
    assert config.disk.public == {"music": tmp_path / "music"}
    assert config.disk.public_writable == {"drop": Path("/srv/drop")}
    default = ServiceConfig()
    for table in TABLES:
        here, there = (getattr(each, table) if table else each for each in (config, default))
        for option in dataclasses.fields(here):
            assert getattr(here, option.name) != getattr(there, option.name), f"[{table}] {option.name}"


def test_a_configuration_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        load_config().open = 2  # type: ignore[misc]


def test_flags_override_the_file(write: Write) -> None:
    file = write('listen = ["tcp:1"]\nmax_user_id = 20\n[log]\nlevel = "debug"\n')
    config = load_config(file, {"listen": ("tcp:2", "tcp:3"), "log.level": "warn", "max_user_id": None})
    assert config.listen == ("tcp:2", "tcp:3")
    assert config.log.level == "warn"
    assert config.max_user_id == 20


def test_relative_paths_of_flags_begin_at_the_current_folder(write: Write) -> None:
    assert load_config(write('data = "there"'), {"data": "here"}).data == Path("here")


def test_the_home_folder_may_be_named(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/alice")
    assert load_config(write('data = "~/es"')).data == Path("/home/alice/es")


@pytest.mark.parametrize(("text", "times"), [("false", 0), ("true", 1), ("0", 0), ("1", 1), ("2", 2)])
def test_open_is_a_switch_or_a_count(write: Write, text: str, times: int) -> None:
    assert load_config(write(f"open = {text}")).open == times


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ('listne = ["tcp:1"]', 1, 'unknown key "listne"; did you mean "listen"?'),
        ("\n\n[session]\nheart_beat_timeout = 1", 4, 'did you mean "heartbeat_timeout"?'),
        ("[sesion]\nlog_on_timeout = 1", 1, "unknown table [sesion]; did you mean [session]?"),
        ("workers = 3", 1, 'unknown key "workers"; did you mean "workers" in [handlers]?'),
        ("[log]\nheartbeat_timeout = 3", 2, '"heartbeat_timeout" in [session]?'),
        ("[log]\nopen = 1", 2, '"open" in the top level?'),
        ("[log]\nqqq = 3", 2, "it may hold file, json, level, rotate_size"),
        ("session = 3", 1, "session: expected a table, written [session]"),
        ("[[session]]\nlog_on_timeout = 1", None, "expected a table"),
        (
            '[session]\n  "heartbeat_timeout" = "x"',
            2,
            "[session] heartbeat_timeout = 'x': expected a number of seconds",
        ),
        ("session.heartbeat_timeout = true", 1, "heartbeat_timeout = true: expected a number"),
        ("session = { heartbeat_timeout = nan }", None, "heartbeat_timeout = nan: expected"),
        ("[log]\nlevel = 'loud'", 2, '[log] level = \'loud\': expected one of "debug", "info"'),
        ("[log]\njson = 1", 2, "json = 1: expected true or false"),
        ("[handlers]\nworkers = 0", 2, "workers = 0: expected a whole number from 1 to 1000"),
        ("[handlers]\nworkers = true", 2, "workers = true: expected a whole number"),
        ("[session]\nmax_connections = -1", 2, "(0: no limit)"),
        ("max_user_id = 256", 1, "from 1 to 255"),
        ("listen = 'tcp:1'", 1, "expected a list of Twisted endpoint strings"),
        ("listen = ['tcp:1', '']", 1, "expected a list of Twisted endpoint strings"),
        ("p2p = 'on'", 1, 'expected "off" or a whole number from 1 to 65535'),
        ("p2p = false", 1, 'p2p = false: expected "off"'),
        ("[[p2p]]\nport = 1", None, "expected a table"),
        ("[p2p]\nport = 0", 2, '[p2p] port = 0: expected "off" or'),
        ("[p2p]\nsecond_address = 'here'", 2, "expected an address such as"),
        ("[p2p]\ninterfaces = ['1.2.3']", 2, "item 1 is '1.2.3', expected an address"),
        ("[p2p]\nsecret = 7", 2, "secret: expected at least 16 random characters"),
        ("[p2p]\nsecret = 'fifteen letters'", 2, "secret: expected at least 16 random characters"),
        ("[p2p]\nmax_per_second = 0", 2, "expected a whole number from 1"),
        ("[p2p]\nsecret = 'long enough to be'\nservers = ['a:b']", 3, "item 1 is 'a:b', expected a host such as"),
        ("[p2p]\nsecret = 'long enough to be'\nservers = ['a:0']", 3, "item 1 is 'a:0'"),
        ("[p2p]\nsecret = 'long enough to be'\nservers = ['[1.2.3.4]']", 3, "item 1 is '[1.2.3.4]'"),
        ("[p2p]\nsecret = 'long enough to be'\nservers = ['::1']", 3, "item 1 is '::1'"),
        ("open = 3", 1, "0, 1 or 2"),
        ("open = 'yes'", 1, "0, 1 or 2"),
        ("data = 3", 1, "expected the path of a folder"),
        ("data = ''", 1, "expected the path of a folder"),
        ('data = "a\\u0000b"', 1, "expected the path of a folder"),
        ("[session]\nallowed_client_types = ['web']", 2, "client type numbers"),
        ("[session]\nexclusive_devices = [['linux', 'toaster']]", 2, 'expected "same_kind", "all" or a list of lists'),
        ("[session]\nexclusive_devices = [['linux', 'toaster']]", 2, "item 1.2 is 'toaster', expected one of "),
        ("[session]\nexclusive_devices = [['linux']]", 2, "item 1 is ['linux'], expected a list of at least 2"),
        ("administrators = ['root', '_x']", 1, "item 2 is '_x', expected an account's name such as alice"),
        ("administrators = ['4#alice']", 1, "item 1 is '4#alice', expected an account's name"),
        ("[offline]\ntypes = [1, '9-3']", 2, "item 2 is '9-3', expected a number up to"),
        ("[accounts]\nexempt = ['10.0.0.1/8']", 2, "expected a list of networks such as 10.0.0.0/8"),
        ("[accounts]\nexempt = [10]", 2, "expected a list of networks such as 10.0.0.0/8"),
        ("listen = [", None, "is not TOML"),
        ("open = 1\nopen = 2", None, "is not TOML"),
    ],
)
def test_a_problem_names_file_line_table_key_value_and_what_was_expected(
    write: Write, text: str, line: int | None, words: str
) -> None:
    file = write(text)
    (problem,) = problems_of(file)
    assert words in problem
    assert problem.startswith(f"{file}, line {line}: " if line else f"{file}")


def test_every_problem_is_told_at_once(write: Write) -> None:
    assert len(problems_of(write("opne = 1\n[log]\nlevel = 3\njsn = 1\n"), {"log.json": 5})) == 4


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        ({"log.level": "loud"}, "--log-level = 'loud': expected one of"),
        ({"log.file": ""}, "--log = '': expected a path"),
        ({"max_user_id": 0}, "--max-user-id = 0: expected a whole number from 1 to 255"),
        ({"p2p.port": 70000}, "--p2p = 70000"),
        ({"open": 3}, "--open = 3"),
    ],
)
def test_a_wrong_flag_is_called_as_it_was_written(flags: dict[str, object], words: str) -> None:
    (problem,) = problems_of(None, flags)
    assert words in problem


def test_p2p_off_is_written_in_place_of_its_table(write: Write) -> None:
    assert load_config(write('p2p = "off"')).p2p.port == "off"
    assert load_config(write("p2p = 4600")).p2p.port == 4600
    assert load_config(write("[p2p]\nport = 4600"), {"p2p.port": 4700}).p2p.port == 4700


def test_servers_have_the_usual_port_where_none_is_given(write: Write) -> None:
    text = "[p2p]\nsecret = 'long enough to be'\nservers = ['p2p.example.org', '192.0.2.1:77', '[2001:db8::1]']"
    assert load_config(write(text)).p2p.servers == ("p2p.example.org:9901", "192.0.2.1:77", "[2001:db8::1]:9901")


def test_servers_that_stand_alone_need_the_same_secret(write: Write) -> None:
    (problem,) = problems_of(write("[p2p]\nservers = ['a']"))
    assert "servers: expected a secret or secret_file as well" in problem
    load_config(write("[p2p]\nservers = ['a']\nsecret_file = 'p2p.secret'"))


@pytest.mark.parametrize("key", ["high_water", "max_message"])
def test_the_hard_limit_is_above_what_it_limits(write: Write, key: str) -> None:
    (problem,) = problems_of(write(f"[limits]\n{key} = 2000000\nhard_limit = 1500000\n"))
    assert f"hard_limit = 1500000: expected at least {key} (2000000)" in problem


def test_what_is_for_all_is_no_less_than_what_is_for_one(write: Write) -> None:
    messages, size = problems_of(write("[delivery]\nmessages = 9\nmessages_in_all = 8\nbytes = 7\nbytes_in_all = 6\n"))
    assert messages == "[delivery] messages_in_all = 8: expected at least messages (9)"
    assert size == "[delivery] bytes_in_all = 6: expected at least bytes (7)"


def test_asking_and_handing_over_have_different_types(write: Write) -> None:
    (problem,) = problems_of(write("[offline]\nrequest_type = 7\ndelivery_type = 7\n"))
    assert "[offline] delivery_type = 7: expected another type than request_type" in problem


def test_what_may_hold_a_password_is_never_repeated(write: Write) -> None:
    (problem,) = problems_of(write("auth = ['memory:admin:secret', 3, 'secret']"))
    assert problem.endswith("; item 2 is none")
    assert "secret" not in problem
    (problem,) = problems_of(write("auth = 'memory:admin:secret'"))
    assert "secret" not in problem
    assert "auth: expected a list" in problem


def test_a_long_value_is_cut(write: Write) -> None:
    (problem,) = problems_of(write(f"max_user_id = '{'x' * 10_000}'"))
    assert len(problem) < 500


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "none.toml")
    assert "none.toml: cannot be read (No such file" in problem


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    file = tmp_path / "es.toml"
    file.write_bytes(b'data = "\xe9"')
    assert "is not UTF-8 (byte 8)" in problems_of(file)[0]


toml_values = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.lists(st.integers(), max_size=3),
)
keys = [
    f"{table}.{option.name}" if table else option.name
    for table, options in TABLES.items()
    for option in dataclasses.fields(options)
    if "rule" in option.metadata
]


@given(st.dictionaries(st.sampled_from(keys), toml_values))
def test_any_value_is_taken_or_refused_by_name(flags: dict[str, Any]) -> None:
    try:
        config = load_config(None, flags)
    except ConfigError as error:
        assert error.problems
    else:
        assert isinstance(config, ServiceConfig)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ('["a"]', "expected a table of names and paths"),
        ('{ "a/b" = "c" }', "item 'a/b' is 'a/b', expected a name without /"),
        ('{ ".." = "c" }', "expected a name without /"),
        ("{ a = 1 }", "item 'a' is 1, expected the path of a folder"),
    ],
)
def test_public_folders_have_names_and_paths(write: Write, value: str, words: str) -> None:
    (problem,) = problems_of(write(f"[disk]\npublic = {value}\n"))
    assert words in problem
