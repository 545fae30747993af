"""A proxy on loopback before a PostgreSQL server, which cuts a connection where a test says so."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import Thread
from typing import Literal

Where = Literal["before", "after"]  # the server gets it: not at all, or its answer is lost


@dataclass
class Proxy:
    """Cuts at the next query that holds `cut_at`; everything else passes."""

    server_port: int
    port: int = 0
    cut_at: bytes = b""
    where: Where = "before"
    cuts: int = 0
    refuses: bool = False  # further connections

    def cut(self, text: str, where: Where) -> None:
        self.cut_at, self.where = text.encode(), where

    def _is_cut(self, data: bytes) -> bool:
        if not self.cut_at or self.cut_at not in data:
            return False
        self.cut_at, self.cuts = b"", self.cuts + 1
        return True

    def _pass_on(self, client: socket.socket) -> None:
        with client, socket.create_connection(("127.0.0.1", self.server_port)) as server:
            losing = False
            client.setblocking(True)
            Thread(target=self._answer, args=(server, client), daemon=True).start()
            with suppress(OSError):
                while data := client.recv(65536):
                    losing = self._is_cut(data)
                    if losing and self.where == "before":
                        break
                    if losing:
                        self._lose_answer(server, client, data)
                        break
                    server.sendall(data)
            for each in (client, server):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def _lose_answer(server: socket.socket, client: socket.socket, data: bytes) -> None:
        """The server does what it is told, and has ended the session when this returns."""
        with suppress(OSError):
            client.shutdown(socket.SHUT_WR)  # from here on nothing of the server's gets there
        server.sendall(data + b"X\0\0\0\4")  # and then the client takes its leave, for all that the server knows
        server.settimeout(10)
        with suppress(OSError):
            while server.recv(65536):
                pass

    @staticmethod
    def _answer(server: socket.socket, client: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(65536):
                client.sendall(data)
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def serve(self, listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                client, _ = listening.accept()
                if self.refuses:
                    client.close()
                    continue
                Thread(target=self._pass_on, args=(client,), daemon=True).start()


@contextmanager
def cutting(server_port: int) -> Iterator[Proxy]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        proxy = Proxy(server_port, listening.getsockname()[1])
        Thread(target=proxy.serve, args=(listening,), daemon=True).start()
        yield proxy
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
