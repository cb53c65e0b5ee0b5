"""The chat server as a Twisted application, with a password at the door: twistd -ny chat_service.py"""

from __future__ import annotations

from hmac import compare_digest

from twisted.application.service import Application
from zope.interface import implementer

from esframework import ServerEngine
from esframework.interfaces import IVerifier, LogOnRequest


class Chat:
    """What the server does with what clients send to it."""

    def handle_information(self, source: str | None, information_type: int, content: bytes) -> None:
        print(f"{source}: {content.decode()}", flush=True)

    def handle_query(self, source: str | None, information_type: int, content: bytes) -> bytes:
        raise LookupError("this server answers no queries")


@implementer(IVerifier)
class OnePassword:
    """Admits everybody who knows the password of the house."""

    def __init__(self, password: str) -> None:
        self.password = password.encode()

    def verify(self, request: LogOnRequest) -> bool | str:
        """True admits; a text refuses, and the client is told it."""
        if compare_digest(request.password.encode(), self.password):
            return True
        return "that is not the password of this house"


application = Application("chat")
server = ServerEngine(
    handler=Chat(),
    verifier=OnePassword("sesame"),
    endpoints=["tcp:4530:interface=127.0.0.1"],
)
server.setServiceParent(application)

server.users.connected.subscribe(lambda user: print(user.user_id, "came from", user.address, flush=True))
server.users.disconnected.subscribe(lambda user, why: print(user.user_id, "left:", why.name, flush=True))
