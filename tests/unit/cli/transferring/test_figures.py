"""Transfers in words and figures."""

from __future__ import annotations

import pytest

from esframework.cli.transferring.figures import (
    completed_line,
    extent_of,
    facts_of,
    interrupted_line,
    progress_line,
    reason_of,
    size_of,
    speed_of,
    time_of,
    title_of,
    words_of,
)
from esframework.errors import DestinationExists
from esframework.wire.types import FileDisruption
from tests.unit.cli.transferring.transfers import HandDriven, Step


@pytest.mark.parametrize(
    ("count", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_999, "1.0 MB"),
        (3_400_000, "3.4 MB"),
        (5 * 10**9, "5.0 GB"),
        (2**64 - 1, "18446.7 PB"),
    ],
)
def test_a_size_is_short(count: int, shown: str) -> None:
    assert size_of(count) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0:00"),
        (7.4, "0:07"),
        (59.6, "1:00"),
        (3723, "1:02:03"),
        (None, "-:--"),
        (1e12, "-:--"),
        (float("inf"), "-:--"),
        (float("nan"), "-:--"),
        (-1, "0:00"),
    ],
)
def test_a_time_is_short_and_unknown_where_nobody_knows(seconds: float | None, shown: str) -> None:
    assert time_of(seconds) == shown


def test_a_folder_is_told_by_its_slash_and_its_files() -> None:
    folder = HandDriven(name="holidays", is_folder=True, files=12, size=3_400_000)
    assert (title_of(folder), extent_of(folder)) == ("holidays/", "12 files, 3.4 MB")
    assert extent_of(HandDriven(is_folder=True, files=1, size=0)) == "1 file, 0 bytes"
    assert extent_of(HandDriven(is_folder=True, files=0)) == "10.0 MB"
    assert (title_of(HandDriven()), extent_of(HandDriven())) == ("holidays", "10.0 MB")


def test_progress_is_one_line() -> None:
    step = Step(3_400_000, 10_000_000, 3.0)
    figures = "34 %, 3.4 MB of 10.0 MB, 1.2 MB/s, 0:06 left"
    assert progress_line(HandDriven(), step) == f"holidays to bob: {figures}, by the server"
    assert speed_of(0) == "0 bytes/s"


def test_by_which_way_it_goes_is_told_unless_the_server_is_the_other_end() -> None:
    direct = HandDriven(path_kind="udp")
    assert progress_line(direct, Step(1, 2, 3.0)).endswith(" left, direct (udp)")
    assert completed_line(direct) == "sent holidays to bob: 10.0 MB, direct (udp)"
    assert completed_line(HandDriven(receiver=None)) == "sent holidays to server: 10.0 MB"
    left = HandDriven(is_sending=False, sender=None, left_by="alice")
    assert completed_line(left) == "received holidays from alice: 10.0 MB"


def test_all_but_the_last_byte_is_not_all() -> None:
    assert "99 %" in progress_line(HandDriven(), Step(9_999_999, 10_000_000, 3.0))
    assert "100 %" in progress_line(HandDriven(size=0), Step(0, 0, 3.0))


def test_what_a_resumed_transfer_did_not_send_again_is_told() -> None:
    assert completed_line(HandDriven(), 0.2) == "sent holidays to bob: 10.0 MB, by the server"
    received = HandDriven(is_sending=False, is_resumed=True, skipped=4_000_000)
    assert completed_line(received, 3.0) == (
        "received holidays from alice: 10.0 MB in 0:03 (2.0 MB/s), by the server; 4.0 MB were there already"
    )


def test_what_did_not_go_with_a_folder_is_told() -> None:
    links = HandDriven(is_folder=True, files=2, left_out=3)
    assert completed_line(links) == (
        "sent holidays/ to bob: 2 files, 10.0 MB, by the server; 3 left out: links, or what is no file"
    )


@pytest.mark.parametrize("disruption", list(FileDisruption))
def test_each_reason_has_words_of_its_own(disruption: FileDisruption) -> None:
    texts = {reason: reason_of(HandDriven(disruption=reason)) for reason in FileDisruption}
    assert len(set(texts.values())) == len(FileDisruption)
    assert "interrupted (" not in texts[disruption]


def test_a_reason_names_the_other_end_and_its_cause() -> None:
    refused = HandDriven(disruption=FileDisruption.REJECTED, cause="no room")
    assert interrupted_line(refused) == "holidays to bob was interrupted: bob refused it: no room"
    withdrawn = HandDriven(is_sending=False, disruption=FileDisruption.REJECTED)
    assert reason_of(withdrawn) == "refused"
    failed = HandDriven(disruption=FileDisruption.INNER_ERROR, error=OSError(28, "No space left on device"))
    assert reason_of(failed) == "it failed here: No space left on device"
    assert words_of(OSError(13, "Permission denied", "a\x1bb")) == "Permission denied: a\\u001bb"
    assert words_of(DestinationExists("/in/film", "is there already")) == "/in/film is there already"
    assert reason_of(HandDriven(receiver=None, disruption=FileDisruption.OTHER_OFFLINE)) == "server is gone"


def test_names_and_causes_of_others_steer_no_terminal() -> None:
    hostile = "\x1b]0;title\x07evil\r\nfake\u202egpj"
    transfer = HandDriven(
        name=hostile, receiver=hostile, cause=hostile, disruption=FileDisruption.CANCELLED_BY_OTHER, is_folder=True
    )
    for text in (interrupted_line(transfer), completed_line(transfer), progress_line(transfer, Step(1, 2, 3.0))):
        assert text.isprintable()
        assert "\\u001b]0;title" in text


def test_scripts_get_names_as_they_are() -> None:
    facts = facts_of(HandDriven(name="a\nb", receiver=None))
    assert facts["name"] == "a\nb"
    assert (facts["from"], facts["to"]) == ("alice", None)
    assert facts_of(HandDriven(sender=None, left_by="carol"))["from"] == "carol"
