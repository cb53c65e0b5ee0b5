"""The example of a third party's plugin, really installed beside the framework: a server and clients that use it."""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path
from typing import Any

import pytest
import pytest_twisted

from tests.conftest import require
from tests.integration.support import ROOT, Child, Daemon

pytestmark = pytest.mark.integration
PLUGIN = ROOT / "examples" / "geofence_plugin"
BRANDENBURG_GATE = ("52.5163", "13.3777")
OPERA = ("52.5170", "13.3889")
MUNICH = ("48.1374", "11.5755")


class Environment:
    """A virtual environment of its own, in which the dependencies of the one that runs the tests are found, too."""

    def __init__(self, folder: Path) -> None:
        venv.create(folder, with_pip=False, symlinks=True)
        self._folder = folder
        self.python = folder / "bin" / "python"
        # Read as paths, not as site folders: what is installed in developers' mode there is not seen here.
        library = sysconfig.get_path("purelib")
        (self.packages / "outer.pth").write_text(f"{library}\n{sysconfig.get_path('platlib')}\n")

    @property
    def packages(self) -> Path:
        """Its site-packages."""
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        return self._folder / "lib" / version / "site-packages"

    def pip(self, *arguments: str) -> None:
        """Runs pip, without a network."""
        command = [sys.executable, "-m", "pip", "--python", str(self.python), "--quiet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=self.variables)
        assert done.returncode == 0, done.stderr

    def install(self, source: Path) -> None:
        """`pip install` of a folder, from a copy, since building leaves traces in it."""
        copy = self._folder / "sources" / source.name
        skipped = shutil.ignore_patterns(".*", "__pycache__", "build", "*.egg-info", "docs", "tests", "benchmarks")
        shutil.copytree(source, copy, ignore=skipped)
        # --ignore-installed: what the outer environment has is not here.
        self.pip("install", "--no-deps", "--no-build-isolation", "--no-index", "--ignore-installed", str(copy))

    @property
    def variables(self) -> dict[str, str]:
        """The environment variables of processes in it."""
        return {**{name: value for name, value in os.environ.items() if name != "PYTHONPATH"}, "PIP_NO_INPUT": "1"}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    """The framework and the plugin, installed."""
    require("setuptools", "builds the plugin; pip install 'esframework[test]'")
    require("pip", "installs the plugin; python -m ensurepip")
    environment = Environment(tmp_path_factory.mktemp("environment"))
    environment.install(ROOT)
    environment.install(PLUGIN)
    return environment


@pytest_twisted.ensureDeferred
async def test_an_installed_plugin_is_served_and_used(
    installed: Environment, children: list[Child], tmp_path: Path
) -> None:
    def start(*arguments: str) -> Child:
        children.append(Child(["-m", "geofence", *arguments], python=str(installed.python), path=""))
        return children[-1]

    daemon = Daemon(tmp_path, "--open", python=str(installed.python), path="")
    children.append(daemon)
    await daemon.ready()
    watching = start("watch", "alice", daemon.endpoint, *BRANDENBURG_GATE)
    await watching.shows("^watching$")
    for name, place in (("munich", MUNICH), ("bob", OPERA)):
        passing = start("report", name, daemon.endpoint, *place)
        assert await passing.over() == 0, passing.shown
    await watching.shows("^bob is in here$")
    await watching.shows("^bob has left here$")
    assert "munich" not in watching.shown
    await watching.end(signal.SIGINT)
    assert "Traceback" not in daemon.shown


LIST = "from esframework.plugins.loader import discovered; print(*(manager.name for manager in discovered()))"


def test_uninstalling_takes_it_away(installed: Environment, tmp_path: Path) -> None:
    def managers() -> list[str]:
        command = [str(installed.python), "-c", LIST]
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60, cwd=tmp_path, check=True, env=installed.variables
        )
        return done.stdout.split()

    assert "geofence" in managers()
    installed.pip("uninstall", "--yes", "esframework-geofence")
    assert "geofence" not in managers()
    assert {"basic", "custom"} <= set(managers())


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The plugin's module that decides."""
    monkeypatch.syspath_prepend(str(PLUGIN))
    return importlib.import_module("geofence.machine")


def test_its_machine_tells_each_crossing_once(machine: Any) -> None:
    fences = machine.Fences()
    fences.watch(machine.Fence("alice", "here", 52.5163, 13.3777, 1000.0))
    assert fences.moved("bob", 48.1374, 11.5755) == []
    assert fences.moved("bob", 52.5170, 13.3889) == [machine.Crossing("alice", "here", "bob", True)]
    assert fences.moved("bob", 52.5163, 13.3777) == []
    assert fences.left("bob") == [machine.Crossing("alice", "here", "bob", False)]
    assert fences.left("bob") == []


def test_its_machine_measures_along_the_globe(machine: Any) -> None:
    assert machine.distance(0.0, 0.0, 0.0, 1.0) == pytest.approx(111_195, abs=1)
    assert machine.distance(52.5163, 13.3777, 48.1374, 11.5755) == pytest.approx(503_000, rel=0.01)
    assert machine.distance(0.0, 179.9, 0.0, -179.9) == pytest.approx(22_239, abs=1)


def test_its_machine_has_limits(machine: Any) -> None:
    fences = machine.Fences()
    for number in range(machine.MAX_FENCES):
        fences.watch(machine.Fence("alice", f"{number}", 0.0, 0.0, 1.0))
    fences.watch(machine.Fence("alice", "0", 1.0, 1.0, 1.0))
    with pytest.raises(machine.TooManyFences):
        fences.watch(machine.Fence("alice", "one more", 0.0, 0.0, 1.0))
    for place in ((91.0, 0.0, 1.0), (0.0, float("nan"), 1.0), (0.0, 0.0, float("inf")), (0.0, 0.0, 0.0)):
        with pytest.raises(machine.BadPlace):
            machine.Fence("bob", "off the map", *place)
