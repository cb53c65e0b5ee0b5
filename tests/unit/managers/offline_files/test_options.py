"""What a server is told to keep, in the words of stores."""

from __future__ import annotations

from pathlib import Path

import pytest

from esframework.errors import InvalidOption
from esframework.interfaces import FileQuota, StoredFile
from esframework.managers.offline_files.options import FOR_EVER, OfflineFilesOptions

FILE = StoredFile("f", "bob", None, None, "name", False, 5, 1, 0, None, "blob", 0.0, 0.0)


def test_the_limits_are_the_stores_quota() -> None:
    options = OfflineFilesOptions(files=1, bytes=2, files_per_sender=3, bytes_per_sender=4, bytes_in_all=5)
    assert options.quota == FileQuota(1, 2, 3, 4, 5)


@pytest.mark.parametrize(("expiry", "until"), [(60.0, 1060.0), (0.0, FOR_EVER), (-1.0, FOR_EVER)])
def test_a_file_is_kept_for_a_time_or_for_ever(expiry: float, until: float) -> None:
    kept = OfflineFilesOptions(folder=Path("kept"), expiry=expiry).dated(FILE, 1000.0)
    assert (kept.received_at, kept.expires_at) == (1000.0, until)


@pytest.mark.parametrize("retry", [0.0, -1.0])
def test_nothing_is_tried_again_without_a_pause(retry: float) -> None:
    with pytest.raises(InvalidOption, match="retry of offline files"):
        OfflineFilesOptions(retry=retry)
