"""Figures of channels beside others: medians, goals with and without a peer, and what was not measured."""

from __future__ import annotations

import json

from benchmarks.p2p.figures import Goal, Row
from benchmarks.p2p.report import json_report, markdown_report, text_report


def row(*goals: Goal) -> Row:
    made = Row("loss", "a line", ("mbit",), goals, order=["ours", "TCP reno", "TCP bbr"])
    for mbit in (8.0, 30.0, 9.0):
        made.add("1%", "ours", {"mbit": mbit})
    made.add("1%", "TCP reno", {"mbit": 10.0})
    return made


def test_the_median_of_the_rounds_counts() -> None:
    assert row().median("1%", "ours", "mbit") == 9.0


def test_what_was_not_measured_has_no_median() -> None:
    assert row().median("2%", "ours", "mbit") is None
    assert row().median("1%", "TCP bbr", "mbit") is None
    assert row().median("1%", "ours", "p99_ms") is None


def test_a_goal_by_itself_and_one_beside_a_peer_of_the_same_case() -> None:
    near, far = row(Goal("ours", "mbit", 0.9, against="TCP reno"), Goal("ours", "mbit", 12)).verdicts()
    assert (near.bar, near.is_met, near.text()) == (9.0, True, "met")
    assert (far.bar, far.is_met, far.text()) == (12, False, "missed by 25%")


def test_a_goal_for_the_most() -> None:
    (verdict,) = row(Goal("ours", "mbit", 8.5, at_most=True)).verdicts()
    assert (verdict.is_met, verdict.goal.text()) == (False, "≤ 8.5")


def test_a_goal_of_a_case_or_peer_that_was_left_out_is_neither_met_nor_missed() -> None:
    verdicts = row(Goal("ours", "mbit", 1, case="2%"), Goal("ours", "mbit", 1, against="TCP bbr")).verdicts()
    assert [(verdict.is_met, verdict.text()) for verdict in verdicts] == [(None, "not measured")] * 2


def test_reports_say_figures_goals_absences_and_disturbances() -> None:
    made = row(Goal("ours", "mbit", 12, case="1%"))
    made.absent["KCP"] = "no wheel"
    made.notes.append("something else used the cores")
    for text in (text_report([made]), markdown_report([made])):
        assert "9.0" in text and "missed by 25%" in text
        assert "KCP: no wheel" in text and "something else" in text
        assert text.index("ours") < text.index("TCP reno")
        assert "TCP bbr" not in text
    whole = json.loads(json_report([made]))["rows"][0]
    assert [one["mbit"] for one in whole["figures"]["1%"]["ours"]] == [8.0, 30.0, 9.0]
    assert whole["verdicts"][0]["met"] is False
