"""How transfers are shown without bars."""

from __future__ import annotations

import json
import sys

import pytest

from esframework.cli.transferring.looks import Lines, Look, Objects, Results, look_for
from esframework.wire.types import FileDisruption
from tests.unit.cli.transferring.transfers import HandDriven, Step


def a_whole_one(look: Look) -> None:
    """A transfer of four seconds, and one that is interrupted."""
    transfer = HandDriven()
    look.begin(transfer)
    transfer.is_transferring = True
    look.start(transfer)
    for tenth in range(40):
        look.show(transfer, Step(250_000 * tenth, transfer.size, tenth / 10))
    look.complete(transfer, 4.0)
    other = HandDriven(id="p2", disruption=FileDisruption.OTHER_OFFLINE)
    look.begin(other)
    look.interrupt(other)
    look.fail(other)


def test_quiet_shows_what_fails_only(capsys: pytest.CaptureFixture[str]) -> None:
    with Look() as look:
        a_whole_one(look)
        look.note("something happened")
    shown = capsys.readouterr()
    assert (shown.out, shown.err) == ("", "esframework: holidays to bob was interrupted: bob is gone\n")


def test_without_a_terminal_there_is_one_line_at_the_end(capsys: pytest.CaptureFixture[str]) -> None:
    with Results() as look:
        a_whole_one(look)
    assert capsys.readouterr().out == "sent holidays to bob: 10.0 MB in 0:04 (2.5 MB/s), by the server\n"


def test_without_rich_a_terminal_gets_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    with Lines() as look:
        a_whole_one(look)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "holidays to bob: waiting for an answer"
    assert lines[1].startswith("holidays to bob: 50 %")
    assert len([line for line in lines if "%" in line]) == 1


@pytest.mark.parametrize("with_progress", [True, False])
def test_scripts_get_an_object_for_each_event(with_progress: bool, capsys: pytest.CaptureFixture[str]) -> None:
    with Objects(with_progress=with_progress) as look:
        a_whole_one(look)
        look.note("only for people")
        look.note("the connection was lost", event="connection_interrupted")
    shown = capsys.readouterr()
    assert shown.err == ""
    objects = [json.loads(line) for line in shown.out.splitlines()]
    progress = [told for told in objects if told["event"] == "progress"]
    assert len(progress) == (3 if with_progress else 0)
    assert [told["event"] for told in objects if told not in progress] == [
        "offered",
        "started",
        "completed",
        "offered",
        "interrupted",
        "failed",
        "connection_interrupted",
    ]
    assert [told["reason"] for told in objects if told["event"] == "interrupted"] == ["other_offline"]


def test_the_look_is_chosen_by_where_standard_error_leads(monkeypatch: pytest.MonkeyPatch) -> None:
    def chosen(**how: bool) -> str:
        return type(look_for(**{"as_json": False, "quiet": False, **how})).__name__

    monkeypatch.setattr(sys.stderr, "isatty", lambda: False, raising=False)
    assert [chosen(), chosen(quiet=True), chosen(as_json=True)] == ["Results", "Look", "Objects"]
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("esframework.cli.transferring.looks.find_spec", lambda name: None)
    assert [chosen(), chosen(quiet=True), chosen(as_json=True)] == ["Lines", "Look", "Objects"]


def test_a_path_that_is_no_unicode_is_told_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    with Objects(with_progress=True) as look:
        look.complain("no", path="\udcff")
    assert json.loads(capsys.readouterr().out)["path"] == "\udcff"
