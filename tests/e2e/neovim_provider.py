"""A provider on the loopback that talks until its client hangs up."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_MOST_SECONDS = 60.0


class TalkingProvider:
    """Speaks openai-chat over server-sent events; `closed` is set once the client's connection is gone."""

    def __init__(self) -> None:
        self.closed = threading.Event()
        self.requests = 0
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self.port = self._server.server_address[1]

    def __enter__(self) -> TalkingProvider:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                provider.requests += 1
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                self._talk()

            def _talk(self) -> None:
                chunk = {"id": "1", "object": "chat.completion.chunk", "model": "mock"}
                delta = {**chunk, "choices": [{"index": 0, "delta": {"content": "word "}, "finish_reason": None}]}
                deadline = time.monotonic() + _MOST_SECONDS
                try:
                    while time.monotonic() < deadline:
                        self.wfile.write(b"data: " + json.dumps(delta).encode() + b"\n\n")
                        self.wfile.flush()
                        time.sleep(0.02)  # the pace of its words
                except OSError:
                    provider.closed.set()

            def log_message(self, *_: Any) -> None:
                pass

        return Handler
