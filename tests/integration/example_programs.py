"""The programs of one folder of examples, as somebody at their terminals sees them."""

from __future__ import annotations

from tests.integration.support import ROOT, Child


class ExamplePrograms:
    """A server and its clients: `server.py PORT` and `client.py USER HOST PORT`."""

    def __init__(self, folder: str) -> None:
        self._folder = ROOT / "examples" / folder

    def runs(self, children: list[Child], program: str, *arguments: str) -> Child:
        """One of the programs."""
        child = Child([str(self._folder / program), *arguments])
        children.append(child)
        return child

    async def server_at(self, children: list[Child], port: int) -> Child:
        """The server, listening."""
        server = self.runs(children, "server.py", str(port))
        await server.shows(f"listening on port {port}")
        return server

    async def client_at(self, children: list[Child], user_id: str, port: int) -> Child:
        """One of its clients, logged on."""
        client = self.runs(children, "client.py", user_id, "127.0.0.1", str(port))
        await client.shows(f"logged on as {user_id}")
        return client


def types(client: Child, line: str) -> None:
    """Types a line."""
    client.process.write(f"{line}\n".encode())
