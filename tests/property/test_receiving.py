"""Laws of receiving: what arrives is what was sent, however often it is interrupted; and no sender and no edited note
reaches anything but the part."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from esframework.errors import PathClash, UnsafePath, WrongTree
from esframework.filesystem.digests import BLAKE2B
from esframework.filesystem.items import FileItem, FolderItem, Item, Position
from esframework.filesystem.journals import from_json
from esframework.filesystem.partials import Identity
from esframework.filesystem.reading import TreeReader
from esframework.filesystem.writing import TreeWriter
from tests.property.test_trees import CONTENTS, TREES, made
from tests.unit.filesystem.receiving import Receiver, look, not_cancelled

ENDS = st.sampled_from(["suspend", "kill", "finish"])


@contextmanager
def receiver() -> Iterator[Receiver]:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "precious").write_bytes(b"precious")
        yield Receiver(Path(folder) / "received", Path(folder) / "state")
        assert (Path(folder) / "precious").read_bytes() == b"precious"
        assert set(os.listdir(folder)) <= {"precious", "received", "state", "source"}


def _send(reader: TreeReader, writer: TreeWriter, data: st.DataObject, here: Receiver, *, to_the_end: bool) -> None:
    """Send for a while."""
    reads = 1_000_000 if to_the_end else data.draw(st.integers(0, 6), label="reads")
    for _ in range(reads):
        items = reader.read(data.draw(st.integers(1, 20), label="budget"))
        if not items:
            return
        here.time += data.draw(st.sampled_from([0.0, 0.6, 2.0]), label="seconds")
        writer.write(items)


@given(st.one_of(CONTENTS, TREES), st.lists(ENDS, max_size=4), st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.data_too_large])
def test_what_arrives_is_what_was_sent_however_often_it_is_interrupted(
    tree: Any, ends: list[str], data: st.DataObject
) -> None:
    with receiver() as here:
        source = made(str(here.folder.parent), tree)
        reader = TreeReader(source)
        survey = reader.survey()
        identity = Identity("alice", "o", survey.size, survey.modified_at, survey.is_folder)
        for end in [*ends, "finish"]:
            here.restart()
            writer = here.writer(identity=identity)
            _begin(reader, writer, here, identity)
            _send(reader, writer, data, here, to_the_end=end == "finish")
            if end == "finish":
                assert writer.digest() == reader.digest()
                path = writer.finish(replace=True)
                assert here.is_clean("target")
                assert path.read_bytes() == tree if isinstance(tree, bytes) else look(path) == look(source)
            elif end == "suspend":
                writer.suspend()
            else:
                writer._close()
        reader.close()


def _begin(reader: TreeReader, writer: TreeWriter, here: Receiver, identity: Identity) -> None:
    """As both ends do: compare what the receiver has, or begin anew."""
    partial = here.partials.find(identity)
    if partial is not None:
        digest = writer.resume(partial, BLAKE2B, not_cancelled)
        if digest is not None:
            assert reader.resume(writer.position, BLAKE2B, not_cancelled) == digest
            return
        assert partial.position.received == 0
    writer.open(BLAKE2B)
    reader.start(BLAKE2B)


NAMES = st.sampled_from(
    ["..", ".", "", "a", "b", "a/b", "a/..", "../precious", "/etc", "a\\b", "..\\x", "\0", "A", "é"]
)
ITEMS: st.SearchStrategy[Item] = st.one_of(
    st.builds(FolderItem, NAMES),
    st.builds(FileItem, NAMES, st.integers(-1, 6), st.integers(-(2**63), 2**63 - 1), st.booleans()),
    st.binary(max_size=6),
)


@given(st.lists(ITEMS, max_size=20), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_no_sender_reaches_anything_but_the_part(items: list[Item], is_folder: bool, foreign: bool) -> None:
    with receiver() as here:
        writer = here.writer(20, is_folder=is_folder, windows_paths=foreign)
        writer.open(None)
        try:
            for item in items:
                writer.write([item])
                assert 0 <= writer.position.offset <= writer.position.received <= 20
        except (WrongTree, UnsafePath, PathClash):
            assert len(here.content()) == 1
        except OSError as error:
            # A folder where a foreign sender's file is, or the other way round.
            assert isinstance(error, NotADirectoryError), error
        writer.discard()
        assert here.is_clean()


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["../../precious", "/precious", "/", "a", "a/b", "../../../x", "0" * 16]),
    st.lists(st.one_of(st.integers(0, 12), NAMES, st.booleans()), max_size=4),
    st.tuples(st.integers(0, 12), NAMES, st.integers(0, 12)).map(list),
    st.tuples(NAMES, st.integers(0, 12), st.integers(0, 12), st.booleans()).map(list),
)
FIELDS = st.sampled_from(
    "version id sender origin size modified_at is_folder name destination position file files updated_at lifetime"
    " is_ours is_ordered is_replacing".split()
)


@given(st.dictionaries(FIELDS, VALUES, max_size=3), st.booleans(), st.booleans())
@settings(max_examples=150)
def test_no_edited_note_reaches_anything_but_the_part(
    changes: dict[str, Any], is_folder: bool, in_precious: bool
) -> None:
    with receiver() as here:
        writer = here.writer(10, is_folder=is_folder)
        writer.open(None)
        writer.write([FileItem("a", 10), b"12345"] if is_folder else [FileItem("", 10), b"12345"])
        writer.suspend()
        [path] = (here.folder.parent / "state").iterdir()
        if in_precious:
            changes["destination"] = str(here.folder.parent / "precious")
        path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
        here.restart()
        for partial in here.partials.all():
            again = TreeWriter(here.partials, partial.identity, partial.destination, name="x", lifetime=1)
            if again.resume(partial, BLAKE2B, not_cancelled) is not None:
                assert again.position == partial.position != Position()
                again.suspend()
        here.time += 1e6
        here.partials.expire()
        here.partials.purge(lambda partial: True)


@given(st.one_of(st.binary(max_size=200), st.text().map(str.encode)))
def test_any_bytes_are_a_journal_or_a_value_error(data: bytes) -> None:
    try:
        from_json(data)
    except ValueError as error:
        assert str(error)
