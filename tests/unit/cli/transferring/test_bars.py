"""Transfers as bars: what is on the terminal, and that it is left as it was."""

from __future__ import annotations

import re
from io import StringIO

import pytest

from esframework.wire.types import FileDisruption
from tests.conftest import require
from tests.unit.cli.transferring.transfers import HandDriven, Step

STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen:
    """A terminal of 100 columns."""

    def __init__(self) -> None:
        require("rich", "bars are drawn with it")
        from rich.console import Console

        from esframework.cli.transferring.bars import Bars

        self.file = StringIO()
        console = Console(file=self.file, force_terminal=True, width=100, highlight=False, markup=False, emoji=False)
        self.look = Bars(console)

    @property
    def raw(self) -> str:
        """All that was written."""
        return self.file.getvalue()

    def taken(self) -> str:
        """What was written since the last call, without what steers."""
        text = STEERING.sub("", self.raw)
        self.file.truncate(0)
        self.file.seek(0)
        return text


@pytest.fixture
def screen() -> Screen:
    return Screen()


def test_a_bar_tells_who_how_much_how_fast_and_how_long(screen: Screen) -> None:
    transfer = HandDriven(is_folder=True, files=12)
    screen.look.begin(transfer)
    assert "holidays/ to bob" in (shown := screen.taken())
    assert "12 files, 10.0 MB, waiting for an answer" in shown
    transfer.is_transferring = True
    screen.look.start(transfer)
    screen.look.show(transfer, Step(3_400_000, transfer.size, 1.0))
    shown = screen.taken()
    assert "34 %, 3.4 MB of 10.0 MB, 1.2 MB/s, 0:06 left" in shown
    assert "━" in shown


def test_it_is_not_drawn_more_often_than_anybody_sees(screen: Screen) -> None:
    transfer = HandDriven()
    screen.look.begin(transfer)
    screen.taken()
    for thousandth in range(1000):
        screen.look.show(transfer, Step(thousandth, 1000, thousandth / 1000))
    assert screen.taken().count("left") <= 11


def test_the_end_is_a_line_and_the_cursor_is_back(screen: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    transfer = HandDriven()
    with screen.look as look:
        look.begin(transfer)
        look.complete(transfer, 2.0)
    assert capsys.readouterr().out == "sent holidays to bob: 10.0 MB in 0:02 (5.0 MB/s), by the server\n"
    assert screen.raw.rindex("\x1b[2K") > screen.raw.rindex("holidays")
    assert screen.raw.rindex("\x1b[?25h") > screen.raw.rindex("\x1b[?25l")


def test_one_of_two_ends_and_the_other_stays(screen: Screen) -> None:
    first, second = HandDriven(name="first", id="1"), HandDriven(name="second", id="2")
    screen.look.begin(first)
    screen.look.begin(second)
    screen.look.interrupt(first)
    screen.taken()
    screen.look.show(second, Step(1, 2, 1.0))
    assert "first" not in (shown := screen.taken())
    assert "second" in shown


def test_while_something_is_asked_nothing_is_drawn(screen: Screen) -> None:
    transfer = HandDriven()
    screen.look.begin(transfer)
    with screen.look.paused():
        screen.taken()
        screen.look.show(transfer, Step(3_400_000, transfer.size, 1.0))
        assert screen.taken() == ""
    assert "34 %" in screen.taken()


def test_what_others_send_is_neither_markup_nor_steering(screen: Screen) -> None:
    transfer = HandDriven(name="[red]\x1b[31m:smile:" + "x" * 100)
    screen.look.begin(transfer)
    screen.look.note("[bold]note[/bold]")
    transfer.disruption, transfer.cause = FileDisruption.REJECTED, "[/nonsense]"
    screen.look.interrupt(transfer)
    screen.look.fail(transfer)
    assert "\x1b[31m" not in screen.raw
    shown = screen.taken()
    assert "[red]\\u001b[31m:smile:" in shown and "…" in shown
    assert "[bold]note[/bold]" in shown
    assert "[/nonsense]" in shown


def test_an_empty_file_has_a_bar_too(screen: Screen, capsys: pytest.CaptureFixture[str]) -> None:
    transfer = HandDriven(size=0)
    screen.look.begin(transfer)
    screen.look.start(transfer)
    screen.look.complete(transfer, 0.0)
    assert capsys.readouterr().out == "sent holidays to bob: 0 bytes, by the server\n"
