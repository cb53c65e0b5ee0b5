"""Where programs of the command line note what they have received half: one place for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from platformdirs import user_state_path


def default_state_folder() -> Path:
    """A folder of this user's state; made by whoever first notes something."""
    return user_state_path("esframework") / "transfers"


def state_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """`--state FOLDER`; the command gets it as a path, `state`."""
    return click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        default=default_state_folder,
        metavar="FOLDER",
        help="Where it is noted what has been received half.  [default: a folder of this user's state]",
    )(command)
