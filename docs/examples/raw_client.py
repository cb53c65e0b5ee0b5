"""A client from nothing but the page on the wire protocol: plain sockets, no line of the framework.

python raw_client.py [PORT] logs on as "raw" in generation 6, asks who is online, and prints the names.
"""

from __future__ import annotations

import socket
import struct
import sys

HEADER = struct.Struct("<BBHii12s12s")  # token, client, type, id, body length, two id fields
TOKEN = 0xFF
OTHERS = 8  # a client type of generation 6
LOG_ON, ALL_ONLINE_USERS, HEARTBEAT = 112, 110, 104


def id_field(user_id: str) -> bytes:
    """A length byte and the id, filled up with zeros (the 12s of HEADER does that)."""
    raw = user_id.encode()
    return bytes([len(raw)]) + raw


def string(text: str | None) -> bytes:
    """An int32 count of bytes and the bytes; -1 alone is null."""
    if text is None:
        return struct.pack("<i", -1)
    raw = text.encode()
    return struct.pack("<i", len(raw)) + raw


def in_class(properties: bytes) -> bytes:
    """The properties of a class, behind their length."""
    return struct.pack("<i", len(properties)) + properties


def frame(user_id: str, message_type: int, message_id: int, body: bytes) -> bytes:
    """One whole frame to the server, whose id is _0."""
    return (
        HEADER.pack(
            TOKEN, OTHERS, message_type, message_id, len(body), id_field(user_id), id_field("_0")
        )
        + body
    )


def read_exactly(connection: socket.socket, size: int) -> bytes:
    """`size` bytes from the connection; raises ConnectionError when it ends before."""
    data = b""
    while len(data) < size:
        more = connection.recv(size - len(data))
        if not more:
            raise ConnectionError("the server closed the connection")
        data += more
    return data


def reply_to(connection: socket.socket, message_id: int) -> bytes:
    """The body of the next frame that carries this id; other frames are read and left."""
    while True:
        _, _, _, found, length, _, _ = HEADER.unpack(read_exactly(connection, HEADER.size))
        body = read_exactly(connection, length)
        if found == message_id:
            return body


def log_on(connection: socket.socket, user_id: str, password: str) -> None:
    """Properties go in the order of their names: AuthorizedUser, Password, SystemToken."""
    body = in_class(string(None) + string(password) + string(None))
    connection.sendall(frame(user_id, LOG_ON, 1, body))
    reply = reply_to(connection, 1)
    # FailureCause, GroupRelationEnabled, LogonResult, P2PEnabled, UseAsP2PServer
    (cause_size,) = struct.unpack_from("<i", reply, 4)
    (result,) = struct.unpack_from("<i", reply, 8 + max(0, cause_size) + 1)
    if result != 0:
        raise PermissionError(f"log-on refused with {result}")
    connection.sendall(frame(user_id, HEARTBEAT, 0, b""))


def online_users(connection: socket.socket, user_id: str) -> list[str]:
    """The answer is a class with one list of strings."""
    connection.sendall(frame(user_id, ALL_ONLINE_USERS, 2, b""))
    reply = reply_to(connection, 2)
    count, offset, names = struct.unpack_from("<i", reply, 4)[0], 8, []
    for _ in range(count):
        (size,) = struct.unpack_from("<i", reply, offset)
        names.append(reply[offset + 4 : offset + 4 + size].decode())
        offset += 4 + size
    return names


def main(port: int = 4530) -> list[str]:
    """Log on, ask, say it, and hang up."""
    with socket.create_connection(("localhost", port), timeout=10) as connection:
        log_on(connection, "raw", "")
        names = online_users(connection, "raw")
    print(", ".join(names))
    return names


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
