"""The report: a table that people read, an object that scripts read, and nothing that was not measured."""

from __future__ import annotations

import io
import json
from typing import Any

from esframework.cli.benching.measuring import Latency, ProcessFigures
from esframework.cli.benching.report import HANDLERS, Report


def report(**changes: Any) -> Report:
    facts: dict[str, Any] = {
        "work": "relay",
        "settings": {"connections": 12, "interval_ms": 0.0, "in_pairs": True},
        "unit": "messages",
        "seconds": 2.0,
        "sent": 3010,
        "total": 3000,
        "received": 3000,
        "per_second": (1400, 1600),
        "latency": Latency(0.00123456, 0.25, 1.5, 3000),
        "latency_of": "through the server",
    }
    return Report(**{**facts, **changes})


def test_the_table_shows_rate_latency_and_settings() -> None:
    text = report().as_text()
    assert "relay: connections 12, flat out, in pairs\n" in text
    assert "messages a second             1,500\n" in text
    assert "p50 1.235 ms, p99 250 ms, max 1500 ms, of 3,000" in text
    assert "1,400 1,600" in text


def test_the_object_has_every_figure_and_is_json() -> None:
    facts = json.loads(json.dumps(report(server=ProcessFigures(51.26, 2**20)).as_json()))
    assert (facts["rate"], facts["sent_per_second"], facts["received"]) == (1500.0, 1505.0, 3000)
    assert facts["latency_ms"] == {"p50": 1.235, "p99": 250.0, "max": 1500.0, "count": 3000}
    assert (facts["server_cpu_percent"], facts["server_rss_bytes"]) == (51.3, 2**20)
    assert facts["connections"] == 12


def test_what_was_not_measured_is_said_to_be_unknown() -> None:
    unknown = report(latency=None, received=None)
    assert "none was measured" in unknown.as_text()
    assert "--server-pid" in unknown.as_text()
    assert "received" not in unknown.as_text()
    assert unknown.as_json()["latency_ms"] is None


def test_the_most_frequent_errors_are_shown_first_and_all_are_in_the_object() -> None:
    errors = {f"error {number}": number for number in range(1, 9)}
    failed = report(errors=errors)
    text = failed.as_text()
    assert text.index("8 x error 8") < text.index("7 x error 7")
    assert "error 1" not in text
    assert "3 other kinds" in text
    assert failed.as_json()["errors"] == errors


def test_a_load_that_is_itself_the_limit_says_so() -> None:
    assert "may be the limit" in report(own_cpu_percent=97.0).as_text()
    assert "may be the limit" not in report(own_cpu_percent=40.0).as_text()


def test_handlers_alone_have_no_server() -> None:
    text = report(work=HANDLERS, own_cpu_percent=99.0).as_text()
    assert "server's" not in text
    assert "may be the limit" not in text


def test_an_interrupted_test_is_marked() -> None:
    assert "(interrupted)" in report(interrupted=True).as_text()
    assert report(interrupted=True).as_json()["interrupted"] is True


def test_nothing_in_no_time_is_no_rate() -> None:
    assert report(seconds=0.0).rate == 0.0
    assert io.StringIO(report(seconds=0.0).as_text()).readline()
