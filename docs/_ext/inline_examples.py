"""Writes the examples into the pages that show them, so that a page can be read where it lies.

`python docs/_ext/inline_examples.py` rewrites each code block below a line like these; a test says when that is due:

    <!-- example: examples/chat_server.py -->                  the file, without its docstring
    <!-- example: examples/chat_server.py class Chat -->       one class of it
    <!-- example: examples/chat_service.py after TEXT -->      what follows the line that holds TEXT

Paths begin at the page's folder. Knows nothing of Sphinx, and does not ask whether an example runs.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

DOCS = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"^<!-- example: (?P<path>\S+)(?: (?P<how>class|after) (?P<what>.+?))? -->\n```.*?^```$", re.DOTALL | re.MULTILINE
)
LANGUAGES = {".py": "python", ".toml": "toml"}


def inlined(text: str, folder: Path) -> str:
    """The text of a page in this folder, with each block holding what its example holds now.

    Raises OSError for an example that is not there, LookupError for a class or text that is not in it.
    """
    return BLOCK.sub(lambda found: _block(found, folder), text)


def _block(found: re.Match[str], folder: Path) -> str:
    heading = found[0].partition("\n")[0]
    example = folder / found["path"]
    code = _selected(example, found["how"], found["what"]).strip("\n")
    return f"{heading}\n```{LANGUAGES[example.suffix]}\n{code}\n```"


def _selected(example: Path, how: str | None, what: str) -> str:
    code = example.read_text(encoding="utf-8")
    if how == "class":
        return _class(code, what)
    if how == "after":
        return _after(code, what)
    return _without_docstring(code) if example.suffix == ".py" else code


def _class(code: str, name: str) -> str:
    for node in ast.parse(code).body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
            return "\n".join(code.splitlines()[first - 1 : node.end_lineno])
    raise LookupError(f"no class {name}")


def _after(code: str, text: str) -> str:
    lines = code.splitlines()
    for number, line in enumerate(lines):
        if text in line:
            return "\n".join(lines[number + 1 :])
    raise LookupError(f"no line with {text!r}")


def _without_docstring(code: str) -> str:
    tree = ast.parse(code)
    if ast.get_docstring(tree) is None:
        return code
    return "\n".join(code.splitlines()[tree.body[0].end_lineno :])


def main() -> None:
    """Rewrite the pages that need it, and name them."""
    for page in sorted(DOCS.rglob("*.md")):
        old = page.read_text(encoding="utf-8")
        new = inlined(old, page.parent)
        if new != old:
            page.write_text(new, encoding="utf-8")
            print(page.relative_to(DOCS.parent))


if __name__ == "__main__":
    main()
