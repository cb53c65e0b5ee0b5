"""How Sphinx builds these pages. `make docs` runs it with -W: every warning is an error."""

import runpy
import sys
from pathlib import Path

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

DOCS = Path(__file__).resolve().parent
sys.path[:0] = [str(DOCS.parent), str(DOCS / "_ext")]

project = "esframework"
author = "the esframework authors"
copyright = author
release = version = runpy.run_path(str(DOCS.parent / "esframework" / "_version.py"))["__version__"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "reference_pages"]
exclude_patterns = ["_build", "changelog.d"]
html_theme = "furo"
html_title = f"esframework {release}"

myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

autodoc_member_order = "bysource"
autodoc_default_options = {"members": True, "show-inheritance": True}
autodoc_typehints = "signature"
default_role = "code"
nitpicky = False
# Two modules may hold classes of the same name; a type in a signature then has no single page to lead to.
suppress_warnings = ["ref.python"]


def setup(app: Sphinx) -> None:
    """Diagrams are drawn where a page lies, and here shown as the text they are."""
    app.add_lexer("mermaid", TextLexer)
