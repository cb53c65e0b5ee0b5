"""The documentation holds together: the README's code is the code that runs, and no link leads nowhere."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from esframework.config import load_config
from esframework.rudp.stages import TRANSITIONS

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = sorted({*ROOT.glob("*.md"), *DOCS.rglob("*.md")} - {*(DOCS / "changelog.d").iterdir()})
EXAMPLES = sorted((DOCS / "examples").iterdir())
CODE = re.compile(r"^```.*?^```$|`[^`\n]*`", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
inlined = runpy.run_path(str(DOCS / "_ext" / "inline_examples.py"))["inlined"]
drawn = runpy.run_path(str(DOCS / "_ext" / "state_diagrams.py"))["drawn"]


def anchor(heading: str) -> str:
    """The name under which GitHub and MyST find a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


def anchors_of(page: Path) -> set[str]:
    """All headings of a page, as anchors."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {anchor(heading) for heading in headings}


def broken_links(page: Path) -> list[str]:
    """Links of a page to files or headings that are not there."""
    broken = []
    for link in LINK.findall(CODE.sub("", page.read_text(encoding="utf-8"))):
        if "://" in link:
            continue
        path, _, heading = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (heading and heading not in anchors_of(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_page_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_a_link_that_leads_nowhere_is_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here it is\n[a](gone.md) [b](#here-it-is) [c](#elsewhere) [d](page.md) `[e](code.md)`")
    assert broken_links(page) == ["gone.md", "#elsewhere"]


def test_the_readmes_code_is_that_of_the_example() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```$", readme, re.DOTALL | re.MULTILINE)
    example = (DOCS / "examples" / "three_engines.py").read_text(encoding="utf-8")
    assert blocks
    assert [block for block in blocks if block not in example] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_code_on_the_page_is_that_of_its_examples(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # When this fails: python docs/_ext/inline_examples.py
    assert text == inlined(text, page.parent)
    assert "{literalinclude}" not in text, "code that only Sphinx shows cannot be read where the page lies"


def test_a_block_that_differs_from_its_example_is_found(tmp_path: Path) -> None:
    (tmp_path / "made.py").write_text('"""What it is."""\n\nfirst = 1\n\n\nclass Second:\n    third = 3\n')

    def shown(selection: str) -> str:
        page = f"# Page\n\n<!-- example: made.py{selection} -->\n```python\nold\n```\n\nAnd more.\n"
        head, _, rest = inlined(page, tmp_path).partition("```python\n")
        assert head.startswith("# Page\n\n<!-- example: made.py") and rest.endswith("\n```\n\nAnd more.\n")
        return rest.partition("\n```")[0]

    assert shown("") == "first = 1\n\n\nclass Second:\n    third = 3"
    assert shown(" class Second") == shown(" after first") == "class Second:\n    third = 3"
    with pytest.raises(LookupError, match="Fourth"):
        shown(" class Fourth")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_states_on_the_page_are_those_of_the_table(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    # When this fails: python docs/_ext/state_diagrams.py
    assert text == drawn(text)


def test_a_diagram_has_every_state_and_every_step_of_its_table() -> None:
    table = "esframework.rudp.stages TRANSITIONS"
    page = drawn(f"# Page\n\n<!-- states: {table} -->\n```mermaid\nold\n```\n\nAnd more.\n")
    assert "old" not in page
    assert "    [*] --> NEW\n    NEW: new\n    NEW --> WANT_ROUND: start\n    NEW --> STOPPED: stop\n" in page
    assert all(f"\n    {state.name}: {state.value}\n" in page for state in TRANSITIONS)
    steps = [step.value for row in TRANSITIONS.values() for step in row]
    arrows = [part for line in page.splitlines() if " --> " in line for part in line.partition(": ")[2].split(", ")]
    assert sorted(filter(None, arrows)) == sorted(steps)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_every_example_is_shown_or_linked_on_a_page(example: Path) -> None:
    assert any(f"examples/{example.name}" in page.read_text(encoding="utf-8") for page in PAGES)


def test_the_example_of_a_configuration_file_is_valid() -> None:
    configuration = load_config(DOCS / "examples" / "es.toml")
    assert len(configuration.listen) == 2
