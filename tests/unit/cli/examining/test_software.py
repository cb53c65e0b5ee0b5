"""Versions, plugins, extras and the reactor: what is missing or too old is named with the command that mends it."""

from __future__ import annotations

from collections.abc import Callable
from importlib import metadata
from types import SimpleNamespace
from typing import Any

import pytest

from esframework import __version__
from esframework.cli.examining import software
from esframework.cli.examining.finding import Finding, Status
from esframework.cli.examining.software import (
    MINIMUM,
    check_extras,
    check_plugins,
    check_reactor,
    check_versions,
    release,
)
from esframework.errors import PluginError


@pytest.mark.parametrize(
    ("older", "newer"), [("26.9.1", "26.10"), ("8", "8.1"), ("26.10.0rc1", "26.10.1"), ("1.4.54", "2"), ("", "0.1")]
)
def test_versions_are_compared_by_their_numbers(older: str, newer: str) -> None:
    assert release(older) < release(newer)


def test_noughts_at_the_end_say_nothing() -> None:
    assert release("8.0.0") == release("8")


def versions(**changed: str | None) -> Callable[[str], str]:
    def version_of(name: str) -> str:
        found = changed.get(name, __version__ if name == "esframework" else "999")
        if found is None:
            raise metadata.PackageNotFoundError(name)
        return found

    return version_of


def by_check(findings: Any) -> dict[str, Finding]:
    return {finding.check: finding for finding in findings}


def test_what_this_test_runs_on_will_do() -> None:
    findings = by_check(check_versions())
    assert set(MINIMUM) < set(findings)
    assert {finding.status for finding in findings.values()} <= {Status.OK, Status.WARN}


def test_a_twisted_that_is_too_old_is_named() -> None:
    finding = by_check(check_versions(versions(twisted="24.7.0")))["twisted"]
    assert finding.status is Status.FAIL
    assert "'twisted>=26.10'" in finding.mend


def test_a_package_that_is_missing_is_named() -> None:
    finding = by_check(check_versions(versions(pyOpenSSL=None)))["pyOpenSSL"]
    assert (finding.status, finding.text) == (Status.FAIL, "is not installed")


@pytest.mark.parametrize(("installed", "status"), [(__version__, Status.OK), (None, Status.OK), ("0.0.1", Status.WARN)])
def test_another_release_than_the_installed_one_is_told(installed: str | None, status: Status) -> None:
    assert by_check(check_versions(versions(esframework=installed)))["esframework"].status is status


def test_service_and_managers_are_found_here() -> None:
    findings = by_check(check_plugins())
    assert findings["service plugin"].status is Status.OK
    assert "custom" in findings["managers"].text


def test_an_installation_that_hides_plugins_is_named_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def nothing() -> Any:
        raise PluginError("the framework's own managers were not found")

    monkeypatch.setattr(software, "getPlugins", lambda interface, package=None: [])
    monkeypatch.setattr(software, "discovered", nothing)
    findings = list(check_plugins())
    assert [finding.status for finding in findings] == [Status.FAIL, Status.FAIL]
    assert all("editable_mode=compat" in finding.mend for finding in findings)


def test_a_manager_that_is_left_out_is_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    good, broken = SimpleNamespace(name="good"), SimpleNamespace(name="broken")
    service = SimpleNamespace(tapname="esframework")
    monkeypatch.setattr(software, "discovered", lambda: (good,))
    monkeypatch.setattr(
        software,
        "getPlugins",
        lambda interface, package=None: (
            [good, broken] if package is software.plugins else [service] if not package else []
        ),
    )
    *_, finding = check_plugins()
    assert (finding.status, finding.text) == (Status.WARN, "'broken' is left out")


@pytest.mark.parametrize(("wanted", "status"), [(True, Status.FAIL), (False, Status.OK)])
def test_an_extra_is_missed_only_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, wanted: bool, status: Status
) -> None:
    monkeypatch.setattr(software, "find_spec", lambda module: None)
    findings = by_check(check_extras(wanted))
    assert findings["extra metrics"].status is status
    assert findings["extra terminal"].status is Status.OK
    assert "a quicker digest" in findings["extra files"].text


def test_an_extra_that_is_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(software, "find_spec", lambda module: object())
    assert all(finding.text.startswith("installed") for finding in check_extras(True))


@pytest.mark.parametrize(
    ("name", "status"), [("EPollReactor", Status.OK), ("SelectReactor", Status.WARN), ("PollReactor", Status.WARN)]
)
def test_a_reactor_that_is_slow_with_many_connections_is_a_warning(name: str, status: Status) -> None:
    assert check_reactor(type(name, (), {})()).status is status
