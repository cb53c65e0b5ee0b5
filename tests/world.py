"""A world in which programs send files to each other, and everything happens to them: it is told what to do by a random
number, and sees to it that nothing is ever wrong (tests/property/test_transfers.py)."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any
from unittest import mock

from esframework import ClientEngine, ClientOptions, ServerEngine, ServerOptions, limits
from esframework.errors import EsError, TransferInterrupted
from esframework.filesystem.making import FileInMaking
from esframework.filesystem.partials import Partials
from esframework.filesystem.reading import TreeReader
from esframework.filesystem.writing import TreeWriter
from esframework.managers.files import outgoing, receiving
from esframework.managers.files.manager import FilesManager
from esframework.managers.files.offer import Offer
from esframework.managers.files.options import FilesOptions, SendingParameters
from esframework.managers.files.transfer import Transfer
from esframework.plugins.loader import discovered
from esframework.testing import Conditions, MemoryNetwork
from tests.programs import Door, Life, fall_silent
from tests.transfers import Tree, make_tree
from tests.witnesses import TERMINAL, Watch, is_made_of, look, marks

KIB = 1024
SMALL = {
    "FILE_WINDOW": 32 * KIB,
    "FILE_BACKLOG": 32 * KIB,
    "FILE_SLICE": 8 * KIB,
    "FIRST_FILE_PACKAGE": 1 * KIB,
    "LEAST_FILE_PACKAGE": 512,
    "MOST_FILE_PACKAGE": 4 * KIB,
    "VERIFYING_SLICE": 8 * KIB,
    "JOURNAL_INTERVAL": 0.05,
    "ITEMS_AT_A_TIME": 16,
}
SETTLED_IN = 90.0
"""Seconds in which everything has ended, one way or the other: the silence of either end, one after the other, with a
cable that was pulled, and a log-on after it."""
YEAR_2024 = 1_704_067_200.0
NAMES = ["a", "b.txt", "имя", "ファイル", "with blank", "é", "x" * 60]


class Program:
    """A server or a client, in all its lives."""

    def __init__(self, world: World, name: str | None) -> None:
        self.world = world
        self.name = name
        self.folder = world.root / f"received by {name}"
        self.state = world.root / f"state of {name}"
        self.folder.mkdir()
        self.watches: dict[tuple[str, bool], Watch] = {}
        self.offers: dict[str, Offer] = {}
        self._live()

    def _live(self) -> None:
        world = self.world
        self.life = Life(world.network, world.random.choice([0.0, 0.0, 0.02, 0.3]))
        options = FilesOptions(state_folder=self.state, sync=world.random.random() < 0.1)
        manager = FilesManager(lambda: YEAR_2024 + world.network.seconds())
        managers = [manager if each.name == "files" else each for each in discovered()]
        self.door: Door | None = None
        self.engine: Any
        if self.name is None:
            server_options = ServerOptions(files=options, watch_reactor=False)
            self.engine = ServerEngine(options=server_options, managers=managers, reactor=self.life)
            self.engine.listen(world.network.server_endpoint())
        else:
            client_options = ClientOptions(
                generation=7, reconnect_first_delay=0.1, reconnect_longest_delay=0.5, files=options
            )
            self.engine = ClientEngine(options=client_options, managers=managers, reactor=self.life)
            self.door = Door(self.life, world.network)
            self._log_on()
        self.files = self.engine.files
        self.files.offered.subscribe(self._offered)
        for events in (self.files.sending, self.files.receiving):
            for word in ("started", "resumed", "completed", "interrupted"):
                getattr(events, word).subscribe(lambda transfer, *_, word=word: self._happened(transfer, word))
            events.progress.subscribe(lambda transfer, progress: self._progressed(transfer))

    def _log_on(self) -> None:
        # A first log-on that fails is not tried again by itself.
        if not self.life.is_over:
            trying = self.engine.log_on(self.name, "", self.door)
            trying.addErrback(lambda _: self.life.callLater(0.2, self._log_on))

    def watch(self, transfer: Transfer) -> Watch:
        """What is told of a transfer here."""
        return self.watches.setdefault((transfer.id, transfer.is_sending), Watch(transfer, self.life))

    def _happened(self, transfer: Transfer, word: str) -> None:
        self.watch(transfer).happened(word)

    def _progressed(self, transfer: Transfer) -> None:
        watch = self.watch(transfer)
        watch.look()
        assert watch.words, transfer

    def _offered(self, offer: Offer) -> None:
        watch = self.watch(offer.transfer)
        assert offer.transfer.id not in self.offers, "offered twice"
        self.offers[offer.transfer.id] = offer
        self.world.decide(self, offer, watch)

    def kill(self) -> None:
        """As kill -9; the next life begins by and by."""
        world = self.world
        self.life.end()
        self.watches = {id: watch for id, watch in self.watches.items() if watch.transfer.state.is_over}
        for writer in world.writers:
            if writer._partials._folder == self.state:
                writer._close()
        if self.door is not None:
            self.door.close()
        else:
            backbone = world.network._backbone
            backbone.ports.clear()
            for connection in backbone.connections:
                fall_silent(connection.server)
        self.offers = {}
        world.network.settle()
        self._live()

    def partials(self) -> Partials:
        """What is half received here, as anybody else would see it."""
        return Partials(self.state, lambda: YEAR_2024 + self.world.network.seconds())


@dataclass
class Source:
    """A file or folder that somebody sends to somebody, perhaps several times."""

    sender: Program
    target: Program
    path: Path
    versions: list[Tree]
    transfers: list[Transfer] = field(default_factory=list)

    @property
    def destination(self) -> Path:
        """Where it is to appear."""
        return self.target.folder / self.path.name


class World:
    """A server, two clients, what they send each other, and everything that may happen to that."""

    def __init__(self, seed: int, root: Path, stack: ExitStack) -> None:
        self.random = Random(seed)
        self.root = root
        self.writers: list[TreeWriter] = []
        self.readers: list[TreeReader] = []
        self.full: set[Path] = set()
        self.sources: list[Source] = []
        self.planted: dict[Path, bytes] = {}
        self.tampered = False
        self.notes_tampered = False
        self.is_peaceful = False
        self.story: list[str] = []
        self._patch(stack)
        delays: list[float | tuple[float, float]] = [0.0, 0.01, (0.0, 0.1)]
        delay = self.random.choice(delays)
        window = self.random.choice([4 * KIB, 16 * KIB, 256 * KIB])
        chunk = self.random.choice([None, None, None, 2000])
        self.network = MemoryNetwork(seed, Conditions(delay=delay, window=window, chunk=chunk))
        stack.callback(self.network.failures.stop)
        self.programs = {name: Program(self, name) for name in (None, "alice", "bob")}
        self.network.advance(2)

    def _patch(self, stack: ExitStack) -> None:
        world = self

        class Writer(TreeWriter):
            def __init__(self, *arguments: Any, **more: Any) -> None:
                super().__init__(*arguments, **more)
                world.writers.append(self)

        class Reader(TreeReader):
            def __init__(self, *arguments: Any, **more: Any) -> None:
                super().__init__(*arguments, **more)
                world.readers.append(self)

        write = FileInMaking._write

        def write_if_there_is_room(file: FileInMaking, pieces: list[bytes | memoryview]) -> None:
            if any(folder in (file._folder, *file._folder.parents) for folder in world.full):
                write(file, pieces[:1])
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            write(file, pieces)

        for name, value in SMALL.items():
            stack.enter_context(mock.patch.object(limits, name, value))
        stack.enter_context(mock.patch.object(receiving, "TreeWriter", Writer))
        stack.enter_context(mock.patch.object(outgoing, "TreeReader", Reader))
        stack.enter_context(mock.patch.object(FileInMaking, "_write", write_if_there_is_room))

    # --- what the programs do -----------------------------------------------------------------------------------------
    def new_source(self) -> None:
        """Something that one of them will send."""
        random = self.random
        sender, target = random.choice(
            [("alice", "bob"), ("bob", "alice"), ("alice", None), (None, "bob"), ("bob", "bob")]
        )
        number = len(self.sources)
        path = self.root / "sources" / str(number) / f"{random.choice(NAMES)} {number}"
        if random.random() < 0.5:
            path.parent.mkdir(parents=True)
            path.write_bytes(self._content())
        else:
            make_tree(path, self._tree())
        for each in [path, *path.rglob("*")]:
            if each.is_file():
                at = 10**18 + random.randrange(10**17)
                os.utime(each, ns=(at, at))
                each.chmod(random.choice([0o644, 0o755]))
        self.sources.append(Source(self.programs[sender], self.programs[target], path, [look(path)]))

    def _content(self) -> bytes:
        random = self.random
        size = random.choice([0, 1, random.randrange(5 * KIB), random.randrange(40 * KIB), random.randrange(200 * KIB)])
        return random.randbytes(size)

    def _tree(self) -> Tree:
        random = self.random
        tree: Tree = {".": None}
        for _ in range(random.choice([0, 1, 5, 40])):
            depth = random.choice([1, 1, 2, 3, 8])
            path = "/".join(f"{random.choice(NAMES)}{random.randrange(5)}" for _ in range(depth))
            parents = [path.rsplit("/", n)[0] for n in range(1, depth)]
            if not any(tree.get(parent) is not None for parent in parents) and not any(
                each.startswith(f"{path}/") or each == path for each in tree
            ):
                content = self._content() if random.random() < 0.2 else random.randbytes(random.randrange(500))
                tree[path] = None if random.random() < 0.15 else content
        return tree

    def send(self, source: Source) -> None:
        """Offer it once more, unless that is under way."""
        if source.transfers and not self.is_dead(source.transfers[-1], source) and not self.is_peaceful:
            if not source.transfers[-1].state.is_over and self.random.random() < 0.8:
                return
        sender = source.sender
        life = sender.life
        parameters = SendingParameters(rate_limit=self.random.choice([0, 0, 300 * KIB]))

        def sent(transfer: Transfer) -> None:
            if not life.is_over:
                sender.watch(transfer)
                source.transfers.append(transfer)
                # Its failure is seen in the transfer.
                transfer.done().addErrback(lambda failure: failure.trap(TransferInterrupted))

        try:
            trying = sender.files.send(source.target.name, source.path, parameters=parameters)
        except EsError:
            return
        trying.addCallbacks(sent, lambda failure: failure.trap(OSError, EsError))

    def is_dead(self, transfer: Transfer, source: Source) -> bool:
        """Whether the program that sends it was killed meanwhile."""
        return (transfer.id, True) not in source.sender.watches

    def decide(self, program: Program, offer: Offer, watch: Watch) -> None:
        """The receiver's application."""
        life = program.life

        def accept() -> None:
            resume, replace = self.random.random() < 0.9, self.random.random() < 0.3
            offer.accept_into(program.folder, resume=self.is_peaceful or resume, replace=replace)

        chance = self.random.random()
        if self.is_peaceful or chance < 0.7:
            accept()
        elif chance < 0.9:
            life.callLater(self.random.random(), accept)
        else:
            offer.refuse("not today")

    # --- what happens to them -----------------------------------------------------------------------------------------
    def step(self) -> None:
        """Anything."""
        random = self.random
        name = random.choices(list(self.HAPPENINGS), [weight for weight, _ in self.HAPPENINGS.values()])[0]
        self.story.append(f"{self.network.seconds():.3f} {name}")
        self.HAPPENINGS[name][1](self)
        self.network.advance(random.choice([0.0, random.random() * 0.02, random.random() * 0.4, random.random() * 2]))
        self.look()

    def look(self) -> None:
        """Nothing may be wrong at any time."""
        for program in self.programs.values():
            for watch in program.watches.values():
                watch.look()
            for path in program.folder.iterdir():
                if not path.name.startswith("."):
                    self.check_named(path, program)

    def check_named(self, path: Path, program: Program) -> None:
        """Under a real name is what somebody sent, or put there."""
        if path in self.planted and path.is_file() and path.read_bytes() == self.planted[path]:
            return
        (source,) = [each for each in self.sources if each.destination == path and each.target is program]
        if source.transfers or self.is_peaceful:
            assert is_made_of(look(path), source.versions), (path, self.story)

    def _client(self) -> Program:
        return self.programs[self.random.choice(["alice", "bob"])]

    def _any_source(self) -> Source:
        return self.random.choice(self.sources)

    def _send_some(self) -> None:
        if len(self.sources) < 5 and self.random.random() < 0.6:
            self.new_source()
        self.send(self._any_source())

    def _cut(self) -> None:
        door = self._client().door
        assert door is not None
        if door.connections:
            door.connections[-1].cut()

    def _kill(self) -> None:
        self.random.choice(list(self.programs.values())).kill()

    def _unplug(self) -> None:
        door = self._client().door
        assert door is not None
        if door.connections:
            door.connections[-1].unplug(True)

    def _plug_in(self) -> None:
        for name in ("alice", "bob"):
            door = self.programs[name].door
            assert door is not None
            for connection in door.connections:
                connection.unplug(False)

    def _hang(self) -> None:
        program = self._client()
        assert program.door is not None
        if program.door.connections:
            transport = program.door.connections[-1].client
            transport.hold(True)
            self.network.reactor.callLater(self.random.random() * 30, transport.hold, False)

    def _cancel(self) -> None:
        program = self.random.choice(list(self.programs.values()))
        under_way = program.files.transfers()
        if under_way:
            self.random.choice(under_way).cancel("changed my mind")

    def _fill_disk(self) -> None:
        program = self.random.choice(list(self.programs.values()))
        if program.folder in self.full:
            self.full.discard(program.folder)
        else:
            self.full.add(program.folder)

    def _change_source(self) -> None:
        if not self.sources:
            return
        source = self._any_source()
        files = [source.path] if source.path.is_file() else [each for each in source.path.rglob("*") if each.is_file()]
        if not files:
            return
        path = self.random.choice(files)
        before = path.stat().st_mtime_ns
        content = path.read_bytes()
        match self.random.choice(["edit", "edit quietly", "grow", "shrink", "remove"]):
            case "edit":
                path.write_bytes(self.random.randbytes(len(content)))
                os.utime(path, ns=(before + 10**9, before + 10**9))
            case "edit quietly":
                path.write_bytes(self.random.randbytes(len(content)))
                os.utime(path, ns=(before, before))
            case "grow":
                path.write_bytes(content + b"more" * self.random.randrange(9 * KIB))
            case "shrink":
                path.write_bytes(content[: len(content) // 2])
            case "remove":
                path.unlink()
                if path == source.path:
                    path.write_bytes(b"another one")
        source.versions.append(look(source.path))

    def _plant(self) -> None:
        if not self.sources:
            return
        source = self._any_source()
        if not os.path.lexists(source.destination):
            self.planted[source.destination] = b"planted"
            source.destination.write_bytes(b"planted")

    def _take_away(self) -> None:
        """Something that was received, or is about to be, goes."""
        program = self.random.choice(list(self.programs.values()))
        found = list(program.folder.iterdir())
        if found:
            path = self.random.choice(found)
            self.planted.pop(path, None)
            _remove(path)

    def _tamper(self) -> None:
        program = self.random.choice(list(self.programs.values()))
        # What somebody changes while it is written, nobody can tell from what came.
        idle = [partial.part for partial in program.partials().all() if not partial.is_in_use]
        parts = [each for part in idle for each in (part, *part.rglob("*")) if each.is_file()]
        notes = list(program.state.glob("*.json")) if program.state.exists() else []
        if not parts + notes:
            return
        path = self.random.choice(parts + notes)
        content = bytearray(path.read_bytes())
        if not content:
            return
        self.tampered = True
        self.notes_tampered = self.notes_tampered or path in notes
        at = self.random.randrange(len(content))
        match self.random.choice(["flip", "cut", "grow"]):
            case "flip":
                content[at] ^= 1 << self.random.randrange(8)
            case "cut":
                del content[at:]
            case "grow":
                content += b"\0" * 100
        path.write_bytes(content)

    def _jump(self) -> None:
        self.network.advance(self.random.choice([3.0, 25.0]))

    HAPPENINGS: dict[str, tuple[float, Callable[[World], None]]] = {
        "send": (10, _send_some),
        "nothing": (3, lambda self: None),
        "cut": (2, _cut),
        "kill": (2, _kill),
        "unplug": (0.5, _unplug),
        "plug in": (1, _plug_in),
        "hang": (0.5, _hang),
        "cancel": (2, _cancel),
        "full disk": (0.7, _fill_disk),
        "change": (0.7, _change_source),
        "plant": (0.3, _plant),
        "take away": (0.4, _take_away),
        "tamper": (0.6, _tamper),
        "jump": (0.5, _jump),
    }

    # --- and then -----------------------------------------------------------------------------------------------------
    def calm_down(self) -> None:
        """Nothing more happens; whatever is under way ends."""
        self.is_peaceful = True
        self._plug_in()
        self.full.clear()
        self.network.advance(SETTLED_IN)
        self.look()
        for program in self.programs.values():
            assert not program.files.transfers(), (program.name, program.files.transfers(), self.story)
            for watch in program.watches.values():
                assert watch.transfer.state.is_over, (program.name, watch, self.story)
                self._check_ended(watch)

    def _check_ended(self, watch: Watch) -> None:
        transfer = watch.transfer
        ends = [word for word in watch.words if word in TERMINAL]
        if not watch.life.is_over or ends:
            assert ends == [transfer.state.value], (watch, self.story)
        if transfer.state.value == "interrupted":
            assert transfer.disruption is not None and transfer.cause, watch
        if transfer.state.value == "completed":
            assert transfer.transferred == transfer.size

    def check_results(self) -> None:
        """What the sender was told is true."""
        for source in self.sources:
            for transfer in source.transfers:
                watch = source.sender.watches.get((transfer.id, True))
                if watch is None or transfer.state.value != "completed":
                    continue
                at_receiver = source.target.watches.get((transfer.id, False))
                if at_receiver is not None:
                    assert at_receiver.transfer.state.value == "completed", (watch, at_receiver, self.story)

    def check_litter(self) -> None:
        """What is left can be gone on with."""
        for program in self.programs.values():
            known = {path for partial in program.partials().all() for path in (partial.part, partial.replaced)}
            left = {each for each in program.folder.iterdir() if each.name.startswith(".")}
            if not self.notes_tampered:
                assert left <= known, (left - known, self.story)

    def send_the_rest(self) -> None:
        """In peace, everything arrives, and what is here is not sent again."""
        for path in self.planted:
            _remove(path)
        self.planted = {}
        for source in self.sources:
            _remove(source.destination)
            left = [each for each in source.target.partials().all() if each.destination == source.destination]
            is_as_it_was = len(source.versions) == 1 and not self.tampered
            source.versions = [look(source.path)]
            before = len(source.transfers)
            self.send(source)
            self.network.advance(30)
            assert len(source.transfers) == before + 1, (source, self.story)
            transfer = source.transfers[-1]
            assert transfer.state.value == "completed", (transfer, transfer.cause, self.story)
            skipped = [partial.position.received for partial in left]
            assert transfer.skipped in (skipped if is_as_it_was and skipped else [0, *skipped]), (transfer, left)
            assert look(source.destination) == look(source.path)
            # Whoever writes in a part writes its time; and of what changes after it was listed, the old time is told.
            assert not is_as_it_was or marks(source.destination) == marks(source.path)

    def check_nothing_stays(self) -> None:
        """When the time of what is half received is over, nothing is left of it."""
        future = self.network.seconds() + YEAR_2024 + 2 * 24 * 3600
        for program in self.programs.values():
            Partials(program.state, lambda: future).expire()
            left = [each.name for each in program.folder.iterdir() if each.name.startswith(".")]
            if not self.notes_tampered:
                assert not left, (left, self.story)

    def close(self) -> None:
        """End everything, in order."""
        for program in self.programs.values():
            self.network.run(program.engine.close())
        for reader in self.readers:
            reader.close()
        self.network.settle()
        self.network.failures.check()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def world(seed: int) -> Iterator[World]:
    """A world of its own for each story."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        yield World(seed, root, stack)
