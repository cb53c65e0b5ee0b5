"""What the programs about channels print, and where."""

from __future__ import annotations

import json

import pytest

from esframework.cli.channelling.telling import Teller


def test_people_get_results_and_remarks_apart(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=False)
    teller.tell("a result", event="x")
    teller.remark("by the way")
    teller.complain("it failed", error="E")
    teller.draw("nobody looks at this: it is no terminal")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("a result\n", "by the way\nesframework: it failed\n")


def test_scripts_get_objects_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    teller = Teller(as_json=True)
    teller.tell("a result", event="x", name="é")
    teller.remark("by the way")
    teller.complain("it failed", error="E")
    captured = capsys.readouterr()
    assert [json.loads(line) for line in captured.out.splitlines()] == [
        {"event": "x", "name": "é"},
        {"error": "E", "cause": "it failed"},
    ]
    assert captured.err == ""


def test_what_was_drawn_is_taken_away_before_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    teller = Teller(as_json=False)
    teller.draw("1 %")
    teller.draw("2 %")
    teller.tell("whole")
    teller.clear()
    captured = capsys.readouterr()
    assert captured.out == "whole\n"
    assert captured.err == "\r\x1b[K1 %\r\x1b[K2 %\r\x1b[K"
