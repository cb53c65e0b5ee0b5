"""`esframework contract-format` prints a contract's layout, and says which name was wrong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from esframework.cli.contract_format import contract_format

SOURCE = """
from dataclasses import dataclass
from datetime import datetime

@dataclass
class LoginContract:
    name: str
    code: int

@dataclass
class Visit:
    at: datetime

@dataclass
class BrokenContract:
    tags: set

class PlainContract:
    pass
"""


@pytest.fixture(autouse=True)
def module_in_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "sample_contracts_of_a_user.py").write_text(SOURCE)
    (tmp_path / "crashing_module_of_a_user.py").write_text("1 / 0")
    monkeypatch.chdir(tmp_path)


def run(*arguments: str) -> Result:
    return CliRunner().invoke(contract_format, list(arguments))


def test_a_class_is_printed_as_a_table() -> None:
    result = run("sample_contracts_of_a_user:LoginContract")
    assert result.exit_code == 0
    assert [line.split() for line in result.output.splitlines()] == [
        ["FieldName", "Type", "StartOffset", "Length"],
        ["LoginContractLen", "int32", "0", "4"],
        ["Code", "int32", "4", "4"],
        ["NameLen", "int32", "8", "4"],
        ["Name", "utf-8", "text", "12", "varies"],
    ]


def test_json_has_the_same_rows() -> None:
    rows = json.loads(run("--json", "sample_contracts_of_a_user:LoginContract").output)
    assert rows[-1] == {"field_name": "Name", "type": "utf-8 text", "start_offset": 12, "length": None}


def test_dates_are_those_of_the_generation() -> None:
    assert "100 ns since" in run("sample_contracts_of_a_user:Visit").output
    assert "ms since" in run("sample_contracts_of_a_user:Visit", "--generation", "7").output


def test_a_module_without_a_class_lists_its_dataclasses_of_that_suffix() -> None:
    assert run("sample_contracts_of_a_user:").output.split() == ["BrokenContract", "LoginContract"]
    assert run("sample_contracts_of_a_user:", "--suffix", "sit", "--json").output.split() == [
        "[",
        '"Visit"',
        "]",
    ]


def test_a_module_without_contracts_says_so_and_names_the_option() -> None:
    result = run("sample_contracts_of_a_user:", "--suffix", "Letter")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "ends in 'Letter'" in result.stderr
    assert "--suffix" in result.stderr


@pytest.mark.parametrize(
    ("path", "complaint"),
    [
        ("sample_contracts_of_a_user", "is not of the form module:Class"),
        (":LoginContract", "is not of the form module:Class"),
        ("nowhere_at_all:Thing", "'nowhere_at_all' cannot be imported"),
        ("crashing_module_of_a_user:Thing", "cannot be imported: division by zero"),
        ("sample_contracts_of_a_user:Nothing", "has no class 'Nothing'"),
        ("sample_contracts_of_a_user:PlainContract", "is no dataclass"),
    ],
)
def test_a_wrong_path_exits_with_2_and_says_what_is_wrong(path: str, complaint: str) -> None:
    result = run(path)
    assert result.exit_code == 2
    assert complaint in " ".join(result.output.split())


def test_a_class_that_cannot_be_carried_exits_with_1_and_says_why() -> None:
    result = run("sample_contracts_of_a_user:BrokenContract")
    assert result.exit_code == 1
    assert "BrokenContract.tags: set cannot be carried" in " ".join(result.output.split())
