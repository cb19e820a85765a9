"""A site whose vitals are known before they are measured."""

from __future__ import annotations

import io
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from PIL import Image

SLOW_ANSWER_SECONDS = 0.8
LATE_MS = 1500
BLOCK_MS = 300
WORDS = "Hello there"

# A block 1280 x 400 that moves down by 200 in a viewport of 1280 x 800: the shift touches 600 of 800 lines and moves by
# 200 of the longer side, 1280. https://web.dev/articles/cls
SHIFT = (600 / 800) * (200 / 1280)

_BLOCK = f"const end = performance.now() + {BLOCK_MS}; while (performance.now() < end);"
_BODIES = {
    "plain": f"<p>{WORDS}</p>",
    "slow-answer": f"<p>{WORDS}</p>",
    "late-text": f"""<p>{WORDS}</p><div id="late"></div><script>setTimeout(() => {{
        late.innerHTML = "<h1 style='font-size: 80px'>A headline that appears late</h1>" }}, {LATE_MS})</script>""",
    "late-picture": f'<p>{WORDS}</p><img src="/picture.png" width="600" height="400">',
    "shift": f"""<div id="gap" style="height: 0"></div><div style="height: 400px; background: #ccc">{WORDS}</div>
        <script>setTimeout(() => {{ gap.style.height = "200px" }}, 600)</script>""",
    "blocked": f"<p>{WORDS}</p><script>setTimeout(() => {{ {_BLOCK} }}, 500)</script>",
    "slow-click": f'<p>{WORDS}</p><button id="go" onclick="{_BLOCK} document.body.append(1)">go</button>',
    "slow-key": f'<p>{WORDS}</p><input id="go" oninput="{_BLOCK}">',
    "cancelled-timer": f"<p>{WORDS}</p><script>clearTimeout(setTimeout(() => {{}}, 4900))</script>",
    "unpainted": "",
    "for-ever": f"<p>{WORDS}</p><script>setTimeout(() => {{ while (true); }}, 300)</script>",
    "leaving": f'<p>{WORDS}</p><a id="go" href="/plain">elsewhere</a>',
    "login": "<p>Please sign in</p>",
}


def _picture() -> bytes:
    # Noise: a picture of few bits for its size does not count as contentful.
    picture = Image.frombytes("RGB", (300, 200), random.Random(1).randbytes(300 * 200 * 3))
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return stream.getvalue()


_PICTURE = _picture()


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        name = self.path.strip("/")
        status, kind = 200, "text/html; charset=utf-8"
        style = "<style>body { margin: 0 } p { height: 20px; margin: 0 }</style>"
        body = f"<!doctype html><title>{name}</title>{style}{_BODIES.get(name, '')}".encode()
        if name == "picture.png":
            time.sleep(LATE_MS / 1000)
            kind, body = "image/png", _PICTURE
        elif name == "slow-answer":
            time.sleep(SLOW_ANSWER_SECONDS)
        elif name == "members":
            status = 302
        elif name not in _BODIES:
            status = 404
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if status == 302:
            self.send_header("Location", "/login")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  - the base class's name
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A browser that was ended hangs up in the middle of an answer: nothing to tell."""


@contextmanager
def site() -> Iterator[str]:
    """The address of the running site."""
    with _Server(("127.0.0.1", 0), _Answers) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
