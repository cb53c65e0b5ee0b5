"""How the demo tells its story; that the story happens is an integration test's."""

from __future__ import annotations

import json

import pytest

from esframework.cli.demo import Narrator


def test_people_get_numbered_scenes(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(as_json=False)
    narrator.heading("Saying something")
    narrator.seen("bob", "hears from ann: good morning")
    narrator.explained("type 202")
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["", "1. Saying something"]
    assert lines[2].split() == ["bob", "hears", "from", "ann:", "good", "morning"]
    assert lines[3].split() == ["|", "type", "202"]


def test_scripts_get_an_object_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    narrator = Narrator(as_json=True)
    narrator.heading("Saying something")
    narrator.seen("bob", "hears")
    assert [json.loads(line) for line in capsys.readouterr().out.splitlines()] == [
        {"scene": 1, "voice": "scene", "text": "Saying something"},
        {"scene": 1, "voice": "bob", "text": "hears"},
    ]
