"""A server with handlers that misbehave, as a program: `embedded_server.py direct|task_queue`.

Information and queries of type 1 raise, 2 never answer, 3 block the thread for two seconds, 4 ask their own client
back; every other query is answered with its content.
"""

from __future__ import annotations

import sys
import time
from typing import Any

from twisted.internet import reactor
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.logger import globalLogBeginner, textFileLogObserver

from esframework import ServerEngine
from esframework.server.options import HandlerMode, ServerOptions

RAISES, NEVER_ANSWERS, BLOCKS, ASKS_BACK = 1, 2, 3, 4


class Misbehaving:
    """The handler."""

    server: Any = None

    def handle_information(self, source: str, information_type: int, content: bytes) -> Any:
        """As queries."""
        return self.handle_query(source, information_type, content)

    def handle_query(self, source: str, information_type: int, content: bytes) -> Any:
        """See the module."""
        if information_type == RAISES:
            raise RuntimeError("a secret of this server")
        if information_type == NEVER_ANSWERS:
            return Deferred()
        if information_type == BLOCKS:
            self.block_for_two_seconds()
        if information_type == ASKS_BACK:
            return self.server.custom.query(source, 9, content)
        return content

    def block_for_two_seconds(self) -> None:
        """What the watchdog is to name."""
        time.sleep(2.0)


async def main() -> None:
    """Listen, and say where."""
    handler = Misbehaving()
    options = ServerOptions(handler_mode=HandlerMode(sys.argv[1]), handler_limit=2.0)
    handler.server = ServerEngine(handler, options=options)
    port = await handler.server.listen("tcp:0:interface=127.0.0.1")
    print(f"clients are served at 127.0.0.1:{port.getHost().port}", flush=True)


if __name__ == "__main__":
    globalLogBeginner.beginLoggingTo([textFileLogObserver(sys.stdout)], redirectStandardIO=False)
    ensureDeferred(main())
    reactor.run()  # type: ignore[attr-defined]
