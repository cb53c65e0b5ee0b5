"""What tests may ask for: the things outside this package that some need, and what their absence means.

A developer's machine may lack a program or a module: the test is skipped and says why. Where ESFRAMEWORK_CI
is set nothing may be missing, since a skip there would hide that something is not tested: the test fails.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings

from tests.postgresql import PostgreSQL, running_postgresql

# How long one example takes says how busy the machine is. In continuous integration the examples are the same
# each time, so that a failure there is due to the change; at home they differ, and find what is new.
settings.register_profile(
    "project",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=bool(os.environ.get("ESFRAMEWORK_CI")),
)
settings.load_profile("project")


def require(tool_or_module: str, reason: str) -> str:
    """The path of a program or of a module that this test needs; without it, no test.

    Programs are looked for in PATH and beside this Python (where wheels put theirs), then modules by name.

    :param reason: what the test wants it for, and how to get it; shown when it is absent.
    :raises: what `absent` raises.
    """
    found = _program(tool_or_module) or _module(tool_or_module)
    return found or absent(f"{tool_or_module} is not installed: {reason}")


def absent(reason: str) -> NoReturn:
    """Ends this test because the machine lacks something.

    :raises pytest.skip.Exception: on a developer's machine.
    :raises pytest.fail.Exception: where ESFRAMEWORK_CI is set.
    """
    if os.environ.get("ESFRAMEWORK_CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason, allow_module_level=True)


@pytest.fixture(name="require")
def require_fixture() -> Callable[[str, str], str]:
    """`require` for tests that prefer an argument to an import from tests.conftest."""
    return require


def _program(name: str) -> str | None:
    beside_python = Path(sys.executable).parent
    return shutil.which(name) or shutil.which(name, path=str(beside_python))


def _module(name: str) -> str | None:
    try:
        specification = importlib.util.find_spec(name)
    except ModuleNotFoundError:  # the package that should hold it is absent
        return None
    if specification is None:
        return None
    return specification.origin or name


@pytest.fixture(scope="session")
def postgresql() -> Iterator[PostgreSQL]:
    """A PostgreSQL server of this session's own."""
    if sys.version_info >= (3, 13):
        pytest.skip("there is no wheel of PostgreSQL for this Python; the stores are tested on it with an earlier one")
    require("psycopg", "the stores are tested on PostgreSQL: pip install 'esframework[test]'")
    require("pgserver", "the stores are tested on PostgreSQL: pip install 'esframework[test]'")
    with running_postgresql() as server:
        yield server
