"""A web server of this machine, for tests of downloads: it breaks off, refuses to resume, redirects, falls silent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Web(ThreadingHTTPServer):
    """Serves what its attributes say at the time.

    Attributes:
        files: content by path.
        moved: paths that are redirected, and where to.
        tag: the ETag sent with every file; "" for none.
        resumes: whether ranges are honoured.
        shift: where a range begins instead of where it was asked for, relative to that.
        breaks: after how many bytes each coming answer breaks off; an answer takes one from the front.
        code: an error that is answered to everything; 0 for none.
        silent: a lock that an answer waits for when it is held.
        asked: path and headers of every request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files: dict[str, bytes] = {}
        self.moved: dict[str, str] = {}
        self.tag = '"one"'
        self.resumes = True
        self.shift = 0
        self.breaks: list[int] = []
        self.code = 0
        self.silent = threading.Lock()
        self.asked: list[tuple[str, dict[str, str]]] = []

    def address(self, path: str = "/") -> str:
        return f"http://127.0.0.1:{self.server_port}{path}"

    def handle_error(self, *_: Any) -> None:
        """A client that leaves early is no failure of a test."""


@contextmanager
def serving() -> Iterator[Web]:
    web = Web()
    thread = threading.Thread(target=web.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield web
    finally:
        web.shutdown()
        thread.join()
        web.server_close()


class _Handler(BaseHTTPRequestHandler):
    server: Web

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        web = self.server
        web.asked.append((self.path, dict(self.headers)))
        with web.silent:
            if self.path in web.moved:
                self.send_response(302)
                self.send_header("Location", web.moved[self.path])
                self.end_headers()
            elif web.code or self.path not in web.files:
                self.send_error(web.code or 404)
            else:
                self._send(web.files[self.path])

    def _send(self, content: bytes) -> None:
        web, start = self.server, 0
        # Taken before anything is sent: a client that has seen the headers may already be setting the next one.
        end = web.breaks.pop(0) if web.breaks else len(content)
        asked = self.headers.get("Range")
        if asked and web.resumes and self.headers.get("If-Range") == web.tag:
            start = int(asked.removeprefix("bytes=").rstrip("-")) + web.shift
            if start >= len(content):
                self.send_error(416)
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if web.tag:
            self.send_header("ETag", web.tag)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        self.wfile.write(content[start : start + end])
