"""An upload that is cut at random points again and again: in the end the very bytes, and figures that are right."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from hypothesis import given, settings
from hypothesis import strategies as st

from esframework import ClientEngine, ClientOptions, DiskOptions, ServerEngine, ServerOptions
from esframework.errors import ConnectionInterrupted, NotLoggedOn, TransferInterrupted
from esframework.managers.files.options import FilesOptions
from esframework.testing import MemoryNetwork
from esframework.testing.wires import Conditions


class World:
    """alice and her disk on a slow line."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.network = MemoryNetwork(seed, Conditions(delay=0.02))
        self.folder = folder
        slow = FilesOptions(rate_limit=200_000)
        options = ServerOptions(disk=DiskOptions(folder=folder / "disk"), files=slow)
        self.server: ServerEngine = self.network.server(options=options)
        self.alice: ClientEngine = self.network.run(self.network.client("alice", options=ClientOptions(files=slow)))

    def carries(self, upload: bool, cut_at: int | None) -> bool:
        """One try, cut off when so many bytes have moved; whether it came to its end."""
        return bool(self.network.run(self._carry(upload, cut_at)))

    async def _carry(self, upload: bool, cut_at: int | None) -> bool:
        disk = self.alice.disk
        try:
            task = await (disk.upload(self.folder / "tree") if upload else disk.download("/tree", self.folder / "copy"))
            async for progress in task.progress():
                if cut_at is not None and progress.transferred >= cut_at:
                    self.network.connection_of(self.alice).cut()
                    cut_at = None
        except (TransferInterrupted, ConnectionInterrupted, NotLoggedOn):
            self.network.advance(5)
            return False
        return True


def plant(folder: Path, random: Random) -> dict[str, bytes]:
    """A tree of a few files, some large, some empty."""
    files = {
        f"{'deep/' * random.randrange(3)}{number}": random.randbytes(random.choice((0, 7, 300_000)))
        for number in range(5)
    }
    for name, content in files.items():
        path = folder / "tree" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return files


def found(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32), st.lists(st.integers(0, 1_500_000), max_size=4), st.booleans())
def test_cuts_change_nothing_in_the_end(seed: int, cuts: list[int], upload: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        files = plant(folder, Random(seed))
        world = World(folder, seed)
        if not upload:
            assert world.carries(True, None)
        is_done = any(world.carries(upload, cut) for cut in cuts) or world.carries(upload, None)
        assert is_done
        # The cut may have come with the last bytes.
        world.network.advance(5)
        assert found(folder / "disk" / "users" / "alice" / "files" / "tree") == files
        if not upload:
            assert found(folder / "copy") == files
        quota = world.network.run(world.alice.disk.quota())
        assert (quota.used, quota.parts, quota.reserved) == (sum(map(len, files.values())), 0, 0)
        assert not list(folder.rglob("*.part"))
        world.network.close()
