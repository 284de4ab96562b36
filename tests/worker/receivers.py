"""A real server on loopback that webhooks are sent to."""

import base64
import hashlib
import hmac
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread


@dataclass(frozen=True)
class Received:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: str

    def is_signed_with(self, secret: str) -> bool:
        """What a receiver does, as the text of Standard Webhooks says it."""
        key = base64.b64decode(secret.removeprefix("whsec_"))
        signed = ".".join([self.headers["webhook-id"], self.headers["webhook-timestamp"], self.body])
        expected = base64.b64encode(hmac.new(key, signed.encode(), hashlib.sha256).digest()).decode()
        return f"v1,{expected}" in self.headers["webhook-signature"].split()


@dataclass
class Receiver:
    """Answers with the statuses given, the last one for ever, and a place to go to; answers nothing while it
    is held.
    """

    port: int = 0
    statuses: list[int] = field(default_factory=lambda: [204])
    location: str = "/elsewhere"
    received: list[Received] = field(default_factory=list)
    is_free: Event = field(default_factory=Event)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}/hook"


@contextmanager
def listening(*statuses: int, certificate: Path | None = None) -> Iterator[Receiver]:
    """A receiver that listens, with TLS where there is a certificate (and its key, in one file)."""
    receiver = Receiver(statuses=list(statuses) or [204])
    receiver.is_free.set()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.received.append(Received(self.path, headers, body))
            receiver.is_free.wait(60)
            status = receiver.statuses.pop(0) if len(receiver.statuses) > 1 else receiver.statuses[0]
            self.send_response(status)
            self.send_header("Location", receiver.location)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:  # a sender that has given up, or refuses the certificate
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        receiver.port = server.server_address[1]
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield receiver
        finally:
            receiver.is_free.set()
            server.shutdown()
            thread.join()
