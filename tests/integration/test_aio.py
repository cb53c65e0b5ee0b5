"""asyncio programs in processes of their own: the example, Ctrl-C, a reactor that was there first."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration
ROOT = Path(__file__).resolve().parents[2]
SECONDS = 20.0
ENVIRONMENT = {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}


def run(program: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A program that ends by itself."""
    command = [sys.executable, "-W", "error::ResourceWarning", "-c", program, *arguments]
    return subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=SECONDS)


def test_a_server_and_two_clients_talk_in_one_program_with_coroutines_of_asyncio() -> None:
    program = """
import asyncio
from esframework import aio
from esframework.errors import HandlerRaised, RequestTimeout
from esframework.stores.memory import MemoryStores

class Slow:
    async def handle_information(self, source, information_type, content):
        await asyncio.sleep(0.01)
    async def handle_query(self, source, information_type, content):
        if information_type == 13:
            raise ValueError("an unlucky number")
        await asyncio.sleep(30 if information_type == 99 else 0.01)
        return content.upper()

class OnlyFriends:
    async def verify(self, request):
        await asyncio.sleep(0.01)
        return request.password == "secret" or "no friend"

class Everybodys:
    async def contacts_of(self, user_id):
        await asyncio.sleep(0.01)
        return ["bob"]

    async def members_of(self, group_id):
        await asyncio.sleep(0.01)
        return ["alice", "bob"]

async def main():
    came = []
    stores = MemoryStores()
    async with aio.ServerEngine(Slow(), OnlyFriends(), contacts=Everybodys(), stores=stores) as server:
        assert server.stores is stores
        server.users.connected.subscribe(lambda user: came.append(user.user_id))
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        async with aio.ClientEngine(Slow()) as alice, aio.ClientEngine(Slow()) as bob:
            await alice.log_on("alice", "secret", f"tcp:localhost:{port}")
            await bob.log_on("bob", "secret", f"tcp:127.0.0.1:{port}")
            assert await alice.contacts.contacts() == ["bob"]
            assert (await alice.contacts.broadcast("chess", 1, b"hi")).reached == 1
            assert came == ["alice", "bob"] == await alice.basic.all_online_users()
            asked = [alice.custom.query(whom, 1, b"hi") for whom in (None, "bob")]
            asked.append(server.custom.query("bob", 1, b"hi"))
            assert all(isinstance(each, asyncio.Future) for each in asked)
            assert await asyncio.gather(*asked) == [b"HI"] * 3
            assert alice.custom.post("bob", 1, b"posted") is True
            for information_type, error in (13, HandlerRaised), (99, RequestTimeout):
                try:
                    await alice.custom.query("bob", information_type, b"", timeout=0.2)
                except error:
                    continue
                raise AssertionError(information_type)
            async with aio.ClientEngine() as mallory:
                try:
                    await mallory.log_on("mallory", "guess", f"tcp:127.0.0.1:{port}")
                except Exception as refused:
                    assert "no friend" in str(refused), refused
            assert not mallory.connected and alice.connected
    print("done")

asyncio.run(main())
"""
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr


def test_a_channel_is_opened_and_used_with_coroutines_of_asyncio() -> None:
    program = """
import asyncio
from esframework import ChannelMode, ClientOptions, ClientP2POptions, P2PChannelMode, ServerOptions, aio
from esframework.errors import P2PConnectFailed
from esframework.managers.p2p.options import P2POptions

class Echo:
    async def handle_information(self, source, information_type, content): ...
    async def handle_query(self, source, information_type, content):
        return content.upper()

async def main():
    async with aio.ServerEngine(Echo()) as server, aio.ClientEngine(Echo()) as alice, aio.ClientEngine(Echo()) as bob:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        await bob.log_on("bob", "", f"tcp:127.0.0.1:{port}")
        opened = []
        bob.p2p.channel_opened.subscribe(lambda state: opened.append(state.user_id))
        alice.p2p.mode = P2PChannelMode.NONE
        try:
            await alice.p2p.connect("bob")
        except P2PConnectFailed:
            alice.p2p.mode = P2PChannelMode.UDP
        connecting = alice.p2p.connect("bob")
        assert isinstance(connecting, asyncio.Future)
        state = await connecting
        print(state.user_id, state.protocol, opened, alice.p2p.channel_exists("bob"), await alice.p2p.ping("bob") < 5)
        print(await alice.custom.query("bob", 1, b"hi", channel=ChannelMode.BY_P2P_CHANNEL))
    options = ServerOptions(p2p=P2POptions(enabled=False))
    async with aio.ServerEngine(options=options) as server, aio.ClientEngine() as carol:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await carol.log_on("carol", "", f"tcp:127.0.0.1:{port}")
        print(carol.p2p)

asyncio.run(main())
"""
    ended = run(program)
    told = "bob udp ['alice'] True True\nb'HI'\nNone\n"
    assert (ended.returncode, ended.stdout) == (0, told), ended.stderr


def test_a_task_queues_handlers_may_be_coroutines_and_use_the_engine_from_their_thread() -> None:
    program = """
import asyncio, threading
from esframework import HandlerMode, ServerOptions, aio

class Threaded:
    def handle_information(self, source, information_type, content): ...
    def handle_query(self, source, information_type, content):
        assert threading.current_thread() is not threading.main_thread()
        return self.relay(server.custom.query(source, 2, content))
    async def relay(self, content):
        await asyncio.sleep(0)
        return content + b"!"

class Client:
    def handle_information(self, source, information_type, content): ...
    async def handle_query(self, source, information_type, content):
        return content.upper()

async def main():
    global server
    async with aio.ServerEngine(Threaded(), options=ServerOptions(handler_mode=HandlerMode.TASK_QUEUE)) as server:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        async with aio.ClientEngine(Client()) as alice:
            await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
            print(await alice.custom.query(None, 1, b"hi"))

asyncio.run(main())
"""
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "b'HI!'\n"), ended.stderr


def test_accounts_are_kept_in_a_database_registered_over_the_network_and_known_at_the_next_log_on(
    tmp_path: Path,
) -> None:
    program = """
import asyncio, sys
from esframework import AccountsOptions, AccountVerifier, ServerOptions, aio
from esframework.errors import LogonFailed
from esframework.stores.sql import SqlStores

async def main():
    stores = SqlStores(sys.argv[1])
    verifier, options = AccountVerifier(stores.accounts), ServerOptions(accounts=AccountsOptions(register=True))
    async with aio.ServerEngine(verifier=verifier, stores=stores, options=options) as server:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        async with aio.ClientEngine() as alice:
            await alice.accounts.register("alice", "long enough", f"tcp:127.0.0.1:{port}")
            print((await alice.accounts.state("alice")).exists)
        async with aio.ClientEngine() as alice:
            await alice.log_on("alice", "long enough", f"tcp:127.0.0.1:{port}")
            print(alice.current_user_id)
        async with aio.ClientEngine() as mallory:
            try:
                await mallory.log_on("alice", "guessed wrong", f"tcp:127.0.0.1:{port}")
            except LogonFailed as refused:
                print(refused.cause)

asyncio.run(main())
"""
    ended = run(program, str(tmp_path / "people.sqlite"))
    assert ended.stdout == "True\nalice\nunknown account or wrong password\n", ended.stderr
    assert (ended.returncode, ended.stderr) == (0, "")


def test_ctrl_c_ends_the_program_and_closes_its_engines() -> None:
    program = """
import asyncio
from esframework import aio
async def main():
    async with aio.ServerEngine() as server:
        server.closed.subscribe(lambda: print("closed", flush=True))
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        async with aio.ClientEngine() as alice:
            await alice.log_on("alice", "", f"tcp:localhost:{port}")
            print("online", flush=True)
            await asyncio.Event().wait()
asyncio.run(main())
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "online\n"
        running.send_signal(signal.SIGINT)
        shown, errors = running.communicate(timeout=SECONDS)
    assert shown == "closed\n"
    assert errors.rstrip().endswith("KeyboardInterrupt")


def test_an_engine_that_is_not_closed_does_not_keep_the_process_alive() -> None:
    program = """
import asyncio
from esframework import HandlerMode, ServerOptions, aio
async def main():
    server = aio.ServerEngine(options=ServerOptions(handler_mode=HandlerMode.TASK_QUEUE))
    port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
    await aio.ClientEngine().log_on("alice", "", f"tcp:localhost:{port}")
    print("left")
asyncio.run(main())
"""
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "left\n"), ended.stderr


def test_asyncios_reactor_of_another_loop_is_refused_in_so_many_words() -> None:
    program = """
import asyncio
from esframework import aio
from esframework.errors import LocalError
async def main():
    aio.install(), aio.install()
    async with aio.ServerEngine() as server:
        await server.listen("tcp:0:interface=127.0.0.1")
asyncio.run(main())
try:
    asyncio.run(main())
except LocalError as error:
    print(error)
"""
    ended = run(program)
    assert ended.returncode == 0, ended.stderr
    assert "one asyncio.run per process" in ended.stdout


def test_a_twisted_program_on_asyncios_reactor_may_use_it_too() -> None:
    program = """
import asyncio
from twisted.internet import asyncioreactor
loop = asyncio.new_event_loop()
asyncioreactor.install(loop)
from twisted.internet.defer import Deferred
from twisted.internet.task import react
from esframework import aio
async def talk():
    async with aio.ServerEngine() as server, aio.ClientEngine() as alice:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        print(await alice.basic.all_online_users())
react(lambda reactor: Deferred.fromFuture(loop.create_task(talk())))
"""
    ended = run(program)
    assert (ended.returncode, ended.stdout) == (0, "['alice']\n"), ended.stderr


def test_attachments_come_from_generators_of_asyncio_and_go_to_consumers_with_its_coroutines() -> None:
    program = """
import asyncio
from esframework import aio
from esframework.errors import AttachmentRefused

class Consumer:
    def __init__(self):
        self.content, self.finished = b"", asyncio.Event()
    async def write(self, data):
        await asyncio.sleep(0.001)
        self.content += data
    async def finish(self):
        await asyncio.sleep(0.001)
        self.finished.set()
    async def fail(self, error):
        await asyncio.sleep(0.001)
        self.finished.set()

class Plain:
    def handle_information(self, source, information_type, content):
        pass

class Taking(Plain):
    def __init__(self):
        self.consumers = []
    async def attachment_offered(self, source, information_type, attachment):
        await asyncio.sleep(0.001)
        self.consumers.append(Consumer())
        return self.consumers[-1]

async def pieces(count, cleared):
    try:
        for _ in range(count):
            await asyncio.sleep(0)
            yield bytes(100_000)
    finally:
        cleared.append(count)

async def main():
    taking, cleared = Taking(), []
    async with aio.ServerEngine(taking) as server, aio.ClientEngine(Plain()) as alice:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        sent = await alice.custom.send_attached(None, 1, b"body", pieces(20, cleared))
        assert sent.size == 2_000_000 and taking.consumers[0].content == bytes(2_000_000)
        assert taking.consumers[0].finished.is_set() and cleared == [20]
        try:
            await server.custom.send_attached("alice", 1, b"body", b"x")
        except AttachmentRefused as refused:
            print(refused.cause)
        try:
            await asyncio.wait_for(alice.custom.send_attached(None, 1, b"body", pieces(10**9, cleared)), 0.2)
        except TimeoutError:
            await taking.consumers[1].finished.wait()
            await asyncio.sleep(0.01)
            print("cleared away", cleared)

asyncio.run(main())
"""
    done = run(program)
    assert done.stdout.splitlines() == [
        "the receiver takes no attachments with information of this type",
        "cleared away [20, 1000000000]",
    ], done.stderr
    assert "Traceback" not in done.stderr


def test_a_file_is_sent_and_followed_by_coroutines_of_asyncio(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from esframework import aio
from esframework.errors import TransferInterrupted

async def main(folder):
    (folder / "file").write_bytes(bytes(3_000_000))
    async with aio.ServerEngine() as server, aio.ClientEngine() as alice, aio.ClientEngine() as bob:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        await bob.log_on("bob", "", f"tcp:127.0.0.1:{port}")
        received = asyncio.get_running_loop().create_future()
        bob.files.offered.subscribe(lambda offer: received.set_result(aio.Facade(offer.accept(folder / "copy"))))
        transfer = await alice.files.send("bob", folder / "file")
        sizes = [progress.transferred async for progress in transfer.progress()]
        assert sizes[-1] == 3_000_000 and sizes == sorted(sizes), sizes
        assert (await transfer.done()).receiver == "bob"
        await (await received).done()
        assert (folder / "copy").read_bytes() == (folder / "file").read_bytes()
        refused = await alice.files.send(None, folder / "file")
        try:
            await refused.done()
        except TransferInterrupted as error:
            print(error.disruption.name)

asyncio.run(main(Path(sys.argv[1])))
"""
    ran = run(program, str(tmp_path))
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "REJECTED\n", "")


def test_the_network_disk_is_used_by_coroutines_of_asyncio(tmp_path: Path) -> None:
    program = """
import asyncio, sys
from pathlib import Path
from esframework import DiskOptions, ServerOptions, aio

async def main(folder):
    (folder / "file").write_bytes(bytes(300_000))
    options = ServerOptions(disk=DiskOptions(folder=folder / "disk"))
    async with aio.ServerEngine(options=options) as server, aio.ClientEngine() as alice:
        port = (await server.listen("tcp:0:interface=127.0.0.1")).getHost().port
        await alice.log_on("alice", "", f"tcp:127.0.0.1:{port}")
        upload = await alice.disk.upload(folder / "file", "/docs-to-be")
        print([progress.transferred async for progress in upload.progress()][-1], (await upload.done()).path)
        download = await alice.disk.download("/docs-to-be", folder / "copy")
        await download.done()
        print([entry.name for entry in await alice.disk.list_all()], (folder / "copy").stat().st_size)

asyncio.run(main(Path(sys.argv[1])))
"""
    done = run(program, str(tmp_path))
    assert done.stdout.splitlines() == ["300000 /docs-to-be", "['docs-to-be', 'shared'] 300000"], done.stderr
