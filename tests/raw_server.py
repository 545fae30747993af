"""A server on loopback that sends bytes as they are, whatever HTTP says about them."""

import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Reply = bytes | Callable[[socket.socket], None]


class RawServer:
    """One reply a connection, in order; the last one again and again. `requests` keeps what was received."""

    def __init__(self, replies: tuple[Reply, ...]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._replies = replies
        self.port = self._listener.getsockname()[1]
        self.root = f"http://127.0.0.1:{self.port}"
        self.url = self.root + "/{routing}"
        self.requests: list[str] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:  # closed
                return
            with connection:
                self._reply(connection)

    def _reply(self, connection: socket.socket) -> None:
        received = b""
        while b"\r\n\r\n" not in received and (more := connection.recv(65536)):
            received += more
        if not received:
            return
        while len(received.partition(b"\r\n\r\n")[2]) < _length(received) and (more := connection.recv(65536)):
            received += more
        reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
        self.requests.append(received.decode("latin-1"))
        try:
            if callable(reply):
                reply(connection)
            else:
                connection.sendall(reply)
        except OSError:  # the client went away
            return

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join(10)


def _length(request: bytes) -> int:
    """Of its body."""
    found = re.search(rb"\r\nContent-Length: (\d+)\r\n", request, re.IGNORECASE)
    return int(found[1]) if found else 0


@contextmanager
def answering(*replies: Reply) -> Iterator[RawServer]:
    server = RawServer(replies)
    try:
        yield server
    finally:
        server.close()


def http(status: int, body: bytes = b"", **headers: str) -> bytes:
    """A well-formed response; `_` in header names stands for `-`."""
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    return (
        f"HTTP/1.1 {status} Status\r\n{lines}Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode("latin-1")
        + body
    )


def drip(head: bytes) -> Callable[[socket.socket], None]:
    """`head`, then a byte now and then for ten seconds: no socket's time-out ever strikes."""

    def reply(connection: socket.socket) -> None:
        connection.sendall(head)
        for _ in range(500):
            connection.sendall(b" ")
            time.sleep(0.02)

    return reply
