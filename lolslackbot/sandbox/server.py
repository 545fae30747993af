"""What both loopback servers share: HTTP on 127.0.0.1, the record of all requests, and mishaps."""

import contextlib
import select
import socket
import struct
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Event, RLock, Thread
from typing import Any, Generic, TypeVar

from lolslackbot.sandbox.mishaps import SHOWS_NO_STATUS, Answer, Manner, Mishap

HOST = "127.0.0.1"
DEATH_SECONDS = 0.2  # how long a killed client's connection may take to show it
POLL_SECONDS = 0.005  # how often the listening thread looks whether it is to stop


@dataclass(frozen=True)
class Call:
    """One HTTP request as it came. Header names are in lower case."""

    verb: str
    target: str
    headers: dict[str, str]
    body: bytes


@dataclass(kw_only=True)
class Recorded:
    """What is kept of every request. status 0: the client was never told one."""

    at: float = field(default_factory=time.monotonic)
    wall: float = field(default_factory=time.time)
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    status: int = 0
    mishap: str | None = None


R = TypeVar("R", bound=Recorded)


@dataclass(eq=False)
class Handle(Generic[R]):
    """One mishap in force. `fired` counts the requests it met."""

    mishap: Mishap
    meets: Callable[[R], bool]
    left: int | None = None
    fired: int = 0

    def stop(self) -> None:
        """From now on it meets no request."""
        self.left = 0


class Loopback(ABC, Generic[R]):
    """A server that a test starts, watches and makes misbehave. `stop` and `start` keep the port."""

    def __init__(self) -> None:
        self.requests: list[R] = []
        self.port = 0
        self.clock_skew = 0.0  # seconds by which this server's clock is ahead
        self._lock = RLock()
        self._handles: list[Handle[R]] = []
        self._stopping = Event()
        self._http: _Server | None = None

    def start(self) -> None:
        """Listens from now on."""
        self._stopping = Event()
        self._http = _Server((HOST, self.port), _handler_for(self))
        self.port = self._http.server_address[1]
        Thread(target=self._http.serve_forever, args=(POLL_SECONDS,), daemon=True).start()

    def stop(self) -> None:
        """Refuses connections from now on; whatever was under way ends unanswered."""
        self._stopping.set()
        if self._http:
            self._http.end()
            self._http = None

    def behave(self) -> None:
        """Drops all mishaps."""
        with self._lock:
            for handle in self._handles:
                handle.stop()
            self._handles.clear()

    @abstractmethod
    def _read(self, call: Call) -> R:
        """What arrived, as it is recorded."""

    def _refuse(self, request: R) -> Answer | None:
        """An answer that comes before any mishap: the limiter's."""
        return None

    @abstractmethod
    def _work(self, request: R) -> Answer:
        """The right answer; the request has taken effect."""

    @abstractmethod
    def _unapplied(self, request: R) -> Answer:
        """What a mishap breaks when the request may not take effect."""

    @abstractmethod
    def _usual_body(self, request: R, status: int) -> tuple[bytes, str]:
        """Body and content type that this service sends with such a status."""

    def _finish(self, request: R, answer: Answer) -> Answer:
        """Last touch to every answer, also to a mishap's."""
        return answer

    def _add(self, mishap: Mishap, meets: Callable[[R], bool], times: int | None) -> Handle[R]:
        with self._lock:
            handle = Handle(mishap, meets, times)
            self._handles.append(handle)
            return handle

    def _serve(self, call: Call, wire: "_Wire") -> None:
        with self._lock:
            request = self._read(call)
            self.requests.append(request)
            answer = self._refuse(request)
            mishap = None if answer else self._next_mishap(request)
            if mishap:
                request.mishap = mishap.name
            else:
                answer = self._settle(request, answer or self._work(request))
        if answer is not None:
            wire.send(answer, self._date())
        elif mishap:
            self._play(mishap, request, wire)

    def _next_mishap(self, request: R) -> Mishap | None:
        """The oldest one that meets the request and has some left."""
        for handle in self._handles:
            if handle.left != 0 and handle.meets(request):
                handle.fired += 1
                handle.left = None if handle.left is None else handle.left - 1
                return handle.mishap
        return None

    def _play(self, mishap: Mishap, request: R, wire: "_Wire") -> None:
        if mishap.callback and not mishap.accepted:
            mishap.callback()
            if wire.gone():
                return
        answer = self._faulty(mishap, request)
        if mishap.callback and mishap.accepted:
            mishap.callback()
        if mishap.later is not None:
            Thread(target=self._apply_later, args=(request, mishap.later), daemon=True).start()
        if not (mishap.pause and self._stopping.wait(mishap.pause)):
            wire.send(answer, self._date(), mishap)

    def _faulty(self, mishap: Mishap, request: R) -> Answer:
        with self._lock:
            takes_effect = mishap.accepted or mishap.callback is not None
            answer = self._work(request) if takes_effect else self._unapplied(request)
            if mishap.halve and answer.body:
                answer = replace(answer, body=answer.body[: len(answer.body) // 2])
            return self._settle(request, mishap.answer or answer, mishap.manner)

    def _settle(self, request: R, answer: Answer, manner: Manner = Manner.WHOLE) -> Answer:
        """Fills in what is missing and records the status before the client can know it."""
        if answer.body is None:
            body, content_type = self._usual_body(request, answer.status)
            answer = replace(answer, body=body, content_type=content_type)
        request.status = 0 if manner in SHOWS_NO_STATUS else answer.status
        return self._finish(request, answer)

    def _apply_later(self, request: R, seconds: float) -> None:
        if not self._stopping.wait(seconds):
            with self._lock:
                self._work(request)
                request.status = 0

    def _time(self) -> float:
        return time.time() + self.clock_skew

    def _date(self) -> str:
        return formatdate(self._time(), usegmt=True)


class _Server(ThreadingHTTPServer):
    """Knows its open connections, so that the end of it ends them too."""

    request_queue_size = 128

    def __init__(self, *args: Any) -> None:
        self._open: set[socket.socket] = set()
        super().__init__(*args)

    def server_bind(self) -> None:
        """Without HTTPServer's look-up of the host's name, which can take seconds where DNS is silent."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = HOST, self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Silent about a client that left; anything else is the sandbox's fault, or a test's callback's."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)

    def end(self) -> None:
        self.shutdown()
        self.server_close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)


def _handler_for(loopback: Loopback[Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _any(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            size = int(headers.get("content-length", 0))
            body = self.rfile.read(size)
            if len(body) < size:  # the client left while sending: no server acts on that
                self.close_connection = True
                return
            wire = _Wire(self, loopback._stopping)
            loopback._serve(Call(self.command, self.path, headers, body), wire)

        def __getattr__(self, name: str) -> Callable[[], None]:
            """http.server looks for `do_GET`, `do_POST` and so on: here all verbs are one."""
            if name.startswith("do_"):
                return self._any
            raise AttributeError(name)

        def log_message(self, format: str, *args: Any) -> None:
            """Says nothing: `requests` is the record."""

    return Handler


class _Wire:
    """The way back to one client."""

    def __init__(self, handler: BaseHTTPRequestHandler, stopping: Event) -> None:
        self._handler = handler
        self._stopping = stopping

    def gone(self) -> bool:
        """True if the client's end is closed, as it is when its process died."""
        connection = self._handler.connection
        readable, _, _ = select.select([connection], [], [], DEATH_SECONDS)
        try:
            gone = bool(readable) and not connection.recv(1, socket.MSG_PEEK)
        except OSError:
            gone = True
        self._handler.close_connection |= gone
        return gone

    def send(self, answer: Answer, date: str, mishap: Mishap | None = None) -> None:
        manner = mishap.manner if mishap else Manner.WHOLE
        if manner is not Manner.WHOLE:
            self._handler.close_connection = True
        head, body = _head(answer, date), answer.body or b""
        try:
            self._send(head, body, manner, mishap.interval if mishap else 0)
        except OSError:  # the client has left
            self._handler.close_connection = True

    def _send(self, head: bytes, body: bytes, manner: Manner, interval: float) -> None:
        match manner:
            case Manner.WHOLE:
                self._write(head + body)
            case Manner.RESET:
                self._reset()
            case Manner.CUT_HEADERS:
                self._write(head[: len(head) // 2])
            case Manner.CUT_BODY:
                self._write(head + body[: len(body) // 2])
            case Manner.DRIP_HEADERS:
                self._drip(head, interval)
                self._write(body)
            case Manner.DRIP_BODY:
                self._write(head)
                self._drip(body, interval)

    def _write(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def _drip(self, data: bytes, interval: float) -> None:
        for position in range(len(data)):
            self._write(data[position : position + 1])
            if self._stopping.wait(interval):
                raise BrokenPipeError

    def _reset(self) -> None:
        """Closes at the descriptor: a shutdown, as socketserver does it, would send an orderly end first."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.close(connection.detach())


def _head(answer: Answer, date: str) -> bytes:
    try:
        phrase = HTTPStatus(answer.status).phrase
    except ValueError:
        phrase = "Unknown"
    fields = {
        "Date": date,
        "Content-Type": answer.content_type,
        "Content-Length": str(len(answer.body or b"")),
        **answer.headers,
    }
    lines = [f"HTTP/1.1 {answer.status} {phrase}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
