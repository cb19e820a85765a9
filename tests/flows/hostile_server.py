"""A server that answers as it is told to, byte by byte: what no well-behaved framework would send."""

from __future__ import annotations

import contextlib
import datetime as dt
import ipaddress
import json
import re
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

RELEASE = "4f2c9e1"
NO_CONTENT = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Exchange:
    """One request, and the means to answer it as slowly or wrongly as wanted."""

    def __init__(
        self, connection: socket.socket, path: str, body: bytes, ended: threading.Event, head: Sequence[str] = ()
    ) -> None:
        self.head = head
        """The lines before the body: the request itself, and its headers."""
        self.connection = connection
        self.path = path
        self.body = body
        self.ended = ended
        """Set when the server ends; a slow answer stops then."""

    def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self.connection.sendall(content)

    def drip(self, content: bytes, seconds: float) -> None:
        """Send a byte, wait, and so on until the server ends."""
        position = 0
        while not self.ended.wait(seconds):
            self.send(content[position % len(content) :][:1])
            position += 1

    def hang(self) -> None:
        """Keep the connection open and say nothing until the server ends."""
        self.ended.wait()


Answer = bytes | Callable[[Exchange], None]


def answer(
    body: bytes | str, media_type: str = "text/html; charset=utf-8", status: str = "200 OK", **more: str
) -> bytes:
    """A whole, well-formed answer; `more` are headers with `_` for `-`."""
    content = body.encode() if isinstance(body, str) else body
    headers = {"Content-Type": media_type, "Content-Length": str(len(content)), "Connection": "close"}
    headers |= {name.replace("_", "-"): value for name, value in more.items()}
    lines = [f"HTTP/1.1 {status}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + content


def json_answer(content: Any) -> bytes:
    """A JSON document."""
    return answer(json.dumps(content), "application/json")


def redirect(location: str, status: str = "302 Found") -> bytes:
    """A redirect to wherever."""
    return answer("", status=status, Location=location)


def page(body: str, head: str = "") -> bytes:
    """An HTML page without faults of its own."""
    return answer(
        f"<!doctype html><html lang=en><head><title>Test page</title>{head}</head>"
        f"<body><main>{body}</main></body></html>"
    )


class _Handler(socketserver.BaseRequestHandler):
    server: _Server

    def handle(self) -> None:
        owner = self.server.owner
        # A client that gives up half-way is what most of these answers provoke.
        with contextlib.suppress(OSError):
            content = b""
            while b"\r\n\r\n" not in content:
                chunk = self.request.recv(65536)
                if not chunk:
                    return
                content += chunk
                if content.startswith(b"\x16"):
                    # The first byte of TLS: a server without it takes that for a broken request.
                    self.request.sendall(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
                    return
            head, _, body = content.partition(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            path = lines[0].split(" ")[1] if lines[0].count(" ") == 2 else ""
            sizes = [int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")]
            while sizes and len(body) < sizes[0]:
                body += self.request.recv(65536)
            owner.asked.append((path, body))
            owner.news.set()
            exchange = Exchange(self.request, path, body, owner.ended, lines)
            found = owner.answers.get(path.partition("?")[0], NOT_FOUND)
            if callable(found):
                found(exchange)
            else:
                exchange.send(found)


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True
    request_queue_size = 64
    owner: HostileServer
    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        connection.settimeout(30)
        if self.tls is None:
            return connection, address
        try:
            return self.tls.wrap_socket(connection, server_side=True), address
        except OSError:
            connection.close()
            raise

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that broke off is no news."""


class HostileServer:
    """Listens on a loopback address; `answers` maps paths to bytes or to what is done with the connection."""

    def __init__(self, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.host = host
        self.scheme = "https" if tls else "http"
        self.asked: list[tuple[str, bytes]] = []
        self.news = threading.Event()
        self.ended = threading.Event()
        self.answers: dict[str, Answer] = {
            "/favicon.ico": NO_CONTENT,
            "/version.json": json_answer({"commit": RELEASE}),
            "/health": json_answer({"status": "ok"}),
            "/fine": page("<h1>All is fine</h1>"),
            "/hang": Exchange.hang,
        }
        self._server = _Server((host, 0), _Handler)
        self._server.owner = self
        self._server.tls = tls
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.server_address[1])

    def url(self, path: str = "", host: str | None = None) -> str:
        """A URL of this server, under another name of its host if wanted."""
        return f"{self.scheme}://{host or self.host}:{self.port}{path}"

    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.asked]

    def wait_for(self, path: str, seconds: float = 60) -> None:
        """Return when a path was asked for; fails when nobody asks."""
        waited = 0.0
        while path not in self.paths():
            assert waited < seconds, f"nobody asked for {path} within {seconds:g} s; asked: {self.paths()}"
            self.news.wait(0.1)
            self.news.clear()
            waited += 0.1

    def close(self) -> None:
        """End every answer and stop listening."""
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@contextlib.contextmanager
def hostile_server(host: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> Iterator[HostileServer]:
    """A server for the time of a `with`."""
    server = HostileServer(host, tls)
    try:
        yield server
    finally:
        server.close()


def self_signed(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate that nobody but itself vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


def closed_port() -> int:
    """A port of the loopback address on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Loss:
    """What gets lost on the way: from a request that begins so on, what the client says, or what it is answered."""

    request: re.Pattern[bytes]
    answer: bool = False
    """The request arrives and is done, and only that this was so gets lost; a refusal is heard, and done again."""
    spared: int = 0
    """How many such requests go through before."""


class Doorway:
    """A TCP proxy in front of another server that can be shut: by hand, or by what a client says through it.

    It can also lose a request or its answer: the client then waits for as long as it is there.
    """

    def __init__(self, port: int, shut_on: bytes | None = None) -> None:
        self._to = port
        self._shut_on = shut_on
        self._connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.shut_already = threading.Event()
        self.lost = threading.Event()
        """Set when the loss has happened; a lost answer was given by then."""
        self._loss: Loss | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._accept, daemon=True).start()

    def shut(self) -> None:
        """Refuse everyone from now on, and break off whoever is inside."""
        with self._lock:
            self.shut_already.set()
            # A thread that accepts keeps a closed socket listening until it is woken.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            for connection in self._connections:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def lose(self, loss: Loss) -> None:
        """Lose this, once, from now on."""
        self._loss = loss

    def _accept(self) -> None:
        while not self.shut_already.is_set():
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, socket.create_connection(("127.0.0.1", self._to)) as server:
            with self._lock:
                if self.shut_already.is_set():
                    return
                self._connections |= {client, server}
            awaited: list[Loss] = []
            back = threading.Thread(target=self._copy, args=(server, client, awaited), daemon=True)
            back.start()
            self._copy(client, server, awaited, asks=True)
            back.join()

    def _copy(
        self, source: socket.socket, destination: socket.socket, awaited: list[Loss], *, asks: bool = False
    ) -> None:
        """Hand on what one side says; the loss that is awaited is that of this connection's next answer."""
        with contextlib.suppress(OSError):
            while content := source.recv(65536):
                if asks and self._shut_on is not None and self._shut_on in content:
                    self.shut()
                    return
                loss = self._loss_of(content) if asks else None
                if not asks and awaited and content.startswith(b"HTTP/1.1 4"):
                    # Two runs wrote to one ledger at once, and this one came second: nothing was done yet.
                    self._loss = awaited.pop()
                # "Go on" is no answer yet: the server has only seen the beginning.
                answered = not asks and bool(awaited) and not content.startswith(b"HTTP/1.1 100")
                if answered or (loss is not None and not loss.answer):
                    self.lost.set()
                    while source.recv(65536):
                        pass
                    break
                if loss is not None:
                    awaited.append(loss)
                destination.sendall(content)
        for end in (source, destination):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _loss_of(self, content: bytes) -> Loss | None:
        with self._lock:
            loss = self._loss
            if loss is None or not loss.request.match(content):
                return None
            loss.spared -= 1
            if loss.spared >= 0:
                return None
            self._loss = None
            return loss
